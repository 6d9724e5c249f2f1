/** GraphQL types of uploads in the system API. */

import { GraphQLDateTimeISO, GraphQLJSONObject } from "graphql-scalars";
import { Field, ID, InputType, Int, ObjectType, registerEnumType } from "type-graphql";
import { BigIntScalar } from "./big-int.ts";

const uploadKinds = { FILE: "FILE", TREE: "TREE" } as const;
registerEnumType(uploadKinds, { name: "UploadKind", description: "A file, or a folder of files." });

@ObjectType("UploadPart", { description: "One part of a file: PUT exactly so many bytes to its url." })
export class OfferedPart {
  @Field(() => Int, { description: "From 1." })
  number!: number;

  @Field(() => BigIntScalar)
  sizeBytes!: bigint;

  @Field(() => String, {
    nullable: true,
    description: "Null where none was signed: signUploadParts signs one.",
  })
  url!: string | null;

  @Field(() => GraphQLDateTimeISO, { nullable: true })
  expiresAt!: Date | null;

  @Field(() => Boolean)
  isReceived!: boolean;
}

@ObjectType("UploadFile", { description: "A file of a folder, as declared." })
export class OfferedFile {
  @Field(() => String)
  path!: string;

  @Field(() => BigIntScalar)
  sizeBytes!: bigint;

  @Field(() => Int, { nullable: true, description: "Null for a file that is PUT to `url/path`." })
  partCount!: number | null;

  @Field(() => Boolean, { description: "Arrived; of a file by parts: put together and read back." })
  isReceived!: boolean;
}

@ObjectType("Upload", { description: "A reserved key and a promise of bytes." })
export class OfferedUpload {
  @Field(() => ID)
  id!: string;

  @Field(() => String, { description: "PUT the bytes here; for a folder to `url/relative/path`." })
  url!: string;

  @Field(() => String, {
    nullable: true,
    description:
      "Takes a file in several requests, by the tus protocol 1.0; null for a folder, and where parts were asked for.",
  })
  resumableUrl!: string | null;

  @Field(() => [OfferedPart], { nullable: true, description: "Null where the bytes go to the url." })
  parts!: OfferedPart[] | null;

  @Field(() => [OfferedFile], { nullable: true, description: "Null where none were declared." })
  files!: OfferedFile[] | null;

  @Field(() => String, {
    description:
      "OPEN, RECEIVED, VERIFYING (complete it again to wait), COMPLETE, USED (a row has it) or EXPIRED.",
  })
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

@InputType({ description: "A file of a folder, before it is sent." })
export class UploadFileInput {
  @Field(() => String, { description: "Relative to the folder." })
  path!: string;

  @Field(() => BigIntScalar)
  sizeBytes!: bigint;

  @Field(() => String, { nullable: true, description: "64 hex digits." })
  sha256?: string | null;

  @Field(() => Int, {
    nullable: true,
    description: "Send it in about so many parts, straight to its store; without it, PUT it to `url/path`.",
  })
  parts?: number | null;
}

@InputType({
  description:
    "A part that was sent, and the ETag that the store answered: compared before the parts are put together.",
})
export class UploadPartInput {
  @Field(() => Int)
  number!: number;

  @Field(() => String, { nullable: true })
  etag?: string | null;
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

  @Field(() => Int, {
    nullable: true,
    description:
      "Send the file in about so many parts, straight to its store, where the store takes any. Needs sizeBytes.",
  })
  parts?: number | null;

  @Field(() => [UploadFileInput], {
    nullable: true,
    description: "The files of a folder, 10,000 at most, where they are known: exactly these must arrive.",
  })
  files?: UploadFileInput[] | null;
}
