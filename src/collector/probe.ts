/** A look at a few rows that must cost a few probes of indexes, whatever statistics say, or where there are none yet. */

import type { Database } from "../db/contract.ts";

/**
 * Of a table that was just filled the planner thinks that a sort, or a reading of the whole, is cheap; and a range that only the row tells
 * it takes for so full that the first match must be near. Each would be done again for every few rows.
 */
const probes = ["seqscan", "bitmapscan", "sort", "hashjoin", "mergejoin"]
  .map((way) => `SET LOCAL enable_${way} = off`)
  .join("; ");

/** Runs one statement, in a transaction of its own, by the order of indexes. */
export function probing<Row>(
  db: Database,
  text: string,
  values: readonly unknown[],
  options?: { readonly name: string },
): Promise<readonly Row[]> {
  return db.transaction(async (transaction) => {
    await transaction.query(probes);
    return (await transaction.query<Row>(text, values, options)).rows;
  });
}
