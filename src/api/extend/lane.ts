/** One transaction used by functions that run side by side: one statement, or one operation, after the other. */

import type { Queryable, Transaction } from "../../db/contract.ts";

/** A transaction's turns. */
export interface Lane extends Queryable {
  readonly transaction: Transaction;
  /** Runs `work` alone; what it does with the transaction goes past the lane. */
  run<T>(work: () => Promise<T>): Promise<T>;
}

/** Makes the lane of what runs at one level. An operation inside another one has a lane of its own, since it runs in the other's turn. */
export function createLane(transaction: Transaction): Lane {
  let last: Promise<unknown> = Promise.resolve();
  const run = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = last.then(work);
    last = mine.catch(() => undefined);
    return mine;
  };
  return {
    transaction,
    run,
    query: (text, values, options) => run(() => transaction.query(text, values, options)),
  };
}
