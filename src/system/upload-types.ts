/** GraphQL types of uploads in the system API. */

import { GraphQLDateTimeISO, GraphQLJSONObject } from "graphql-scalars";
import { Field, ID, InputType, ObjectType, registerEnumType } from "type-graphql";
import { BigIntScalar } from "./big-int.ts";

const uploadKinds = { FILE: "FILE", TREE: "TREE" } as const;
registerEnumType(uploadKinds, { name: "UploadKind", description: "A file, or a folder of files." });

@ObjectType("Upload", { description: "A reserved key and a promise of bytes." })
export class OfferedUpload {
  @Field(() => ID)
  id!: string;

  @Field(() => String, { description: "PUT the bytes here; for a folder to `url/relative/path`." })
  url!: string;

  @Field(() => String, {
    nullable: true,
    description: "Takes a file in several requests, by the tus protocol 1.0; null for a folder.",
  })
  resumableUrl!: string | null;

  @Field(() => String, { description: "OPEN, RECEIVED or COMPLETE." })
  state!: string;

  @Field(() => BigIntScalar)
  receivedBytes!: bigint;

  @Field(() => GraphQLDateTimeISO)
  expiresAt!: Date;
}

@InputType({ description: "The field that is to take the upload; no other may." })
export class UploadTarget {
  @Field(() => String, { description: "Entity, for example `Recording`." })
  type!: string;

  @Field(() => String)
  field!: string;

  @Field(() => GraphQLJSONObject, { nullable: true, description: "Key of the row, where it is known." })
  key?: Record<string, unknown> | null;
}

@InputType({ description: "What will be sent, and for which field." })
export class CreateUploadInput {
  @Field(() => UploadTarget)
  target!: UploadTarget;

  @Field(() => String)
  filename!: string;

  @Field(() => uploadKinds, { defaultValue: uploadKinds.FILE })
  kind!: "FILE" | "TREE";

  @Field(() => String, { nullable: true })
  mediaType?: string | null;

  @Field(() => BigIntScalar, { nullable: true })
  sizeBytes?: bigint | null;

  @Field(() => String, { nullable: true, description: "64 hex digits, checked on arrival." })
  sha256?: string | null;
}
