/** Fields that change their codec while everybody reads and writes. */

import { Arg, Ctx, Mutation, Query, Resolver } from "type-graphql";
import type { MoveState } from "../migrate/contract.ts";
import { CodecChange, type codecChangeStates, PlannedCodecChange } from "./codec-change-types.ts";
import { requireRight } from "./guard.ts";
import type { SystemContext, SystemServices } from "./services.ts";

const storesArgument =
  "Also of every field that has values in another store than its own: they are moved to it.";

@Resolver()
export class CodecChangeResolver {
  private readonly services: SystemServices;

  constructor(services: SystemServices) {
    this.services = services;
  }

  @Query(() => [CodecChange], {
    description: "Fields that change their codec, and those that have, in the order they were begun.",
  })
  async codecChanges(@Ctx() context: SystemContext): Promise<CodecChange[]> {
    requireRight(context, "READ");
    return (await this.services.codecChanges.states()).map(told);
  }

  @Query(() => [PlannedCodecChange], { description: "What `beginCodecChanges` would begin." })
  async plannedCodecChanges(
    @Ctx() context: SystemContext,
    @Arg("stores", () => Boolean, { defaultValue: false, description: storesArgument }) stores: boolean,
  ): Promise<PlannedCodecChange[]> {
    requireRight(context, "READ");
    const found = await this.services.codecChanges.plan({ stores });
    return found.map((one) => ({ ...one, subject: subjectOf(one) }));
  }

  @Mutation(() => [CodecChange], {
    description:
      "Begins to copy the values of every field whose codec the schema file changes, or goes on with it, in the background; when all are copied and compared the columns are exchanged. Needs ADMIN.",
  })
  async beginCodecChanges(
    @Ctx() context: SystemContext,
    @Arg("stores", () => Boolean, { defaultValue: false, description: storesArgument }) stores: boolean,
  ): Promise<CodecChange[]> {
    requireRight(context, "ADMIN");
    return (await this.services.codecChanges.begin(context.principal.name, { stores })).map(told);
  }

  @Mutation(() => [CodecChange], {
    description: "Gives up what is being copied; the fields stay as they were. Needs ADMIN.",
  })
  async abandonCodecChanges(@Ctx() context: SystemContext): Promise<CodecChange[]> {
    requireRight(context, "ADMIN");
    return (await this.services.codecChanges.abandon()).map(told);
  }

  @Mutation(() => [CodecChange], {
    description: "Drops the values as they were before changes that are done. Needs ADMIN.",
  })
  async dropOldValues(@Ctx() context: SystemContext): Promise<CodecChange[]> {
    requireRight(context, "ADMIN");
    return (await this.services.codecChanges.dropOld()).map(told);
  }
}

function told(move: MoveState): CodecChange {
  return { ...move, subject: subjectOf(move), state: stateNames[move.state], failures: move.failures };
}

const stateNames = {
  copying: "COPYING",
  swapped: "SWAPPED",
  dropped: "DROPPED",
  abandoned: "ABANDONED",
} as const satisfies Record<MoveState["state"], keyof typeof codecChangeStates>;

function subjectOf({ schema, table, column }: Pick<MoveState, "schema" | "table" | "column">): string {
  return `${schema}.${table}.${column}`;
}
