/** Transactions whose running statement ends when the caller goes away. */

import type { Transaction } from "../../db/contract.ts";

/** The same transaction; each statement is cancelled when `signal` fires, so that nobody waits for the locks of a client that left. */
export function stoppable(transaction: Transaction, signal: AbortSignal | undefined): Transaction {
  if (signal === undefined) return transaction;
  return {
    query: (text, values, options) => transaction.query(text, values, { signal, ...options }),
    savepoint: (work) => transaction.savepoint(work),
  };
}
