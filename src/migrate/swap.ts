/** The end of a change: writers are kept away for a moment, the last values copied, and the columns exchanged, together with the rest of the file. */

import { applyOnce, type SchemaPlan, takeTurn } from "../db/apply.ts";
import type { Transaction } from "../db/contract.ts";
import { ServiceError } from "../errors.ts";
import type { Model } from "../model/model.ts";
import { swapStatements } from "../sql/codec-move.ts";
import { qualified } from "../sql/quote.ts";
import type { MigrateServices } from "./contract.ts";
import { copyRest, type OpenMove } from "./copy.ts";
import { recordState } from "./record.ts";
import { countPending } from "./rows.ts";

/** Values that are copied while writers wait, at least: who writes faster than is copied waits once, and the change comes to its end. */
const leastRest = 64;

/**
 * Exchanges the columns, in a transaction of the caller's.
 * @throws {CONFLICT} when so much has been written meanwhile that writers would wait too long.
 */
export async function swap(
  services: MigrateServices,
  open: readonly OpenMove[],
  at: {
    readonly transaction: Transaction;
    readonly wanted: Model;
    readonly signal: AbortSignal;
    /** Values that waited a moment ago. */
    readonly waiting: number;
    /** From 1. */
    readonly attempt: number;
  },
): Promise<SchemaPlan> {
  const { transaction, wanted, signal } = at;
  const most = (leastRest + 2 * at.waiting) * 2 ** (at.attempt - 1);
  await takeTurn(transaction);
  // Tables are locked in one order by everybody who locks several.
  const names = [...new Set(open.map(({ move: { table } }) => qualified(table.schema, table.name)))].sort();
  await transaction.query(`LOCK TABLE ${names.join(", ")} IN SHARE ROW EXCLUSIVE MODE`);
  for (const one of open) {
    if ((await countPending(transaction, one.move, most + 1)) > most) throw busy(one);
  }
  await copyRest(services, open, { transaction, model: wanted, signal });
  for (const one of open) if ((await countPending(transaction, one.move, 1)) > 0) throw busy(one);
  for (const one of open)
    for (const statement of swapStatements(one.move)) await transaction.query(statement);
  const ids = open.map(({ id }) => id);
  await recordState(transaction, ids, "swapped");
  return applyOnce(transaction, wanted, { allowDestructive: false });
}

function busy({ move: { table, column } }: OpenMove): ServiceError {
  return new ServiceError(
    "CONFLICT",
    `${table.schema}.${table.name}.${column.name} is written to too quickly.`,
    {
      details: { remedy: "Nothing: it is tried again." },
    },
  );
}
