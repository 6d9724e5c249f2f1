/** Sets the fields of a patch in rows that are locked, with the rows that its references create and the lists that it gives. */

import type { Transaction } from "../../db/contract.ts";
import { ServiceError } from "../../errors.ts";
import { identifier, qualified } from "../../sql/quote.ts";
import { referenceTo } from "./draft-row.ts";
import { explainConstraint } from "./explain-constraint.ts";
import type { WriteAttempt } from "./extension.ts";
import { rowJson, valueText } from "./insert-rows.ts";
import { clearLists } from "./list-rows.ts";
import { keyCondition, keysJson } from "./lock-row.ts";
import type { Key } from "./match-rows.ts";
import type { DraftBook, RowDraft } from "./row-draft.ts";
import { type TableCount, tableCounts, tableName, writeRows } from "./write-rows.ts";

/**
 * Updates the rows with these keys to what `row`, drafted into `book`, gives.
 * @throws {CONSTRAINT_VIOLATION} {LIMIT_EXCEEDED}
 */
export async function updateRows(
  transaction: Transaction,
  {
    book,
    row,
    attempt,
  }: {
    readonly book: DraftBook;
    readonly row: RowDraft;
    readonly attempt?: WriteAttempt | undefined;
  },
  keys: readonly Key[],
): Promise<readonly TableCount[]> {
  if (keys.length === 0 || isEmpty(row)) return [];
  // Rows that the patch creates for its references come before, elements of its lists after.
  const before = book.rows.filter((one) => one.owner !== row);
  const elements = book.rows.filter((one) => one.owner === row);
  checkCount(book, row, before.length + keys.length * (1 + elements.length));
  const created = await writeRows(transaction, { ...book, rows: before }, { onConflict: "ABORT", attempt });
  if (attempt?.watches(row.entity) === true) await attempt.look({ entity: row.entity, keys });
  await setFields(transaction, row, keys);
  attempt?.wrote(
    row.entity,
    keys.map((key) => ({ key, isNew: false })),
  );
  const owners = keys.map((key) => ({ ...row, cells: keyCells(row, key) }));
  await clearLists(transaction, book.model, owners);
  const listed = keys.flatMap((key) => elements.map((element) => elementOf(row, element, key)));
  const written = await writeRows(transaction, { ...book, rows: listed }, { onConflict: "ABORT" });
  const own = { table: tableName(row.entity), count: keys.length };
  return summed([own, ...created.affected, ...written.affected]);
}

function isEmpty(row: RowDraft): boolean {
  return givenColumns(row).length === 0 && row.givenLists.size === 0;
}

function givenColumns(row: RowDraft): readonly string[] {
  return [...row.cells.keys()].filter((name) => !row.entity.key.includes(name));
}

function checkCount({ rowLimit }: DraftBook, row: RowDraft, count: number): void {
  if (count <= rowLimit) return;
  throw new ServiceError("LIMIT_EXCEEDED", `The request writes ${count} rows, more than ${rowLimit}.`, {
    details: { limit: rowLimit, count, field: row.place, remedy: "Narrow where, and send several requests." },
  });
}

async function setFields(transaction: Transaction, row: RowDraft, keys: readonly Key[]): Promise<void> {
  const { entity } = row;
  const given = givenColumns(row);
  // A new list is a new version of its row, though no column of it changes.
  const columns = given.length === 0 ? entity.key.slice(0, 1) : given;
  const table = qualified(entity.schema, entity.table);
  const set = columns.map(
    (name) =>
      `${identifier(name)} = ${given.length === 0 ? `t.${identifier(name)}` : valueText(entity, name)}`,
  );
  const sql = `UPDATE ${table} AS t SET ${set.join(", ")}
FROM json_populate_record(NULL::${table}, $1::json) AS u, json_populate_recordset(NULL::${table}, $2::json) AS k
WHERE ${keyCondition(entity, "k")}`;
  try {
    await transaction.query(sql, [rowJson(row), keysJson(entity, keys)]);
  } catch (error) {
    throw explainConstraint(error, [row]);
  }
}

function keyCells({ entity }: RowDraft, key: Key): RowDraft["cells"] {
  return new Map(entity.key.map((name, index) => [name, { kind: "text", text: key[index] ?? "" } as const]));
}

/** An element of a list for one of the rows; that exists already, so the element needs nothing of this request. */
function elementOf(row: RowDraft, element: RowDraft, key: Key): RowDraft {
  const { owner: _, ...rest } = element;
  const texts = keyCells(row, key);
  const cells = new Map(element.cells);
  for (const pair of referenceTo(element.entity, row.entity).columns)
    cells.set(pair.column, texts.get(pair.target) ?? null);
  return { ...rest, cells, needs: new Set(), links: new Map() };
}

function summed(counts: readonly TableCount[]): readonly TableCount[] {
  const sums = new Map<string, number>();
  for (const { table, count } of counts) sums.set(table, (sums.get(table) ?? 0) + count);
  return tableCounts(sums);
}
