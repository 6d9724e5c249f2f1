/** What a run would do, told from one snapshot without a lock: the decisions of release, condemn and kill, page by page in constant memory. */

import type { Transaction } from "../db/contract.ts";
import { windows } from "./batch.ts";
import type { CollectorContext, Run } from "./context.ts";
import type { Decision } from "./contract.ts";
import { condemnedOf, condemnedSql, decide, reasons, type Subject } from "./decision.ts";
import { dryBytes } from "./dry-bytes.ts";
import { type DryStore, pageOf } from "./dry-page.ts";
import { holders, lockAllReferrers, probeIndexes, unheldAfterRelease } from "./referrers.ts";

/** Runs `work` in one snapshot that nothing can be changed in. */
export async function inSnapshot<T>(
  { db }: CollectorContext,
  work: (transaction: Transaction) => Promise<T>,
): Promise<T> {
  return await db.transaction(
    async (transaction) => {
      await transaction.query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ");
      await transaction.query(probeIndexes);
      return await work(transaction);
    },
    { readOnly: true },
  );
}

/** The same for a look at all rows, whose tables cannot be altered meanwhile. */
export function inSnapshotOfRows<T>(
  context: CollectorContext,
  work: (transaction: Transaction) => Promise<T>,
): Promise<T> {
  return inSnapshot(context, async (transaction) => {
    await lockAllReferrers(transaction);
    return await work(transaction);
  });
}

/** Counts and tells what a run on the snapshot would do in one store. */
export async function dryRun(
  transaction: Transaction,
  run: Pick<Run, "signal">,
  what: DryStore,
): Promise<void> {
  await dryRelease(transaction, run, what);
  await dryObjects(transaction, run, what);
  await dryBytes(transaction, run, what);
}

async function dryRelease(transaction: Transaction, run: Pick<Run, "signal">, what: DryStore): Promise<void> {
  const { store } = what.policy;
  for (const { isHold, name, schema, unreferenced } of await holders(transaction)) {
    if (!isHold) continue;
    const look = pageOf<Subject>(
      transaction,
      (
        size,
      ) => `WITH page AS MATERIALIZED (SELECT locator FROM ${name} WHERE locator > $1 AND locator < $2 ORDER BY locator LIMIT ${size}),
       judged AS (SELECT o.locator, x.size FROM page o LEFT JOIN holdfast.object x ON x.locator = o.locator WHERE ${unreferenced})
       SELECT p.last, j.* FROM (SELECT max(locator) AS last FROM page) p LEFT JOIN judged j ON true ORDER BY j.locator`,
    );
    for await (const rows of windows(run, store, look)) {
      what.tally.release += rows.length;
      await what.tell(rows.map((row) => decide("release", store, row, reasons.release(schema))));
    }
  }
}

interface Judged {
  readonly locator: string;
  readonly size: string | null;
  readonly condemned: string | null;
  readonly unheld: boolean;
  readonly due: boolean | null;
}

/** Every object once: what is unheld after the release is condemned, or killed; what is held is cleared. */
async function dryObjects(transaction: Transaction, run: Pick<Run, "signal">, what: DryStore): Promise<void> {
  const { store } = what.policy;
  const unheld = await unheldAfterRelease(transaction);
  const look = pageOf<Judged>(
    transaction,
    (size) => `WITH page AS MATERIALIZED (SELECT locator, size, condemned_at FROM holdfast.object
         WHERE locator > $1 AND locator < $2 ORDER BY locator LIMIT ${size}),
       unheld AS MATERIALIZED (SELECT locator FROM page x WHERE ${unheld}),
       judged AS (SELECT x.locator, x.size, ${condemnedSql("x")} AS condemned, u.locator IS NOT NULL AS unheld,
           x.condemned_at < now() - (SELECT grace FROM holdfast.store WHERE name = $3) AS due
         FROM page x LEFT JOIN unheld u ON u.locator = x.locator WHERE u.locator IS NOT NULL OR x.condemned_at IS NOT NULL)
       SELECT p.last, j.* FROM (SELECT max(locator) AS last FROM page) p LEFT JOIN judged j ON true ORDER BY j.locator`,
    [store],
  );
  for await (const rows of windows(run, store, look)) {
    for (const row of rows) await what.tell(judge(row, what));
  }
  what.tally.kept += await liveObjects(transaction, store);
}

/** What becomes of one object, counted; `kept` by its difference from those that are not condemned now. */
function judge(
  { condemned: text, unheld, due, ...row }: Judged,
  { policy, tally }: DryStore,
): readonly Decision[] {
  const { store, graceSeconds } = policy;
  const subject: Subject = { ...row, condemned: condemnedOf(text) };
  if (!unheld) {
    tally.clear++;
    tally.kept++;
    return [decide("clear", store, { ...subject, condemned: undefined }, reasons.clear())];
  }
  if (text !== null && due !== true) {
    tally.inGrace++;
    return [decide("keep", store, subject, reasons.keep(subject, graceSeconds))];
  }
  const decisions: Decision[] = [];
  if (text === null) {
    tally.condemn++;
    tally.kept--;
    decisions.push(decide("condemn", store, subject, reasons.condemn()));
  }
  if (text === null && graceSeconds > 0) {
    tally.inGrace++;
    return decisions;
  }
  tally.kill++;
  tally.hide++;
  tally.hiddenBytes += Number(row.size ?? 0);
  const reason = text === null ? reasons.killAtOnce() : reasons.kill(subject, graceSeconds);
  return [
    ...decisions,
    decide("kill", store, subject, reason),
    decide("hide", store, subject, reasons.hideKilled()),
  ];
}

/** Objects that are not condemned, and keys that an open upload has. */
export async function liveObjects(queryable: Pick<Transaction, "query">, store: string): Promise<number> {
  const { rows } = await queryable.query<{ count: number }>(
    `SELECT ((SELECT count(*) FROM holdfast.object WHERE locator > $1 || ':' AND locator < $1 || ';' AND condemned_at IS NULL)
       + (SELECT count(*) FROM holdfast.upload WHERE locator > $1 || ':' AND locator < $1 || ';' AND expires_at >= now()))::float8 AS count`,
    [store],
  );
  return rows[0]?.count ?? 0;
}
