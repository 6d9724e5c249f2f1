/** Pages of a dry run. */

import type { Transaction } from "../db/contract.ts";
import { isStopped, type Window } from "./batch.ts";
import type { Run } from "./context.ts";
import type { Tally } from "./counts.ts";
import type { Tell } from "./decision.ts";
import type { PolicyRow } from "./policy.ts";

/** One store of a dry run under way. */
export interface DryStore {
  readonly policy: PolicyRow;
  readonly tally: Tally;
  readonly tell: Tell;
}

/** A look at one window whose statement answers `last` beside each row, and one row of nulls where it has none. */
export function pageOf<Row extends { readonly locator: string }>(
  transaction: Transaction,
  statement: (size: number) => string,
  values: readonly unknown[] = [],
): (bounds: { after: string; before: string; size: number }) => Promise<Window<Row>> {
  return async ({ after, before, size }) => {
    const { rows } = await transaction.query<Row & { readonly last: string | null }>(statement(size), [
      after,
      before,
      ...values,
    ]);
    return { last: rows[0]?.last ?? null, rows: rows.filter(({ locator }) => locator !== null) };
  };
}

/** The rows of a statement, page by page through a cursor of the server. */
export async function* fetched<Row>(
  transaction: Transaction,
  run: Pick<Run, "signal">,
  statement: string,
  values: readonly unknown[],
): AsyncGenerator<readonly Row[]> {
  await transaction.query(`DECLARE holdfast_dry NO SCROLL CURSOR FOR ${statement}`, values);
  while (!isStopped(run)) {
    const { rows } = await transaction.query<Row>("FETCH 1000 FROM holdfast_dry");
    if (rows.length === 0) break;
    yield rows;
  }
  await transaction.query("CLOSE holdfast_dry");
}
