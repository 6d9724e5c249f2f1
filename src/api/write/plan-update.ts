/** `updateX(key, set, ifVersion)`: absent leaves a field, null clears it or sets its default. */

import type { Transaction } from "../../db/contract.ts";
import { refuseValue } from "../../plan/refuse-value.ts";
import { identifier, qualified } from "../../sql/quote.ts";
import { draftColumn, draftListRows, draftReference } from "./draft-row.ts";
import { explainConstraint } from "./explain-constraint.ts";
import { fieldOf, inputObject, keyValues } from "./input-field.ts";
import { rowJson, valueText } from "./insert-rows.ts";
import { clearLists } from "./list-rows.ts";
import { existingRow, keyCondition, keyJson, lockRow } from "./lock-row.ts";
import { openBook } from "./plan-create.ts";
import { type DraftBook, entityOf, type RowDraft } from "./row-draft.ts";
import { showRows } from "./show-rows.ts";
import type { RowPlan, WriteScope } from "./write-plan.ts";
import { tableCounts, tableName, writeRows } from "./write-rows.ts";

/** Plans `updateX`. @throws {BAD_USER_INPUT} */
export function planUpdate(scope: WriteScope, entityName: string): RowPlan {
  const entity = entityOf(scope.request.model, entityName);
  const { args } = scope.field;
  const book = openBook(scope);
  const key = keyValues(book, entity, { key: inputObject(args["key"], "key"), place: "key" });
  const row = existingRow(entity, key, "set");
  draftPatch(book, row, inputObject(args["set"], "set"));
  return {
    kind: "rows",
    pending: book.pending,
    run: async (transaction) => {
      const locked = await lockRow(transaction, entity, {
        key,
        ifVersion: args["ifVersion"],
        strength: "NO KEY UPDATE",
      });
      // Rows that the patch creates for its references come before, elements of its lists after.
      const before = book.rows.filter((one) => one.owner !== row);
      const after = book.rows.filter((one) => one.owner === row);
      const created = await writeRows(transaction, { ...book, rows: before }, "ABORT");
      await updateRow(transaction, row, key);
      await clearLists(transaction, book.model, [row]);
      const listed = await writeRows(transaction, { ...book, rows: after.map(alone) }, "ABORT");
      const rows = await showRows(scope, transaction, { entity, many: false, keys: [locked.key] });
      const affected = counted([
        { table: tableName(entity), count: isEmpty(row) ? 0 : 1 },
        ...created.affected,
        ...listed.affected,
      ]);
      return { kind: "rows", entity, many: false, rows, count: 1, skipped: 0, affected };
    },
  };
}

/** The owner exists already: the element needs nothing of this request. */
function alone(row: RowDraft): RowDraft {
  const { owner: _, ...rest } = row;
  return { ...rest, needs: new Set() };
}

function counted(counts: readonly { table: string; count: number }[]) {
  const sums = new Map<string, number>();
  for (const { table, count } of counts) sums.set(table, (sums.get(table) ?? 0) + count);
  return tableCounts(sums);
}

function draftPatch(book: DraftBook, row: RowDraft, set: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(set)) {
    if (value === undefined) continue;
    const place = `set.${name}`;
    const known = fieldOf(row.entity, name, "set");
    if (known.kind === "reference") draftReference(book, row, { reference: known.reference, value, place });
    else if (known.kind === "column") {
      if (known.column.inKey)
        refuseValue(place, value, "would change the key", "Create a row with the new key instead.");
      draftColumn(book, row, { column: known.column, value, place });
    } else if (known.kind === "list") {
      row.givenLists.add(known.list.entity);
      draftListRows(book, row, { list: known.list, value, place });
    } else
      refuseValue(place, value, "is a list of other rows", "Create, update or delete those rows themselves.");
  }
}

function isEmpty(row: RowDraft): boolean {
  return row.cells.size === row.entity.key.length && row.givenLists.size === 0;
}

async function updateRow(
  transaction: Transaction,
  row: RowDraft,
  key: ReadonlyMap<string, string>,
): Promise<void> {
  if (isEmpty(row)) return;
  const { entity } = row;
  const given = [...row.cells.keys()].filter((name) => !key.has(name));
  // A new list is a new version of its row, though no column of it changes.
  const columns = given.length === 0 ? entity.key.slice(0, 1) : given;
  const table = qualified(entity.schema, entity.table);
  const set = columns.map(
    (name) =>
      `${identifier(name)} = ${given.length === 0 ? `t.${identifier(name)}` : valueText(entity, name)}`,
  );
  const sql = `UPDATE ${table} AS t SET ${set.join(", ")}
FROM json_populate_record(NULL::${table}, $1::json) AS u, json_populate_record(NULL::${table}, $2::json) AS k
WHERE ${keyCondition(entity).replaceAll(" u.", " k.")}`;
  try {
    await transaction.query(sql, [rowJson(row), keyJson(key)]);
  } catch (error) {
    throw explainConstraint(error, [row]);
  }
}
