/** What is doubted of one store before anything is done in it, and what a confirmation takes away. */

import type { Store } from "../store/contract.ts";
import { isStopped } from "./batch.ts";
import { loadDoubts, measureLoad } from "./breaker.ts";
import type { Doubt } from "./contract.ts";
import { doubtsOf } from "./doubts.ts";
import { milestoneDoubts } from "./milestone.ts";
import { confirmStore, modeDoubts, type PolicyRow, readPolicies, versionDoubts } from "./policy.ts";
import type { Round } from "./round.ts";

/** The policies of `stores`; a store that the database does not know is doubted, and left out. */
export async function doubtsOfPolicies(
  round: Round,
  stores: readonly Store[],
): Promise<{ readonly store: Store; readonly policy: PolicyRow }[]> {
  const names = stores.map(({ config }) => config.name);
  const known = await readPolicies(round.context.db, names);
  return stores.flatMap((store) => {
    const policy = known.find((row) => row.store === store.config.name);
    if (policy !== undefined) return [{ store, policy }];
    round.doubts.add([unknown(store.config.name)]);
    return [];
  });
}

function unknown(store: string): Doubt {
  return {
    code: "UNCONFIGURED",
    store,
    subject: store,
    message: `The database does not know the store ${store}.`,
    remedy: "Restart the service, which registers its stores.",
  };
}

/** Looks at the store, its mode, its version and its load; answers the policy, which a confirmation has changed, and what may be killed. */
export async function doubtStore(
  round: Round,
  store: Store,
  policy: PolicyRow,
): Promise<{ readonly policy: PolicyRow; readonly most: number }> {
  const { context, request, run, doubts, parts } = round;
  const name = policy.store;
  if (policy.mode === "off") {
    doubts.add(modeDoubts(name, policy.mode));
    return { policy, most: 0 };
  }
  const look = async <T>(what: string, work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      if (!isStopped(run)) doubts.add(doubtsOf(error, what, name));
      return undefined;
    }
  };
  doubts.add((await look("store", () => parts.storeDoubts(context, store, run.signal))) ?? []);
  doubts.add((await look("milestone", () => milestoneDoubts(context, run, store))) ?? []);
  // With a doubt left nothing is confirmed: nobody has seen what it would have come to.
  const isConfirmed = request.apply && request.confirm === true && !doubts.stop(name);
  const confirmed = isConfirmed ? await look("confirm", () => confirmStore(context, run, name)) : undefined;
  const now = confirmed ?? policy;
  doubts.add(modeDoubts(name, now.mode));
  doubts.add(versionDoubts(now, context.version));
  if (isConfirmed) return { policy: now, most: Number.POSITIVE_INFINITY };
  const load = await look("breaker", () => measureLoad(context.db, now));
  if (load !== undefined) doubts.add(loadDoubts(name, load));
  return { policy: now, most: load?.most ?? 0 };
}
