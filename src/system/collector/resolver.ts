/** The collector: policies, runs, what is told of them, what can be undone. */

import { Arg, Ctx, ID, Int, Mutation, Query, Resolver, Root, Subscription } from "type-graphql";
import { ServiceError } from "../../errors.ts";
import { requireRight } from "../guard.ts";
import { checkCount, checkId } from "../page-arguments.ts";
import type { SystemContext, SystemServices } from "../services.ts";
import { listAudit } from "./audit-list.ts";
import { followRun } from "./follow.ts";
import { AuditPage, RemovedObjectPage, Revived } from "./history-types.ts";
import { CollectInput, CollectionPolicy, FsckInput, StorePolicyInput } from "./policy-types.ts";
import { listRemoved } from "./removed-list.ts";
import { findRun, listRuns } from "./run-list.ts";
import { CollectorProgress, CollectorRun, CollectorRunPage } from "./run-types.ts";

/** How many objects one call revives. */
const mostLocators = 1000;

@Resolver()
export class CollectorResolver {
  private readonly services: SystemServices;

  constructor(services: SystemServices) {
    this.services = services;
  }

  @Query(() => [CollectionPolicy], { description: "How each store is collected." })
  async storePolicies(@Ctx() context: SystemContext): Promise<CollectionPolicy[]> {
    requireRight(context, "READ");
    return [...(await this.services.collector.policies())];
  }

  @Mutation(() => CollectionPolicy, { description: "Changes how a store is collected. Needs ADMIN." })
  async setStorePolicy(
    @Ctx() context: SystemContext,
    @Arg("input", () => StorePolicyInput) input: StorePolicyInput,
  ): Promise<CollectionPolicy> {
    requireRight(context, "ADMIN");
    const { store, mode, graceSeconds, keepSeconds, drainSeconds } = input;
    const changed = {
      ...(mode == null ? {} : { mode }),
      ...(graceSeconds == null ? {} : { graceSeconds }),
      ...(keepSeconds == null ? {} : { keepSeconds }),
      ...(drainSeconds == null ? {} : { drainSeconds }),
    };
    return this.services.collector.setPolicy({ store, ...changed }, context.principal.name);
  }

  @Query(() => CollectorRunPage, {
    description: "Runs of the collector, on every replica, the newest first.",
  })
  async collectorRuns(
    @Ctx() context: SystemContext,
    @Arg("first", () => Int, { defaultValue: 20 }) first: number,
    @Arg("after", () => String, { nullable: true }) after: string | null,
  ): Promise<CollectorRunPage> {
    requireRight(context, "READ");
    checkCount("first", first);
    checkId("after", after);
    return listRuns(this.services.db, { first, after });
  }

  @Query(() => CollectorRun, { nullable: true, description: "One run; null when there is none." })
  async collectorRun(
    @Ctx() context: SystemContext,
    @Arg("id", () => ID) id: string,
  ): Promise<CollectorRun | null> {
    requireRight(context, "READ");
    checkId("id", id);
    return findRun(this.services.db, id);
  }

  @Query(() => AuditPage, {
    description: "What was done to an object, or to all: who, when, in which run. The oldest first.",
  })
  async audit(
    @Ctx() context: SystemContext,
    @Arg("locator", () => ID, { nullable: true }) locator: string | null,
    @Arg("first", () => Int, { defaultValue: 100 }) first: number,
    @Arg("after", () => String, { nullable: true }) after: string | null,
  ): Promise<AuditPage> {
    requireRight(context, "READ");
    checkCount("first", first);
    checkId("after", after);
    return listAudit(this.services.db, { locator, first, after });
  }

  @Query(() => RemovedObjectPage, {
    description: "Killed objects whose bytes are still there, in the order of their locators.",
  })
  async removedObjects(
    @Ctx() context: SystemContext,
    @Arg("first", () => Int, { defaultValue: 100 }) first: number,
    @Arg("after", () => String, { nullable: true }) after: string | null,
    @Arg("prefix", () => String, { nullable: true, description: "Begin of the locator: `main:_hash/lab/`." })
    prefix: string | null,
    @Arg("locator", () => ID, { nullable: true }) locator: string | null,
  ): Promise<RemovedObjectPage> {
    requireRight(context, "READ");
    checkCount("first", first);
    return listRemoved(this.services.db, { first, after, prefix, locator });
  }

  @Mutation(() => CollectorRun, {
    description:
      "Removes what nothing refers to, or tells what would be removed. Answered when the run has ended, or after 20 seconds while it is RUNNING: `collectorRun` and `collectorProgress` tell the rest. Needs ADMIN.",
  })
  async collect(
    @Ctx() context: SystemContext,
    @Arg("input", () => CollectInput) { stores, apply, confirm, wait, follow }: CollectInput,
  ): Promise<CollectorRun> {
    requireRight(context, "ADMIN");
    const { collector, runs } = this.services;
    const asked = { ...chosen(stores), apply, confirm, by: context.principal.name };
    const id = await runs.begin(
      ({ tell, ...hooks }) =>
        collector.collect({
          ...asked,
          ...hooks,
          ...(tell && { onDecision: (decision) => tell({ decision }) }),
        }),
      { wait, follow },
    );
    return this.#found(id);
  }

  @Mutation(() => CollectorRun, {
    description:
      "Compares stores with the database, and mends what can be mended; deletes nothing. Answered as `collect` is. Needs ADMIN.",
  })
  async fsck(
    @Ctx() context: SystemContext,
    @Arg("input", () => FsckInput) { stores, apply, scrub, wait, follow }: FsckInput,
  ): Promise<CollectorRun> {
    requireRight(context, "ADMIN");
    checkShare(scrub);
    const { collector, runs } = this.services;
    const asked = { ...chosen(stores), apply, scrub, by: context.principal.name };
    const id = await runs.begin(
      ({ tell, ...hooks }) =>
        collector.fsck({ ...asked, ...hooks, ...(tell && { onFinding: (finding) => tell({ finding }) }) }),
      { wait, follow },
    );
    return this.#found(id);
  }

  @Mutation(() => CollectorRun, {
    description:
      "Stops a run of this replica after the batch that it is at; what it did is done. Answered at once. Needs ADMIN.",
  })
  async stopCollectorRun(
    @Ctx() context: SystemContext,
    @Arg("id", () => ID) id: string,
  ): Promise<CollectorRun> {
    requireRight(context, "ADMIN");
    checkId("id", id);
    const wasHere = this.services.runs.stop(id);
    const run = await this.#found(id);
    if (wasHere || run.state !== "RUNNING") return run;
    throw new ServiceError("CONFLICT", `Run ${id} is not one that a caller of this replica has begun.`, {
      details: { field: "id", value: id, remedy: "Ask the replica that runs it, or stop that one." },
    });
  }

  @Mutation(() => [Revived], {
    description:
      "Brings condemned and killed objects back, from the trash too, for another grace period. Needs ADMIN.",
  })
  async reviveObjects(
    @Ctx() context: SystemContext,
    @Arg("locators", () => [ID]) locators: string[],
  ): Promise<Revived[]> {
    requireRight(context, "ADMIN");
    if (locators.length > mostLocators)
      throw new ServiceError("LIMIT_EXCEEDED", `${locators.length} locators; the limit is ${mostLocators}.`, {
        details: { field: "locators", limit: mostLocators },
      });
    const { principal, signal, patience = (work) => work() } = context;
    return patience(async () => [
      ...(await this.services.collector.revive({ locators, by: principal.name, signal })),
    ]);
  }

  @Subscription(() => CollectorProgress, {
    description:
      "News of one run until it has ended, for one follower: its decisions where it was begun with `follow`, and its end.",
    subscribe: ({ source, args, context }) => follow(source, args, context),
  })
  collectorProgress(@Arg("run", () => ID) _run: string, @Root() news: CollectorProgress): CollectorProgress {
    return news;
  }

  async #found(id: string): Promise<CollectorRun> {
    const run = await findRun(this.services.db, id);
    if (run !== null) return run;
    throw new ServiceError("NOT_FOUND", `There is no run ${id}.`, {
      details: { field: "id", value: id, remedy: "collectorRuns lists them." },
    });
  }
}

/** What the subscription plugin gives as the source is the services. */
async function follow(services: SystemServices, { run }: { run: string }, context: SystemContext) {
  requireRight(context, "READ");
  checkId("run", run);
  return followRun(services, run);
}

function chosen(stores: string[] | null | undefined): { readonly stores?: readonly string[] } {
  return stores == null ? {} : { stores };
}

function checkShare(scrub: number): void {
  if (scrub >= 0 && scrub <= 1) return;
  throw new ServiceError("BAD_USER_INPUT", `scrub is ${scrub}; it must be from 0 to 1.`, {
    details: {
      field: "scrub",
      value: scrub,
      remedy: "Give the share of the objects to read: 0.1, or 1 for all.",
    },
  });
}
