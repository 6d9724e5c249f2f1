/** GraphQL types of the system API. Each type is a thunk: no metadata is emitted. */

import { GraphQLDateTimeISO, GraphQLJSONObject } from "graphql-scalars";
import { Field, ID, Int, ObjectType } from "type-graphql";
import { BigIntScalar } from "./big-int.ts";

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

  @Field(() => [String], {
    description:
      "What it can do beyond reading and writing: `multipart`, `presign`, `refusesLate`, `tags`, `versions`.",
  })
  abilities!: string[];

  @Field(() => Int, { description: "Objects registered in this store." })
  objectCount!: number;

  @Field(() => BigIntScalar, { description: "Bytes of the objects whose size is known." })
  sizeBytes!: bigint;
}

@ObjectType("CodecField", { description: "One thing that can be selected of a codec's values." })
export class LoadedCodecField {
  @Field(() => String)
  name!: string;

  @Field(() => String, { description: "GraphQL type: `[Int!]`." })
  type!: string;

  @Field(() => String, { nullable: true, description: "Arguments as SDL: `slice: [SliceInput!]`." })
  args!: string | null;

  @Field(() => String)
  description!: string;

  @Field(() => String, { nullable: true, description: "Scalar that rows can be filtered by; null: none." })
  filter!: string | null;
}

@ObjectType("Codec", { description: "A loaded codec." })
export class LoadedCodec {
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

  @Field(() => String, { description: "GraphQL type of its value in inputs." })
  input!: string;

  @Field(() => Boolean, { description: "Whether a value may be a folder." })
  acceptsTree!: boolean;

  @Field(() => Boolean, { description: "Whether a value may be sent by upload." })
  acceptsUpload!: boolean;

  @Field(() => [LoadedCodecField], { description: "What can be selected of a value; `url` comes on top." })
  fields!: LoadedCodecField[];

  @Field(() => String, { description: "SDL of the input type and of the types that it needs." })
  typeDefs!: string;

  @Field(() => String, {
    nullable: true,
    description: "What `@codec(args: {…})` may say, as SDL: `rate: Float! = 30000`; null: nothing.",
  })
  args!: string | null;

  @Field(() => String, { description: "File or package that the codec comes from." })
  source!: string;
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
export class StoredObject {
  @Field(() => ID, { description: "`store:path`." })
  locator!: string;

  @Field(() => String)
  store!: string;

  @Field(() => String)
  path!: string;

  @Field(() => Boolean, { description: "Whether it is a folder." })
  isTree!: boolean;

  @Field(() => BigIntScalar, { nullable: true })
  sizeBytes!: bigint | null;

  @Field(() => String, { nullable: true, description: "64 hex digits." })
  sha256!: string | null;

  @Field(() => GraphQLDateTimeISO)
  createdAt!: Date;

  @Field(() => GraphQLDateTimeISO, { nullable: true, description: "When the bytes were last known good." })
  verifiedAt!: Date | null;

  @Field(() => Boolean, {
    description: "Nothing holds it: the collector kills it after its grace, unless something holds it again.",
  })
  isCondemned!: boolean;

  @Field(() => GraphQLDateTimeISO, {
    nullable: true,
    description: "When its grace began; null where it has none, being what an abandoned upload has left.",
  })
  condemnedAt!: Date | null;
}

@ObjectType({ description: "Objects of one page." })
export class ObjectPage {
  @Field(() => [StoredObject])
  nodes!: StoredObject[];

  @Field(() => String, {
    nullable: true,
    description: "Pass as `after` for the next page; null on the last.",
  })
  endCursor!: string | null;
}

@ObjectType({ description: "Why a change cannot be made." })
export class Refusal {
  @Field(() => String)
  message!: string;

  @Field(() => String, { description: "What to do." })
  remedy!: string;
}

@ObjectType({ description: "One step that makes the tables follow the schema file." })
export class Change {
  @Field(() => String, { description: "`create-table`, `add-column`, `refused` and the like." })
  kind!: string;

  @Field(() => String, { description: "One line for people." })
  summary!: string;

  @Field(() => String, { description: "Statements; empty for a change that is refused." })
  sql!: string;

  @Field(() => Boolean, { description: "Whether it removes data that the tables hold, or may change it." })
  destructive!: boolean;

  @Field(() => String, { nullable: true, description: "The type it is for; null where it is for no one." })
  entity!: string | null;

  @Field(() => Refusal, {
    nullable: true,
    description: "Why the change cannot be made; null when it can. `apply` refuses a plan with one.",
  })
  refusal!: Refusal | null;
}

@ObjectType("Difference", { description: "One difference between the tables and the model." })
export class TableDifference {
  @Field(() => String, { description: "`missing-table`, `wrong-type`, `extra-column` and the like." })
  kind!: string;

  @Field(() => String, { description: "`schema.table` or `schema.table.column`." })
  subject!: string;

  @Field(() => String)
  message!: string;

  @Field(() => Boolean, { description: "Whether the API cannot serve it as the model says." })
  breaks!: boolean;
}

@ObjectType("Entity", { description: "One entity of the model and its table." })
export class ServedEntity {
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
export class ModelInService {
  @Field(() => String)
  schema!: string;

  @Field(() => String)
  version!: string;

  @Field(() => [ServedEntity])
  entities!: ServedEntity[];

  @Field(() => String, { description: "The schema file." })
  source!: string;

  @Field(() => String, { description: "The schema of `/graphql`." })
  apiSdl!: string;
}

@ObjectType({
  description: "One thing that must work for the service to be ready, or that was tried on a store.",
})
export class Check {
  @Field(() => String)
  name!: string;

  @Field(() => Boolean)
  ok!: boolean;

  @Field(() => String)
  message!: string;
}

@ObjectType({ description: "How the service is." })
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
