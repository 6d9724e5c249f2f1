/**
 * TX condemn: objects that nobody holds are marked with the time, and the mark of those that somebody holds again is taken away. Advice only:
 * a mark may be wrong through an old snapshot, and is harmless. Never waits, and never stands in a writer's way.
 */

import type { Transaction } from "../db/contract.ts";
import { audit } from "./audit.ts";
import { batches, Pace, patiently, type Window, windows } from "./batch.ts";
import type { CollectorContext, Run } from "./context.ts";
import type { Decision } from "./contract.ts";
import type { Tally } from "./counts.ts";
import { condemnedOf, condemnedSql, decide, reasons, type Tell } from "./decision.ts";
import { lockReferrers, probeIndexes, unreferenced } from "./referrers.ts";

/** Marks and clears in one walk over the store. */
export async function condemn(
  context: CollectorContext,
  run: Run,
  store: string,
  { tally, tell }: { readonly tally: Tally; readonly tell: Tell },
): Promise<void> {
  const pace = new Pace(1000);
  for await (const found of windows(run, store, (bounds) => wronglyMarked(context, bounds))) {
    await context.faults("condemn.after-candidates");
    for await (const decisions of batches(run, pace, found, (batch) =>
      pace.timed(() => mark(context, run, store, batch)),
    )) {
      for (const { step } of decisions) tally[step === "clear" ? "clear" : "condemn"]++;
      await tell(decisions);
    }
  }
}

/** Unheld and not condemned, or condemned and held. */
function wronglyMarked(
  { db }: CollectorContext,
  { after, before, size }: { after: string; before: string; size: number },
): Promise<Window<string>> {
  const look = async (transaction: Transaction): Promise<Window<string>> => {
    await lockReferrers(transaction, "holdfast.object");
    await transaction.query(probeIndexes);
    const unheld = await unreferenced(transaction, "holdfast.object");
    const { rows } = await transaction.query<{ last: string | null; found: string[] }>(
      `WITH page AS MATERIALIZED (SELECT locator, condemned_at FROM holdfast.object
         WHERE locator > $1 AND locator < $2 ORDER BY locator LIMIT ${size}),
       wrong AS (SELECT locator FROM page o WHERE condemned_at IS NULL AND ${unheld}
         UNION ALL SELECT locator FROM page o WHERE condemned_at IS NOT NULL AND NOT (${unheld}))
       SELECT (SELECT max(locator) FROM page) AS last, ARRAY(SELECT locator FROM wrong ORDER BY locator) AS found`,
      [after, before],
    );
    return { last: rows[0]?.last ?? null, rows: rows[0]?.found ?? [] };
  };
  return patiently(db, look, { readOnly: true });
}

interface Marked {
  readonly locator: string;
  readonly gen: string;
  readonly size: string | null;
  readonly condemned: string | null;
}

async function mark(
  context: CollectorContext,
  run: Run,
  store: string,
  batch: readonly string[],
): Promise<readonly Decision[]> {
  return await patiently(context.db, async (transaction) => {
    await lockReferrers(transaction, "holdfast.object");
    await transaction.query(probeIndexes);
    const unheld = await unreferenced(transaction, "holdfast.object");
    const condemned = await setMark(
      transaction,
      batch,
      "clock_timestamp()",
      `condemned_at IS NULL AND ${unheld}`,
    );
    const cleared = await setMark(transaction, batch, "NULL", `condemned_at IS NOT NULL AND NOT (${unheld})`);
    await audit(transaction, run, "condemn", condemned.map(lineOf));
    await audit(transaction, run, "clear", cleared.map(lineOf));
    await context.faults("condemn.before-commit");
    return [
      ...condemned.map((row) => decide("condemn", store, subjectOf(row), reasons.condemn())),
      ...cleared.map((row) => decide("clear", store, subjectOf(row), reasons.clear())),
    ];
  });
}

async function setMark(
  transaction: Transaction,
  batch: readonly string[],
  value: string,
  where: string,
): Promise<readonly Marked[]> {
  // The lock of an update that leaves keys alone: writers who refer to the object go on beside it.
  const { rows } = await transaction.query<Marked>(
    `WITH mine AS MATERIALIZED (SELECT locator FROM holdfast.object o WHERE locator = ANY ($1::text[]) AND ${where}
       ORDER BY locator FOR NO KEY UPDATE SKIP LOCKED),
     marked AS (UPDATE holdfast.object x SET condemned_at = ${value} FROM mine WHERE x.locator = mine.locator
       RETURNING x.locator, x.gen, x.size, x.condemned_at)
     SELECT locator, gen::text, size, ${condemnedSql("marked")} AS condemned FROM marked ORDER BY locator`,
    [batch],
  );
  return rows;
}

function lineOf({ locator, gen }: Marked): { locator: string; gen: string } {
  return { locator, gen };
}

function subjectOf(row: Marked) {
  return { ...row, condemned: condemnedOf(row.condemned) };
}
