/** What is done to one store that may be collected, step by step, until a doubt or the caller stops it. */

import type { Queryable } from "../db/contract.ts";
import type { Store } from "../store/contract.ts";
import { isStopped } from "./batch.ts";
import { loadDoubts, measureLoad } from "./breaker.ts";
import { condemn } from "./condemn.ts";
import type { CollectorContext, Run } from "./context.ts";
import type { CollectRequest, Decision, Doubt, StoreCollection } from "./contract.ts";
import { newTally, rangeOf, type Tally } from "./counts.ts";
import type { Tell } from "./decision.ts";
import { type Doubts, doubtsOf } from "./doubts.ts";
import { tellGrace } from "./grace.ts";
import { kill } from "./kill.ts";
import { setMilestone } from "./milestone.ts";
import type { PolicyRow } from "./policy.ts";
import { release } from "./release.ts";

/** What deletes bytes, and how a store is doubted. */
export interface CollectParts {
  removeBytes(
    context: CollectorContext,
    run: Run,
    store: Store,
    options: {
      readonly onDecision: ((decision: Decision) => void | Promise<void>) | undefined;
      readonly keepSeconds: number;
    },
  ): Promise<{
    readonly hidden: number;
    readonly hiddenBytes: number;
    readonly purged: number;
    readonly purgedBytes: number;
    readonly reaped: number;
  }>;
  storeDoubts(
    context: CollectorContext,
    store: Store,
    signal: AbortSignal | undefined,
  ): Promise<readonly Doubt[]>;
}

/** One run, as its steps see it. */
export interface Round {
  readonly context: CollectorContext;
  readonly run: Run;
  readonly request: CollectRequest;
  readonly parts: CollectParts;
  readonly doubts: Doubts;
  readonly tell: Tell;
}

/** Release → condemn → kill, `most` at most → hide, purge, reap. */
export async function applyTo(
  round: Round,
  store: Store,
  { policy, most }: { readonly policy: PolicyRow; readonly most: number },
): Promise<StoreCollection> {
  const { context, run, request, parts, doubts, tell } = round;
  const name = policy.store;
  const tally = newTally();
  const attempt = async (what: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      if (!isStopped(run)) doubts.add(doubtsOf(error, what, name));
    }
  };
  const step = async (what: string, work: () => Promise<void>): Promise<void> => {
    if (!doubts.stop(name) && !isStopped(run)) await attempt(what, work);
  };
  await step("release", () => release(context, run, name, { tally, tell }));
  await step("condemn", () => condemn(context, run, name, { tally, tell }));
  await step("kill", () => kill(context, run, { ...policy, most }, { tally, tell }));
  // Others have condemned meanwhile: the rest is for a run that sees them from the start.
  if (tally.kill >= most) {
    await step("kill", async () => {
      const { kills } = await measureLoad(context.db, policy);
      doubts.add(loadDoubts(name, { kills: tally.kill + kills, most }));
    });
  }
  await step("bytes", async () => {
    const { onDecision } = request;
    if (await hasDead(context.db, name)) await setMilestone(context, run, store);
    addBytes(
      tally,
      await parts.removeBytes(context, run, store, { onDecision, keepSeconds: policy.keepSeconds }),
    );
  });
  await attempt("report", () => tellGrace(context, run, policy, { tally, tell }));
  return { store: name, mode: policy.mode, isApplied: !doubts.stop(name), counts: tally };
}

/** Whether there are bytes to take away, or to let go of. */
async function hasDead(db: Queryable, store: string): Promise<boolean> {
  const [after, before] = rangeOf(store);
  const { rowCount } = await db.query(
    "SELECT FROM holdfast.tombstone WHERE locator > $1 AND locator < $2 LIMIT 1",
    [after, before],
  );
  return rowCount > 0;
}

function addBytes(tally: Tally, done: Awaited<ReturnType<CollectParts["removeBytes"]>>): void {
  tally.hide += done.hidden;
  tally.hiddenBytes += done.hiddenBytes;
  tally.purge += done.purged;
  tally.purgedBytes += done.purgedBytes;
  tally.reap += done.reaped;
}
