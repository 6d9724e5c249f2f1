/** Lists of codec values: part rows that are replaced as a whole. */

import type { Transaction } from "../../db/contract.ts";
import type { Entity, Model } from "../../model/model.ts";
import { identifier, qualified } from "../../sql/quote.ts";
import { rowJson } from "./insert-rows.ts";
import { entityOf, type RowDraft } from "./row-draft.ts";

/** Removes the elements of the lists that these rows give anew. */
export async function clearLists(
  transaction: Transaction,
  model: Model,
  rows: readonly Pick<RowDraft, "entity" | "cells" | "givenLists">[],
): Promise<void> {
  const lists = new Set(rows.flatMap((row) => [...row.givenLists]));
  for (const name of lists) {
    const owners = rows.filter((row) => row.givenLists.has(name));
    const [first] = owners;
    if (first === undefined) continue;
    await transaction.query(clearText(first.entity, entityOf(model, name)), [
      `[${owners.map(keyJson).join(",")}]`,
    ]);
  }
}

function keyJson(row: Pick<RowDraft, "entity" | "cells">): string {
  return rowJson({ cells: new Map(row.entity.key.map((name) => [name, row.cells.get(name) ?? null])) });
}

function clearText(owner: Entity, list: Entity): string {
  const reference = list.references.find((one) => one.target === owner.name && one.inKey);
  const pairs = (reference?.columns ?? []).map(
    (pair) => `t.${identifier(pair.column)} = u.${identifier(pair.target)}`,
  );
  return `DELETE FROM ${qualified(list.schema, list.table)} AS t
USING json_populate_recordset(NULL::${qualified(owner.schema, owner.table)}, $1::json) AS u WHERE ${pairs.join(" AND ")}`;
}
