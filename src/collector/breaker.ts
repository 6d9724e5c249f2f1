/** The breaker: how many objects a run would kill, against how many it may without being confirmed. */

import type { Database, Transaction } from "../db/contract.ts";
import { isPassing } from "./batch.ts";
import type { Doubt } from "./contract.ts";
import { rangeOf } from "./counts.ts";
import type { PolicyRow } from "./policy.ts";
import { lockAllReferrers, lockReferrers, probeIndexes, unheldAfterRelease, unheldNow } from "./referrers.ts";

const always = 1000;
const share = 0.01;

/** What one run would kill in a store, and what it may. */
export interface Load {
  readonly kills: number;
  readonly most: number;
}

/**
 * Counted over the whole run: what is due now, and where there is no grace also what the run would condemn itself. While somebody alters a table
 * that refers, as if the run released nothing: what is released all the same is under the same limit, which `kill` keeps.
 */
export async function measureLoad(db: Database, policy: PolicyRow): Promise<Load> {
  try {
    return await measured(db, policy, async (transaction) => {
      await lockAllReferrers(transaction);
      return unheldAfterRelease(transaction);
    });
  } catch (error) {
    if (!isPassing(error)) throw error;
    return await measured(db, policy, async (transaction) => {
      await lockReferrers(transaction, "holdfast.object");
      return unheldNow(transaction);
    });
  }
}

function measured(
  db: Database,
  { store, graceSeconds }: PolicyRow,
  lockedUnheld: (transaction: Transaction) => Promise<string>,
): Promise<Load> {
  const [after, before] = rangeOf(store);
  return db.transaction(
    async (transaction) => {
      const unheld = await lockedUnheld(transaction);
      await transaction.query(probeIndexes);
      const due = `x.condemned_at < (SELECT clock_timestamp() - grace FROM holdfast.store WHERE name = $3)`;
      const at = graceSeconds === 0 ? `(${due} OR x.condemned_at IS NULL)` : due;
      const { rows } = await transaction.query<{ kills: number; objects: number }>(
        `SELECT (SELECT count(*)::float8 FROM holdfast.object WHERE locator > $1 AND locator < $2) AS objects,
           (SELECT count(*)::float8 FROM holdfast.object x WHERE x.locator > $1 AND x.locator < $2 AND ${at} AND ${unheld}) AS kills`,
        [after, before, store],
      );
      const { kills = 0, objects = 0 } = rows[0] ?? {};
      return { kills, most: mostOf(objects) };
    },
    { readOnly: true },
  );
}

/** What a run may kill unconfirmed in a store of so many objects. */
function mostOf(objects: number): number {
  return Math.max(always, Math.floor(objects * share));
}

/** Nothing where a run may kill so many. */
export function loadDoubts(store: string, { kills, most }: Load): readonly Doubt[] {
  if (kills <= most) return [];
  return [
    {
      code: "TOO_MANY",
      store,
      subject: store,
      message: `${kills} objects of the store ${store} would be killed; ${most} is the most that a run may kill unconfirmed.`,
      remedy: "Make sure that they are meant to go, then run holdfast gc --apply --confirm.",
    },
  ];
}
