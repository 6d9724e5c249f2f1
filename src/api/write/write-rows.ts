/** Writes the drafts of a book, table by table, each after those it refers to. */

import type { Transaction } from "../../db/contract.ts";
import type { Entity } from "../../model/model.ts";
import { qualified } from "../../sql/quote.ts";
import { insertRows, type OnConflict, refuseTwins } from "./insert-rows.ts";
import { clearLists } from "./list-rows.ts";
import type { DraftBook, RowDraft } from "./row-draft.ts";

/** How many rows of a table a mutation field changed. */
export interface TableCount {
  readonly table: string;
  readonly count: number;
}

/** What became of the drafts. */
export interface WrittenRows {
  /** PostgreSQL text of the key of each row that was written. Rows that were skipped are absent. */
  readonly keys: ReadonlyMap<RowDraft, readonly string[]>;
  readonly affected: readonly TableCount[];
}

/** Inserts all rows of `book`. @throws {CONSTRAINT_VIOLATION} {BAD_USER_INPUT} */
export async function writeRows(
  transaction: Transaction,
  book: DraftBook,
  onConflict: OnConflict,
): Promise<WrittenRows> {
  if (onConflict === "UPDATE") refuseTwins(book.rows);
  const keys = new Map<RowDraft, readonly string[]>();
  const counts = new Map<string, number>();
  for (const group of groupRows(book.rows)) {
    // A row that was left as it is keeps its children as they are.
    const due = group.filter((row) => row.owner === undefined || keys.has(row.owner));
    if (due.length === 0) continue;
    if (onConflict === "UPDATE") await clearLists(transaction, book.model, due);
    for (const [row, key] of await insertRows(transaction, due, onConflict)) {
      keys.set(row, key);
      const table = tableName(row.entity);
      counts.set(table, (counts.get(table) ?? 0) + 1);
    }
  }
  return { keys, affected: tableCounts(counts) };
}

/** `lab.session__trial`, as counts and messages name a table. */
export function tableName(entity: Entity): string {
  return `${entity.schema}.${entity.table}`;
}

/** Counts in the order of their tables' names. */
export function tableCounts(counts: ReadonlyMap<string, number>): readonly TableCount[] {
  return [...counts]
    .filter(([, count]) => count > 0)
    .map(([table, count]) => ({ table, count }))
    .toSorted((a, b) => (a.table < b.table ? -1 : 1));
}

/** Rows by table, tables in the order of their references; one statement a table where the references allow it. */
function groupRows(rows: readonly RowDraft[]): readonly (readonly RowDraft[])[] {
  const levels = rowLevels(rows);
  const ofEntity = new Map<string, number>();
  for (const [row, level] of levels) {
    const name = qualified(row.entity.schema, row.entity.table);
    ofEntity.set(name, Math.max(level, ofEntity.get(name) ?? 0));
  }
  const entityLevel = (row: RowDraft): number =>
    ofEntity.get(qualified(row.entity.schema, row.entity.table)) ?? 0;
  const apart = rows.every((row) =>
    [...row.needs].every((need) => need.entity === row.entity || entityLevel(need) < entityLevel(row)),
  );
  // Tables that refer to each other in a circle are written step by step.
  const level = apart ? entityLevel : (row: RowDraft): number => levels.get(row) ?? 0;
  const groups = Map.groupBy(rows, (row) => `${String(level(row)).padStart(8, "0")} ${row.entity.name}`);
  return [...groups].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
}

function rowLevels(rows: readonly RowDraft[]): Map<RowDraft, number> {
  const levels = new Map<RowDraft, number>();
  // The book's order has each row after those it needs.
  for (const row of rows) {
    let level = 0;
    for (const need of row.needs)
      level = Math.max(level, (levels.get(need) ?? 0) + (need.entity === row.entity ? 0 : 1));
    levels.set(row, level);
  }
  return levels;
}
