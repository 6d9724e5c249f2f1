/** `upsertX(input, on)`: creates the row, or sets what is given where it is there already. */

import type { Transaction } from "../../db/contract.ts";
import type { ColumnSet } from "../../model/model.ts";
import { refuseValue } from "../../plan/refuse-value.ts";
import { identifier, qualified } from "../../sql/quote.ts";
import { keyName, uniqueNames } from "../unique-names.ts";
import { draftRow } from "./draft-row.ts";
import type { WriteAttempt } from "./extension.ts";
import { inputObject } from "./input-field.ts";
import { rowJson, valueText } from "./insert-rows.ts";
import type { Key } from "./match-rows.ts";
import { openBook } from "./plan-create.ts";
import { columnOf, type DraftBook, entityOf, keyText, type RowDraft, rekey } from "./row-draft.ts";
import { showRows } from "./show-rows.ts";
import type { RowPlan, WriteScope } from "./write-plan.ts";
import { type WrittenRows, writeRows } from "./write-rows.ts";

/** Plans `upsertX`. Rows nested in it are created or updated by their keys. @throws {BAD_USER_INPUT} {LIMIT_EXCEEDED} */
export async function planUpsert(scope: WriteScope, entityName: string): Promise<RowPlan> {
  const entity = entityOf(scope.request.model, entityName);
  const book = openBook(scope);
  const { input, on } = scope.field.args;
  const given = { input: inputObject(input, "input"), place: "input" };
  const { services, request } = scope;
  const creates = { inputs: [given], how: "upsert" } as const;
  const [changed] = (await services.extension?.beforeCreate(request, entity, creates)) ?? [];
  const row = draftRow(book, entity, changed ?? given);
  const unique = on === undefined || on === null || on === keyName ? undefined : namedUnique(row, String(on));
  const upsert = { book, row, unique, ownKey: entity.key.map((name) => keyText(row, name)) };
  return {
    kind: "rows",
    pending: book.pending,
    run: async (transaction, attempt) => {
      const { keys, affected } = await write(transaction, upsert, attempt);
      await attempt?.settle();
      const key = keys.get(row);
      const shown = { entity, many: false, keys: key === undefined ? [] : [key] };
      const rows = await showRows(scope, transaction, shown);
      return { kind: "rows", entity, many: false, rows, count: 1, skipped: 0, affected };
    },
  };
}

/** The unique that `on` names, all of whose columns the row gives. */
function namedUnique(row: RowDraft, on: string): ColumnSet {
  const { entity, place } = row;
  const unique = uniqueNames(entity).get(on);
  if (unique === undefined)
    return refuseValue("on", on, `is no unique of ${entity.name}`, "Use a value of its enum.");
  for (const [index, name] of unique.columns.entries()) {
    const isGiven = (row.cells.get(name) ?? columnOf(entity, name).default ?? null) !== null;
    const field = `${place}.${unique.fields[index] ?? name}`;
    if (!isGiven)
      refuseValue(field, null, "is missing", `Rows without it are never the same by ${on}: give it a value.`);
  }
  return unique;
}

interface Upsert {
  readonly book: DraftBook;
  readonly row: RowDraft;
  readonly unique: ColumnSet | undefined;
  /** The key that the input gives. */
  readonly ownKey: Key;
}

async function write(
  transaction: Transaction,
  upsert: Upsert,
  attempt: WriteAttempt | undefined,
): Promise<WrittenRows> {
  const { book, row, unique, ownKey } = upsert;
  const rule = { onConflict: "UPDATE", changesOnly: true, attempt } as const;
  if (unique === undefined) return writeRows(transaction, book, rule);
  const found = await lockByUnique(transaction, row, unique);
  rekey(book, row, found ?? ownKey);
  // Nothing but the unique says that a row is there: whoever has the key is another row.
  const fresh = found === undefined ? row : undefined;
  return writeRows(transaction, book, { ...rule, fresh });
}

/** The key of the row that has the same values in the unique's columns; it is locked. */
async function lockByUnique(
  transaction: Transaction,
  row: RowDraft,
  unique: ColumnSet,
): Promise<Key | undefined> {
  const { entity } = row;
  const table = qualified(entity.schema, entity.table);
  const key = entity.key.map((name) => `t.${identifier(name)}::text`);
  const same = unique.columns.map((name) => `t.${identifier(name)} = ${valueText(entity, name)}`);
  const given = { cells: new Map(unique.columns.map((name) => [name, row.cells.get(name) ?? null])) };
  const { rows } = await transaction.query<{ key: string[] }>(
    `SELECT ARRAY[${key.join(", ")}] AS key
FROM ${table} AS t, json_populate_record(NULL::${table}, $1::json) AS u WHERE ${same.join(" AND ")} FOR NO KEY UPDATE OF t`,
    [rowJson(given)],
  );
  return rows[0]?.key;
}
