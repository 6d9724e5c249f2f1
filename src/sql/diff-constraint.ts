/** Keys, indexes and foreign keys of tables that are there. */

import type { CatalogForeignKey, CatalogIndex } from "./catalog.ts";
import type { Change } from "./change.ts";
import { createIndex } from "./ddl.ts";
import { addForeignKey, distinct, strangersTo } from "./diff-table.ts";
import {
  type Difference,
  lostColumns,
  madeOf,
  type Names,
  readable,
  type TablePair,
  tableName,
} from "./difference.ts";
import { freeIndexName } from "./indexes.ts";
import { foreignKeyMark, indexMark } from "./mark.ts";
import { identifier, identifiers, qualified } from "./quote.ts";
import { isAsked } from "./supporting.ts";
import { tableId, type WantedTable } from "./wanted.ts";

function step(kind: Change["kind"], table: WantedTable, summary: string, sql: string): Change {
  return { kind, summary, sql, destructive: false, entity: table.entity, table: readable(table) };
}

/** The primary key, made again where its columns differ or lose their values. */
export function keyChanges(difference: Difference, { wanted, actual }: TablePair): readonly Change[] {
  const id = tableId(wanted.schema, wanted.name);
  if (!difference.rekeyed.has(id) || actual.kind === "view") return [];
  const stranger = strangersTo(difference, id)[0];
  if (stranger !== undefined) {
    const message = `The key of ${readable(wanted)} cannot be changed: ${stranger} refers to it, and is not of this schema file.`;
    const refusal = { message, remedy: "Drop that foreign key first, or keep the key." };
    return [{ ...step("refused", wanted, message, ""), refusal }];
  }
  const alter = `ALTER TABLE ${tableName(wanted)}`;
  const columns = wanted.key.join(", ");
  const add = step(
    "add-key",
    wanted,
    `Make (${columns}) the key of ${readable(wanted)}`,
    `${alter} ADD PRIMARY KEY (${identifiers(wanted.key)})`,
  );
  if (actual.keyName === undefined) return [add];
  const summary = `Drop the key (${actual.key.join(", ")}) of ${readable(wanted)}`;
  // Columns that were of the key alone are NOT NULL by it before PostgreSQL 18 and by a constraint of their own since; what the
  // model wants of them is set afterwards, column by column.
  return [step("drop-key", wanted, summary, `${alter} DROP CONSTRAINT ${identifier(actual.keyName)}`), add];
}

/** Indexes to make, and those of ours that the model has no more. New names are added to `names`. */
export function indexChanges(
  difference: Difference,
  { wanted, actual }: TablePair,
  names: Names,
): readonly Change[] {
  const id = tableId(wanted.schema, wanted.name);
  const lost = lostColumns(difference, id);
  const survives = (index: CatalogIndex): boolean => !index.columns.some((name) => lost.has(name));
  const marks = new Set(wanted.indexes.map(indexMark));
  const ours = new Set(madeOf(difference, id)?.indexes ?? []);
  const plain = actual.indexes.filter((index) => index.plain && survives(index));
  const over = plain.filter(
    (index) => !index.isConstraint && !marks.has(indexMark(index)) && ours.has(indexMark(index)),
  );
  const there = new Set(plain.map(indexMark));
  const dropped = over.map((index) =>
    step(
      "drop-index",
      wanted,
      `Drop ${indexMark(index)} of ${readable(wanted)}`,
      `DROP INDEX ${qualified(wanted.schema, index.name)}`,
    ),
  );
  const taken = names.get(wanted.schema) ?? new Set<string>();
  for (const index of over) taken.delete(index.name);
  const added = wanted.indexes
    .filter((index) => !there.has(indexMark(index)))
    .filter((index) => isAsked(index, { wanted, actual, made: madeOf(difference, id) }))
    .map((index) => {
      const name = freeIndexName(wanted.name, index.columns, taken);
      taken.add(name);
      const summary = `Add ${indexMark(index)} to ${readable(wanted)}`;
      return step("add-index", wanted, summary, createIndex(wanted, index, name));
    });
  return [...dropped, ...added];
}

/** Foreign keys to make, to make again, and those of ours that the model has no more. */
export function foreignKeyChanges(difference: Difference, { wanted, actual }: TablePair): readonly Change[] {
  const id = tableId(wanted.schema, wanted.name);
  const keys = distinct(wanted.foreignKeys);
  const marks = new Set(keys.map(foreignKeyMark));
  const ours = new Set(madeOf(difference, id)?.foreignKeys ?? []);
  const stays = new Set<string>();
  const dropped = actual.foreignKeys.flatMap((key) => {
    const mark = foreignKeyMark(key);
    const isWanted = marks.has(mark);
    if (!isWanted && !ours.has(mark)) return [];
    if (isWanted && key.standard && !isDisturbed(difference, id, key)) {
      stays.add(mark);
      return [];
    }
    const summary = `Drop foreign key ${key.name} of ${readable(wanted)}`;
    const sql = `ALTER TABLE ${tableName(wanted)} DROP CONSTRAINT ${identifier(key.name)}`;
    return [step("drop-foreign-key", wanted, summary, sql)];
  });
  const added = keys.filter((key) => !stays.has(foreignKeyMark(key)));
  return [...dropped, ...added.map((key) => addForeignKey(wanted, key))];
}

/** Whether the plan changes what a foreign key stands on, so that it must be made again. */
function isDisturbed(difference: Difference, id: string, key: CatalogForeignKey): boolean {
  const target = tableId(key.schema, key.table);
  if (difference.rekeyed.has(target)) return true;
  const touched = (table: string, column: string): boolean =>
    lostColumns(difference, table).has(column) || difference.converted.get(table)?.has(column) === true;
  return (
    key.columns.some((column) => touched(id, column)) ||
    key.targetColumns.some((column) => touched(target, column))
  );
}
