/** GraphQL types of what became of objects: the audit, killed ones, revived ones. */

import { GraphQLDateTimeISO, GraphQLJSONObject } from "graphql-scalars";
import { Field, ID, ObjectType } from "type-graphql";
import { BigIntScalar } from "../big-int.ts";

@ObjectType({ description: "What became of a locator that was to be revived." })
export class Revived {
  @Field(() => ID)
  locator!: string;

  @Field(() => String, {
    description:
      "`revived`: there again, for another grace period. `alive`: it was there. `gone`: nothing is left of it. `busy`: its bytes are being moved; try again.",
  })
  outcome!: string;

  @Field(() => String)
  message!: string;
}

@ObjectType({ description: "One step that was done to one object; kept for good." })
export class AuditEntry {
  @Field(() => ID)
  id!: string;

  @Field(() => GraphQLDateTimeISO)
  at!: Date;

  @Field(() => ID, { nullable: true, description: "The run that it belongs to." })
  run!: string | null;

  @Field(() => String, { description: "Who asked for it." })
  by!: string;

  @Field(() => String, { description: "`condemn`, `kill`, `hide`, `purge`, `revive` and the like." })
  step!: string;

  @Field(() => ID, { nullable: true })
  locator!: string | null;

  @Field(() => ID, { nullable: true, description: "Which of the objects that had this locator." })
  gen!: string | null;

  @Field(() => ID, { nullable: true })
  tombstone!: string | null;

  @Field(() => GraphQLJSONObject, { nullable: true })
  details!: Record<string, unknown> | null;
}

@ObjectType({ description: "Audit entries of one page, the oldest first." })
export class AuditPage {
  @Field(() => [AuditEntry])
  nodes!: AuditEntry[];

  @Field(() => String, {
    nullable: true,
    description: "Pass as `after` for the next page; null on the last.",
  })
  endCursor!: string | null;
}

@ObjectType({
  description: "An object that was killed, until its bytes are gone: `reviveObjects` brings it back.",
})
export class RemovedObject {
  @Field(() => ID, { description: "Of its tombstone." })
  id!: string;

  @Field(() => ID, { description: "`store:path`." })
  locator!: string;

  @Field(() => Boolean, { description: "Whether it is a folder." })
  isTree!: boolean;

  @Field(() => BigIntScalar, { nullable: true })
  sizeBytes!: bigint | null;

  @Field(() => String, {
    description:
      "`QUEUED`: the bytes lie where they were. `CLAIMED`: they are being moved. `HIDDEN`: in the trash.",
  })
  state!: string;

  @Field(() => GraphQLDateTimeISO)
  killedAt!: Date;

  @Field(() => GraphQLDateTimeISO, { nullable: true })
  hiddenAt!: Date | null;

  @Field(() => GraphQLDateTimeISO, { nullable: true, description: "From then on the bytes may go for good." })
  purgeAfter!: Date | null;
}

@ObjectType({ description: "Killed objects of one page, in the order of their locators." })
export class RemovedObjectPage {
  @Field(() => [RemovedObject])
  nodes!: RemovedObject[];

  @Field(() => String, {
    nullable: true,
    description: "Pass as `after` for the next page; null on the last.",
  })
  endCursor!: string | null;
}
