/** Whether a transaction was committed, when the connection was lost while committing. @source integrity protocol §4, write, step 6 */

import { setTimeout as sleep } from "node:timers/promises";
import type { Database, Queryable } from "../../db/contract.ts";
import { isServiceError } from "../../errors.ts";

/** The transaction's number, by which PostgreSQL remembers its end. */
export async function transactionNumber(transaction: Queryable): Promise<string> {
  const { rows } = await transaction.query<{ xid: string }>("SELECT pg_current_xact_id()::text AS xid");
  return rows[0]?.xid ?? "";
}

/** True for the one error after which nobody knows how a transaction ended. */
export function isUnknownOutcome(error: unknown): boolean {
  return isServiceError(error, "DATABASE_UNAVAILABLE") && error.details["outcome"] === "unknown";
}

/** Asks PostgreSQL, for as long as it takes to come back. `unknown`: it could not be asked, or has forgotten. */
export async function outcomeOf(
  db: Database,
  number: string,
  options: { readonly tries?: number; readonly pauseMs?: number } = {},
): Promise<"committed" | "aborted" | "unknown"> {
  for (let left = options.tries ?? 40; left > 0; left--) {
    const status = await statusOf(db, number);
    if (status === "committed" || status === "aborted") return status;
    // In progress: its session has not noticed yet that we are gone. Unreachable: it may be starting again.
    await sleep(options.pauseMs ?? 250);
  }
  return "unknown";
}

async function statusOf(db: Database, number: string): Promise<string | undefined> {
  try {
    const { rows } = await db.query<{ status: string | null }>("SELECT pg_xact_status($1::xid8) AS status", [
      number,
    ]);
    return rows[0]?.status ?? undefined;
  } catch {
    return undefined;
  }
}
