/** GraphQL types of fields that change their codec. */

import { GraphQLDateTimeISO, GraphQLJSONObject } from "graphql-scalars";
import { Field, ID, ObjectType, registerEnumType } from "type-graphql";
import { BigIntScalar } from "./big-int.ts";

/** How far a change of a codec is. */
export const codecChangeStates = {
  COPYING: "COPYING",
  SWAPPED: "SWAPPED",
  DROPPED: "DROPPED",
  ABANDONED: "ABANDONED",
} as const;

registerEnumType(codecChangeStates, {
  name: "CodecChangeState",
  description: "How far the change of a field's codec is.",
  valuesConfig: {
    COPYING: { description: "Values are copied; the old ones are served and written." },
    SWAPPED: { description: "The new ones are; the old ones are kept in a hidden column." },
    DROPPED: { description: "The old ones are gone." },
    ABANDONED: { description: "It was given up: the copies are gone." },
  },
});

@ObjectType({ description: "A row whose value the new codec cannot take over." })
export class CodecChangeFailure {
  @Field(() => GraphQLJSONObject, { description: "Key columns and their texts." })
  key!: Readonly<Record<string, string>>;

  @Field(() => String)
  message!: string;
}

@ObjectType({
  description: "A field that the schema file gives another codec, and that could keep its values.",
})
export class PlannedCodecChange {
  @Field(() => String, { description: "GraphQL type." })
  entity!: string;

  @Field(() => String, { description: "`schema.table.column`" })
  subject!: string;

  @Field(() => String, { description: "`<blob>`" })
  from!: string;

  @Field(() => String, { description: "`<npy@main>`" })
  to!: string;

  @Field(() => BigIntScalar, { description: "Values there are now." })
  values!: string;

  @Field(() => String, { description: "What `beginCodecChanges` runs before it copies." })
  sql!: string;

  @Field(() => String, { nullable: true, description: "Why it cannot be done; null when it can." })
  obstacle!: string | null;
}

@ObjectType({ description: "A field that changes its codec, or has." })
export class CodecChange {
  @Field(() => ID)
  id!: string;

  @Field(() => String, { description: "GraphQL type." })
  entity!: string;

  @Field(() => String, { description: "`schema.table.column`" })
  subject!: string;

  @Field(() => String)
  from!: string;

  @Field(() => String)
  to!: string;

  @Field(() => codecChangeStates)
  state!: keyof typeof codecChangeStates;

  @Field(() => BigIntScalar, {
    description: "Values copied so far, those that were written again meanwhile counted each time.",
  })
  copied!: string;

  @Field(() => BigIntScalar, {
    description: "Rows that are in the way; while there is one, nothing is swapped.",
  })
  failed!: string;

  @Field(() => [CodecChangeFailure], { description: "The first 100 of them." })
  failures!: readonly CodecChangeFailure[];

  @Field(() => String, { nullable: true, description: "Why the last run has stopped." })
  error!: string | null;

  @Field(() => GraphQLDateTimeISO)
  begunAt!: Date;

  @Field(() => GraphQLDateTimeISO, { nullable: true })
  swappedAt!: Date | null;
}
