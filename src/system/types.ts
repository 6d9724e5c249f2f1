/** GraphQL types of the system API. Each type is a thunk: no metadata is emitted. */

import { GraphQLBigInt, GraphQLDateTimeISO, GraphQLJSONObject } from "graphql-scalars";
import { Field, ID, InputType, Int, ObjectType, registerEnumType } from "type-graphql";

@ObjectType({ description: "A configured place for bytes." })
export class Store {
  @Field(() => String)
  name!: string;

  @Field(() => String, { description: "`file`, `s3` or a plugin's." })
  protocol!: string;

  @Field(() => String)
  location!: string;

  @Field(() => Boolean)
  isDefault!: boolean;

  @Field(() => Boolean, { description: "Whether `filepath` fields without a store use it." })
  isFilepathDefault!: boolean;

  @Field(() => String, { nullable: true, description: "Why the store cannot be used now; null when it can." })
  problem!: string | null;

  @Field(() => Int, { description: "Objects registered in this store." })
  objectCount!: number;

  @Field(() => GraphQLBigInt, { description: "Bytes of the objects whose size is known." })
  sizeBytes!: bigint;
}

@ObjectType("Codec", { description: "A loaded codec." })
export class CodecType {
  @Field(() => String)
  name!: string;

  @Field(() => Int)
  version!: number;

  @Field(() => String)
  summary!: string;

  @Field(() => Boolean, { description: "Whether values may be kept in the row." })
  inRow!: boolean;

  @Field(() => Boolean, { description: "Whether values may be kept in a store." })
  inStore!: boolean;

  @Field(() => String, { description: "GraphQL type of the field." })
  output!: string;

  @Field(() => String)
  input!: string;
}

@ObjectType({ description: "A row that refers to an object." })
export class Referrer {
  @Field(() => String)
  schema!: string;

  @Field(() => String)
  table!: string;

  @Field(() => String)
  column!: string;

  @Field(() => GraphQLJSONObject, { description: "Key columns of the row, as text." })
  key!: Record<string, string>;
}

@ObjectType("Object", { description: "One immutable piece of bytes, or folder, in a store." })
export class StoredObjectType {
  @Field(() => ID, { description: "`store:path`." })
  locator!: string;

  @Field(() => String)
  store!: string;

  @Field(() => String)
  path!: string;

  @Field(() => Boolean, { description: "Whether it is a folder." })
  isTree!: boolean;

  @Field(() => GraphQLBigInt, { nullable: true })
  sizeBytes!: bigint | null;

  @Field(() => String, { nullable: true, description: "64 hex digits." })
  sha256!: string | null;

  @Field(() => GraphQLDateTimeISO)
  createdAt!: Date;

  @Field(() => GraphQLDateTimeISO, { nullable: true, description: "When the bytes were last known good." })
  verifiedAt!: Date | null;

  @Field(() => GraphQLDateTimeISO, { nullable: true, description: "Since when nothing holds it." })
  condemnedAt!: Date | null;
}

@ObjectType()
export class ObjectPage {
  @Field(() => [StoredObjectType])
  nodes!: StoredObjectType[];

  @Field(() => String, {
    nullable: true,
    description: "Pass as `after` for the next page; null on the last.",
  })
  endCursor!: string | null;
}

@ObjectType({ description: "One statement that makes the tables follow the schema file." })
export class Change {
  @Field(() => String)
  summary!: string;

  @Field(() => String)
  sql!: string;

  @Field(() => Boolean)
  destructive!: boolean;

  @Field(() => String)
  entity!: string;
}

@ObjectType("Difference", { description: "One difference between the tables and the model." })
export class DifferenceType {
  @Field(() => String)
  kind!: string;

  @Field(() => String)
  subject!: string;

  @Field(() => String)
  message!: string;
}

@ObjectType("Entity", { description: "One entity of the model and its table." })
export class EntityType {
  @Field(() => String)
  name!: string;

  @Field(() => String)
  schema!: string;

  @Field(() => String)
  table!: string;

  @Field(() => String, { description: "MANUAL, LOOKUP, IMPORTED or COMPUTED." })
  tier!: string;

  @Field(() => String, { nullable: true, description: "The master, for part tables." })
  partOf!: string | null;
}

@ObjectType("Model", { description: "The model that is being served." })
export class ModelType {
  @Field(() => String)
  schema!: string;

  @Field(() => String)
  version!: string;

  @Field(() => [EntityType])
  entities!: EntityType[];

  @Field(() => String, { description: "The schema file." })
  source!: string;

  @Field(() => String, { description: "The schema of `/graphql`." })
  apiSdl!: string;
}

@ObjectType()
export class Check {
  @Field(() => String)
  name!: string;

  @Field(() => Boolean)
  ok!: boolean;

  @Field(() => String)
  message!: string;
}

@ObjectType()
export class Health {
  @Field(() => Boolean)
  ready!: boolean;

  @Field(() => String)
  version!: string;

  @Field(() => GraphQLDateTimeISO)
  startedAt!: Date;

  @Field(() => [Check])
  checks!: Check[];
}

const uploadKinds = { FILE: "FILE", TREE: "TREE" } as const;
registerEnumType(uploadKinds, { name: "UploadKind" });

@ObjectType("Upload", { description: "A reserved key and a promise of bytes." })
export class UploadType {
  @Field(() => ID)
  id!: string;

  @Field(() => String, { description: "PUT the bytes here; for a folder to `url/relative/path`." })
  url!: string;

  @Field(() => String, { description: "OPEN, RECEIVED or COMPLETE." })
  state!: string;

  @Field(() => GraphQLBigInt)
  receivedBytes!: bigint;

  @Field(() => GraphQLDateTimeISO)
  expiresAt!: Date;
}

@InputType()
export class UploadTarget {
  @Field(() => String, { description: "Entity, for example `Recording`." })
  type!: string;

  @Field(() => String)
  field!: string;

  @Field(() => GraphQLJSONObject, { nullable: true, description: "Key of the row, where it is known." })
  key?: Record<string, unknown> | null;
}

@InputType()
export class CreateUploadInput {
  @Field(() => UploadTarget)
  target!: UploadTarget;

  @Field(() => String)
  filename!: string;

  @Field(() => uploadKinds, { defaultValue: uploadKinds.FILE })
  kind!: "FILE" | "TREE";

  @Field(() => String, { nullable: true })
  mediaType?: string | null;

  @Field(() => GraphQLBigInt, { nullable: true })
  sizeBytes?: bigint | null;

  @Field(() => String, { nullable: true, description: "64 hex digits, checked on arrival." })
  sha256?: string | null;
}
