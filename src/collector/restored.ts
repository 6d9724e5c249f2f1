/**
 * A store whose database was set back to an earlier moment: the database may name bytes that were hidden or replaced in the time that it has
 * forgotten. integrity.md §4, Restore: wait until what was on its way has drained; trust nothing; then verify, heal and reconcile all of it.
 */

import type { Database } from "../db/contract.ts";
import type { Store } from "../store/contract.ts";
import { audit } from "./audit.ts";
import { isStopped, windows } from "./batch.ts";
import type { CollectorContext, Run } from "./context.ts";
import type { Doubt } from "./contract.ts";
import { rangeOf } from "./counts.ts";

interface Restored {
  /** The mode began at; names this restore. */
  readonly since: string;
  readonly drained: boolean;
  readonly drainedAt: string;
  readonly isReset: boolean;
}

/** How far the restore of a store is; `undefined` when it is in another mode. */
async function restoredOf(db: Database, store: string): Promise<Restored | undefined> {
  const { rows } = await db.query<Restored>(
    `SELECT restore_since::text AS since, restore_since + drain < clock_timestamp() AS drained,
       to_json(restore_since + drain) #>> '{}' AS "drainedAt", restore_reset_at IS NOT NULL AS "isReset"
     FROM holdfast.store WHERE name = $1 AND gc = 'restore'`,
    [store],
  );
  return rows[0];
}

/** Whether a check of the store has to look at the trash of a time that the database has forgotten. */
export async function isRestored(db: Database, store: string): Promise<boolean> {
  return (await restoredOf(db, store)) !== undefined;
}

/**
 * Before a check that mends: makes every object of the store unverified, once, and drops its uploads. Nothing for stores in another mode.
 * Answers a doubt while deletions of the forgotten time may still arrive: what was verified now could be gone in a minute.
 */
export async function prepareRestored(
  context: CollectorContext,
  run: Run,
  store: Store,
): Promise<readonly Doubt[]> {
  const { name } = store.config;
  const restored = await restoredOf(context.db, name);
  if (restored === undefined || restored.isReset) return [];
  if (!restored.drained) return [draining(name, restored.drainedAt)];
  for await (const locators of windows(run, name, (bounds) => verified(context.db, bounds))) {
    await context.db.query(
      "UPDATE holdfast.object SET verified_at = NULL, dedup = NULL WHERE locator = ANY ($1::text[])",
      [locators],
    );
  }
  if (isStopped(run)) return [];
  await context.db.transaction(async (transaction) => {
    const [after, before] = rangeOf(name);
    const { rowCount } = await transaction.query(
      `UPDATE holdfast.store SET restore_reset_at = clock_timestamp()
       WHERE name = $1 AND gc = 'restore' AND restore_since = $2::timestamptz AND restore_reset_at IS NULL`,
      [name, restored.since],
    );
    if (rowCount === 0) return;
    const uploads = await transaction.query<{ locator: string }>(
      "DELETE FROM holdfast.upload WHERE locator > $1 AND locator < $2 RETURNING locator",
      [after, before],
    );
    await audit(transaction, run, "drop-upload", uploads.rows);
    await audit(transaction, run, "restore", [{ locator: `${name}:`, details: { since: restored.since } }]);
  });
  return [];
}

function verified(
  db: Database,
  { after, before, size }: { readonly after: string; readonly before: string; readonly size: number },
): Promise<{ last: string | null; rows: readonly string[] }> {
  return db
    .query<{ locator: string }>(
      `SELECT locator FROM holdfast.object WHERE locator > $1 AND locator < $2 AND (verified_at IS NOT NULL OR dedup IS NOT NULL)
       ORDER BY locator LIMIT ${size}`,
      [after, before],
    )
    .then(({ rows }) => ({ last: rows.at(-1)?.locator ?? null, rows: rows.map(({ locator }) => locator) }));
}

/** After a check that has seen the whole store, without a doubt: its mode may be set to on again. */
export async function restoreChecked(context: CollectorContext, store: string): Promise<void> {
  await context.db.query(
    `UPDATE holdfast.store SET restore_checked_at = clock_timestamp()
     WHERE name = $1 AND gc = 'restore' AND restore_reset_at IS NOT NULL`,
    [store],
  );
}

function draining(store: string, at: string): Doubt {
  return {
    code: "MODE",
    store,
    subject: store,
    message: `The store ${store} is in mode restore, and deletions from before may still arrive until ${at}.`,
    remedy: `Run holdfast fsck --apply again after ${at}.`,
  };
}
