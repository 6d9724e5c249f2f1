/** GraphQL types of what runs of the collector tell. */

import { GraphQLDateTimeISO, GraphQLJSONObject } from "graphql-scalars";
import { Field, ID, Int, ObjectType } from "type-graphql";
import type { CollectionMode } from "../../collector/contract.ts";
import { BigIntScalar } from "../big-int.ts";
import { collectionModes } from "./policy-types.ts";

@ObjectType({ description: "A reason to delete nothing." })
export class CollectorDoubt {
  @Field(() => String, {
    description:
      "`GUARD`, `IDENTITY`, `CANARY`, `STORE`, `DATABASE`, `PERMISSION`, `UNCONFIGURED`, `MODE`, `UNCONFIRMED` or `TOO_MANY`.",
  })
  code!: string;

  @Field(() => String, { nullable: true, description: "Null: all stores." })
  store!: string | null;

  @Field(() => String, { description: "What is doubted: a column, an object, a place." })
  subject!: string;

  @Field(() => String)
  message!: string;

  @Field(() => String, { description: "What to do." })
  remedy!: string;
}

@ObjectType({ description: "Objects that a step was done to, or would be." })
export class StepCounts {
  @Field(() => Int, { description: "Holds of schemas that no row uses any more." })
  release!: number;

  @Field(() => Int, { description: "Objects that nothing holds: their grace begins." })
  condemn!: number;

  @Field(() => Int, { description: "Condemned objects that something holds again." })
  clear!: number;

  @Field(() => Int, { description: "Objects whose grace is over." })
  kill!: number;

  @Field(() => Int, { description: "Objects whose bytes went into the trash." })
  hide!: number;

  @Field(() => Int, { description: "Objects whose bytes are gone for good." })
  purge!: number;

  @Field(() => Int, { description: "Abandoned uploads." })
  reap!: number;

  @Field(() => BigIntScalar, { description: "Bytes taken into the trash, as recorded." })
  hiddenBytes!: number;

  @Field(() => BigIntScalar, { description: "Bytes gone for good, as recorded." })
  purgedBytes!: number;

  @Field(() => Int, { description: "Objects that rows or uploads need." })
  kept!: number;

  @Field(() => Int, { description: "Condemned objects whose grace goes on." })
  inGrace!: number;
}

@ObjectType({ description: "What a run has done in one store, or would do." })
export class CollectedStore {
  @Field(() => String)
  store!: string;

  @Field(() => collectionModes)
  mode!: CollectionMode;

  @Field(() => Boolean, { description: "False where a doubt, the mode or a dry run left all as it was." })
  isApplied!: boolean;

  @Field(() => StepCounts)
  counts!: StepCounts;
}

@ObjectType({ description: "What a comparison has found in one store." })
export class CheckedStore {
  @Field(() => String)
  store!: string;

  @Field(() => Int)
  objects!: number;

  @Field(() => BigIntScalar, { description: "Bytes that were read and digested." })
  scrubbedBytes!: number;

  @Field(() => GraphQLJSONObject, { description: "How many of each kind, see `CollectorFinding`." })
  found!: Record<string, number>;

  @Field(() => Int, { description: "How many of them were mended." })
  mended!: number;

  @Field(() => Int, { description: "Objects that rows need and whose bytes are nowhere." })
  lost!: number;
}

@ObjectType({ description: "One run of the collector." })
export class CollectorRun {
  @Field(() => ID)
  id!: string;

  @Field(() => String, { description: "`COLLECT`, `FSCK`, `REVIVE`, `POLICY`, `RESTORE` or `EXPIRE`." })
  kind!: string;

  @Field(() => String, { description: "`RUNNING`, `DONE` or `FAILED`." })
  state!: string;

  @Field(() => Boolean, { description: "False for a dry run." })
  isApplied!: boolean;

  @Field(() => String, { description: "Name of the token that asked, or `schedule`." })
  by!: string;

  @Field(() => String, { description: "Of Holdfast." })
  version!: string;

  @Field(() => GraphQLDateTimeISO)
  startedAt!: Date;

  @Field(() => GraphQLDateTimeISO, { nullable: true })
  endedAt!: Date | null;

  @Field(() => String, { nullable: true, description: "Why it has failed, where that is known." })
  error!: string | null;

  @Field(() => [CollectorDoubt], { description: "Why nothing was deleted, in one store or in all." })
  doubts!: CollectorDoubt[];

  @Field(() => [CollectedStore], {
    nullable: true,
    description: "Of a `COLLECT` that has ended: each store that it came to.",
  })
  collected!: CollectedStore[] | null;

  @Field(() => [CheckedStore], {
    nullable: true,
    description: "Of a `FSCK` that has ended: each store that it came to.",
  })
  checked!: CheckedStore[] | null;

  @Field(() => GraphQLJSONObject, { nullable: true, description: "All that was recorded of it." })
  report!: Record<string, unknown> | null;
}

@ObjectType({ description: "Runs of one page, the newest first." })
export class CollectorRunPage {
  @Field(() => [CollectorRun])
  nodes!: CollectorRun[];

  @Field(() => String, {
    nullable: true,
    description: "Pass as `after` for the next page; null on the last.",
  })
  endCursor!: string | null;
}

@ObjectType({ description: "One decision about one object." })
export class CollectorDecision {
  @Field(() => String, {
    description: "`release`, `condemn`, `clear`, `kill`, `hide`, `purge`, `reap` or `keep`.",
  })
  step!: string;

  @Field(() => String)
  store!: string;

  @Field(() => ID)
  locator!: string;

  @Field(() => String, { description: "Why, in words." })
  reason!: string;

  @Field(() => BigIntScalar, { nullable: true, description: "Null where nobody recorded it." })
  sizeBytes!: number | null;

  @Field(() => GraphQLDateTimeISO, { nullable: true })
  condemnedAt!: Date | null;
}

@ObjectType({ description: "One thing that is not as it should be." })
export class CollectorFinding {
  @Field(() => String, {
    description:
      "`UNKNOWN_BYTES`, `MISSING`, `SIZE`, `DIGEST`, `UNVERIFIED`, `DANGLING_ROW` or `OPEN_MULTIPART`.",
  })
  kind!: string;

  @Field(() => String)
  store!: string;

  @Field(() => ID)
  locator!: string;

  @Field(() => String)
  message!: string;

  @Field(() => String, {
    description: "What became of it: `healed`, `adopted`, `verified`, `cleaned`, or `left` as it is.",
  })
  outcome!: string;
}

@ObjectType({ description: "News of one run." })
export class CollectorProgress {
  @Field(() => [CollectorDecision], { description: "Of a run that was begun with `follow`." })
  decisions!: CollectorDecision[];

  @Field(() => [CollectorFinding], { description: "Of a run that was begun with `follow`." })
  findings!: CollectorFinding[];

  @Field(() => CollectorRun, { nullable: true, description: "When it has ended: the last news." })
  ended!: CollectorRun | null;
}
