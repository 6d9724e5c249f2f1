/** One run of a kind at a time among all processes on a database. */

import type { Database } from "./contract.ts";

/**
 * Does `work` unless another process is at work of this name; answers whether it was done. The lock is of a transaction that stays open and
 * idle: it goes with its connection, when the process dies too, holds nothing else, and works behind transaction-mode poolers.
 */
export async function alone(db: Database, name: string, work: () => Promise<void>): Promise<boolean> {
  return db.transaction(async (transaction) => {
    const { rows } = await transaction.query<{ mine: boolean }>(
      "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS mine",
      [`holdfast.job.${name}`],
    );
    if (rows[0]?.mine !== true) return false;
    // However long the work takes; PostgreSQL before 17 has no transaction_timeout.
    await transaction.query(
      `SELECT set_config(name, '0', true) FROM unnest(ARRAY['idle_in_transaction_session_timeout', 'transaction_timeout']) AS name
       WHERE current_setting(name, true) IS NOT NULL`,
    );
    await work();
    return true;
  });
}
