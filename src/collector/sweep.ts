/**
 * Deleting what nothing refers to, release and kill alike: candidates unlocked → lock, skipping what others have → delete in a new statement
 * that looks again. The foreign keys make it safe; the order only keeps it from failing.
 */

import type { Transaction } from "../db/contract.ts";
import { type AuditLine, audit } from "./audit.ts";
import { batches, gathered, Pace, patiently, type Window, windows } from "./batch.ts";
import type { CollectorContext, Run } from "./context.ts";
import type { Decision } from "./contract.ts";
import { DoubtFound } from "./doubts.ts";
import { guardDoubts } from "./guard.ts";
import { stillOn } from "./policy.ts";
import { lockReferrers, probeIndexes, unreferenced } from "./referrers.ts";

/** What a batch has deleted. */
export interface Swept {
  readonly decisions: readonly Decision[];
  readonly lines: readonly AuditLine[];
}

/** What is swept. */
export interface Sweep {
  readonly step: "release" | "kill";
  readonly store: string;
  /** The table, as SQL writes it; its rows have a `locator`. */
  readonly target: string;
  /** Over the row `o`: may it go, apart from references? With its values, from `$1` on. Asked for anew by each transaction. */
  condition(
    queryable: Pick<Transaction, "query">,
  ): Promise<{ readonly text: string; readonly values: readonly string[] }>;
  /** Deletes those of `locators` for which `free` holds, `free` being over the row `o`. */
  remove(transaction: Transaction, locators: readonly string[], free: string): Promise<Swept>;
}

/** Sweeps the whole store once, and answers the decisions of each committed batch. */
export async function* sweep(
  context: CollectorContext,
  run: Run,
  what: Sweep,
  most = Number.POSITIVE_INFINITY,
): AsyncGenerator<readonly Decision[]> {
  const pace = new Pace(1000);
  let left = most;
  const walk = windows(run, what.store, (bounds) => candidates(context, what, bounds));
  for await (const found of gathered(walk, () => Math.min(left, pace.size))) {
    await context.faults(`${what.step}.after-candidates`);
    const within = found.slice(0, left);
    for await (const decisions of batches(run, pace, within, (batch) =>
      deleteBatch(context, run, { ...what, pace }, batch),
    )) {
      left -= decisions.length;
      yield decisions;
    }
    if (left <= 0) return;
  }
}

/** Locators that nothing seems to refer to. A hint, read without locks; a cursor sees to it that live rows are read once. */
function candidates(
  { db }: CollectorContext,
  what: Sweep,
  { after, before, size }: { after: string; before: string; size: number },
): Promise<Window<string>> {
  const look = async (transaction: Transaction): Promise<Window<string>> => {
    await lockReferrers(transaction, what.target);
    await transaction.query(probeIndexes);
    const { text, values } = await what.condition(transaction);
    const { rows } = await transaction.query<{ last: string | null; free: string[] }>(
      `WITH page AS MATERIALIZED (SELECT locator FROM ${what.target} o
         WHERE locator > $${values.length + 1} AND locator < $${values.length + 2} AND ${text} ORDER BY locator LIMIT ${size})
       SELECT (SELECT max(locator) FROM page) AS last,
         ARRAY(SELECT locator FROM page o WHERE ${await unreferenced(transaction, what.target)} ORDER BY locator) AS free`,
      [...values, after, before],
    );
    return { last: rows[0]?.last ?? null, rows: rows[0]?.free ?? [] };
  };
  return patiently(db, look, { readOnly: true });
}

async function deleteBatch(
  context: CollectorContext,
  run: Run,
  what: Sweep & { readonly pace: Pace },
  batch: readonly string[],
): Promise<readonly Decision[]> {
  return await patiently(context.db, async (transaction) => {
    await lockReferrers(transaction, what.target);
    // From here to the commit nobody can add, drop or switch off a foreign key to the target.
    await transaction.query(`LOCK TABLE ${what.target} IN ROW EXCLUSIVE MODE`);
    const doubts = [...(await guardDoubts(transaction)), ...(await stillOn(transaction, what.store))];
    if (doubts.length > 0) throw new DoubtFound(doubts);
    await transaction.query(probeIndexes);
    const free = await unreferenced(transaction, what.target);
    // What is timed is what writers of these objects may have to wait for.
    return await what.pace.timed(async () => {
      const locked = await lock(transaction, what, batch);
      await context.faults(`${what.step}.after-lock`);
      const { decisions, lines } = await what.remove(transaction, locked, free);
      await audit(transaction, run, what.step, lines);
      await context.faults(`${what.step}.before-commit`);
      return decisions;
    });
  });
}

/** Never waits for a writer: what somebody is about to refer to is locked by the foreign key, and skipped. */
async function lock(transaction: Transaction, what: Sweep, batch: readonly string[]): Promise<string[]> {
  const { text, values } = await what.condition(transaction);
  const { rows } = await transaction.query<{ locator: string }>(
    `SELECT locator FROM ${what.target} o WHERE locator = ANY ($${values.length + 1}::text[]) AND ${text}
     ORDER BY locator FOR UPDATE SKIP LOCKED`,
    [...values, batch],
  );
  return rows.map(({ locator }) => locator);
}
