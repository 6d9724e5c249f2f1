/** One round of the collector: what is doubted first, then release, condemn, kill and the bytes of each store that may be collected. */

import type { Store } from "../store/contract.ts";
import type { CollectorContext } from "./context.ts";
import type { CollectReport, CollectRequest, StoreCollection } from "./contract.ts";
import { newTally } from "./counts.ts";
import { teller } from "./decision.ts";
import { doubtStore, doubtsOfPolicies } from "./doubt-store.ts";
import { Doubts, doubtsOf } from "./doubts.ts";
import { dryRun, inSnapshotOfRows } from "./dry-run.ts";
import { databaseDoubts } from "./guard.ts";
import type { PolicyRow } from "./policy.ts";
import { applyTo, type CollectParts, type Round } from "./round.ts";
import { beginRun } from "./runs.ts";

/**
 * Collects, or with `apply: false` tells what would be done. What is doubted is told by name and stops the deletion that it is about; what
 * was done before is told too. A run that is aborted ends between two batches and tells what it has done.
 * @throws {STORE_UNKNOWN}; {DATABASE_UNAVAILABLE} where not even the run can be written down.
 */
export async function collect(
  context: CollectorContext,
  request: CollectRequest,
  parts: CollectParts,
): Promise<CollectReport> {
  const names = [...new Set(request.stores ?? context.stores.all.keys())].sort();
  const stores = names.map((name) => context.stores.get(name));
  const open = await beginRun(context, { kind: "COLLECT", applied: request.apply, by: request.by });
  request.onRun?.(open.id);
  const run = { id: open.id, by: request.by, signal: request.signal };
  const round: Round = {
    context,
    run,
    request,
    parts,
    doubts: new Doubts(),
    tell: teller(request.onDecision),
  };
  const done = new Map<string, StoreCollection>();
  const report = (endedAt: Date): CollectReport => ({
    run: open.id,
    startedAt: open.startedAt,
    endedAt,
    isApplied: [...done.values()].some(({ isApplied }) => isApplied),
    doubts: round.doubts.all,
    stores: names.flatMap((name) => done.get(name) ?? []),
  });
  try {
    for await (const one of collections(round, stores)) done.set(one.store, one);
    return report(await open.finish("DONE", report));
  } catch (error) {
    return await failed(round, error, { open, report });
  } finally {
    await open.close();
  }
}

type Ending = {
  readonly open: Awaited<ReturnType<typeof beginRun>>;
  readonly report: (endedAt: Date) => CollectReport;
};

/** An error of the database hides nothing of what was done before; anything else is a fault of ours, or of who listens. */
async function failed(
  { context, doubts }: Round,
  error: unknown,
  { open, report }: Ending,
): Promise<CollectReport> {
  let isDoubt = true;
  try {
    doubts.add(doubtsOf(error, "The run"));
  } catch {
    isDoubt = false;
  }
  const ended = await open.finish("FAILED", report).catch((late: unknown) => {
    context.warn(late, `end of run ${open.id}`);
    return new Date();
  });
  if (!isDoubt) throw error;
  return report(ended);
}

async function* collections(round: Round, stores: readonly Store[]): AsyncGenerator<StoreCollection> {
  const { context, run, doubts, request } = round;
  doubts.add(await databaseDoubts(context, run));
  // Read after the course, which may have changed the modes.
  const looked = [];
  for (const { store, policy } of await doubtsOfPolicies(round, stores)) {
    looked.push({ store, ...(await doubtStore(round, store, policy)) });
  }
  const isInert = ({ policy }: { policy: PolicyRow }) => !request.apply || doubts.stop(policy.store);
  const [inert, live] = [looked.filter(isInert), looked.filter((one) => !isInert(one))];
  yield* await reported(
    round,
    inert.map(({ policy }) => policy),
  );
  for (const one of live) yield await applyTo(round, one.store, one);
}

/** Told from one snapshot, nothing done. A store that is off is not looked at. */
async function reported(round: Round, policies: readonly PolicyRow[]): Promise<readonly StoreCollection[]> {
  const { context, run, doubts, tell } = round;
  const answer = policies.map(({ store, mode }) => ({ store, mode, isApplied: false, counts: newTally() }));
  if (policies.every(({ mode }) => mode === "off")) return answer;
  try {
    await inSnapshotOfRows(context, async (transaction) => {
      for (const [at, policy] of policies.entries()) {
        const one = answer[at];
        if (one === undefined || policy.mode === "off") continue;
        const look = () => dryRun(transaction, run, { policy, tally: one.counts, tell });
        await transaction
          .savepoint(look)
          .catch((error: unknown) => doubts.add(doubtsOf(error, "dry run", policy.store)));
      }
    });
  } catch (error) {
    doubts.add(doubtsOf(error, "dry run"));
  }
  return answer;
}
