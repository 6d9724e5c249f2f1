/** Writes the drafts of a book, table by table, each after those it refers to. */

import type { Transaction } from "../../db/contract.ts";
import { ServiceError } from "../../errors.ts";
import type { Entity } from "../../model/model.ts";
import type { WriteAttempt } from "./extension.ts";
import { type InsertedRow, insertRows, type OnConflict, type RowRule, refuseTwins } from "./insert-rows.ts";
import { clearLists } from "./list-rows.ts";
import { possibleRace } from "./possible-race.ts";
import { type DraftBook, keyText, type RowDraft } from "./row-draft.ts";

/** How many rows of a table a mutation field changed. */
export interface TableCount {
  readonly table: string;
  readonly count: number;
}

/** What became of the drafts. */
export interface WrittenRows {
  /** PostgreSQL text of the key of each row. Rows that were skipped are absent. */
  readonly keys: ReadonlyMap<RowDraft, readonly string[]>;
  readonly affected: readonly TableCount[];
}

/** What happens to rows whose key exists. */
export interface WriteRule {
  readonly onConflict: OnConflict;
  /** A row that must be new, whatever the rule for the others. */
  readonly fresh?: RowDraft | undefined;
  /** Under UPDATE: rows that have all the given values already are left as they are, and not counted. */
  readonly changesOnly?: boolean;
  /** Is told of the rows. */
  readonly attempt?: WriteAttempt | undefined;
}

/** Inserts all rows of `book`. @throws {CONSTRAINT_VIOLATION} {BAD_USER_INPUT} */
export async function writeRows(
  transaction: Transaction,
  book: DraftBook,
  rule: WriteRule,
): Promise<WrittenRows> {
  const { onConflict } = rule;
  if (onConflict === "UPDATE") refuseTwins(book.rows);
  const keys = new Map<RowDraft, readonly string[]>();
  const counts = new Map<string, number>();
  const skips = onConflict === "SKIP";
  for (const group of groupRows(book.rows, onConflict)) {
    // A row that was left as it is keeps its children as they are.
    const due = skips ? group.filter((row) => row.owner === undefined || keys.has(row.owner)) : group;
    if (due.length === 0) continue;
    if (onConflict === "UPDATE") await clearLists(transaction, book.model, due);
    for (const [rowRule, some] of Map.groupBy(due, (row) => ruleOf(row, rule))) {
      await lookAt(rule.attempt, some, rowRule);
      const done = await insertRows(transaction, some, rowRule).catch((error: unknown) => {
        throw onConflict === "UPDATE" ? possibleRace(error) : error;
      });
      for (const [row, { key, isWritten }] of done) {
        keys.set(row, key);
        const table = tableName(row.entity);
        if (isWritten) counts.set(table, (counts.get(table) ?? 0) + 1);
      }
      tellOf(rule.attempt, done);
    }
  }
  if (!skips && keys.size !== book.rows.length) {
    throw new ServiceError("INTERNAL_SERVER_ERROR", `Of ${book.rows.length} rows ${keys.size} were written.`);
  }
  return { keys, affected: tableCounts(counts) };
}

/** Rows that may be there already are looked at before. */
async function lookAt(
  attempt: WriteAttempt | undefined,
  rows: readonly RowDraft[],
  rule: RowRule,
): Promise<void> {
  const entity = rows[0]?.entity;
  if (entity === undefined || attempt?.watches(entity) !== true || rule === "ABORT" || rule === "SKIP")
    return;
  await attempt.look({ entity, keys: rows.map((row) => entity.key.map((name) => keyText(row, name))) });
}

function tellOf(attempt: WriteAttempt | undefined, done: ReadonlyMap<RowDraft, InsertedRow>): void {
  if (attempt === undefined) return;
  for (const [entity, some] of Map.groupBy(done, ([row]) => row.entity))
    attempt.wrote(
      entity,
      some.flatMap(([, row]) => (row.isWritten ? [row] : [])),
    );
}

function ruleOf(row: RowDraft, { onConflict, fresh, changesOnly }: WriteRule): RowRule {
  if (row === fresh) return "ABORT";
  // A new list is a new version of its row.
  return changesOnly === true && row.givenLists.size === 0 ? "CHANGE" : onConflict;
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

/**
 * Rows by table, tables in the order of their references; one statement a table where the references allow it. Under SKIP a row comes in a
 * later statement than its owner, even in one table; under UPDATE, which writes a table by sets of given fields, than any row it needs.
 */
function groupRows(rows: readonly RowDraft[], onConflict: OnConflict): readonly (readonly RowDraft[])[] {
  const together = (row: RowDraft, need: RowDraft): boolean =>
    need.entity === row.entity && (onConflict === "ABORT" || (onConflict === "SKIP" && need !== row.owner));
  const levels = rowLevels(rows, together);
  const ofEntity = new Map<Entity, number>();
  for (const [row, level] of levels) ofEntity.set(row.entity, Math.max(level, ofEntity.get(row.entity) ?? 0));
  const entityLevel = (row: RowDraft): number => ofEntity.get(row.entity) ?? 0;
  const apart = rows.every((row) =>
    [...row.needs].every((need) => together(row, need) || entityLevel(need) < entityLevel(row)),
  );
  // Tables that refer to each other in a circle are written step by step.
  const level = apart ? entityLevel : (row: RowDraft): number => levels.get(row) ?? 0;
  const groups = Map.groupBy(rows, (row) => `${String(level(row)).padStart(8, "0")} ${row.entity.name}`);
  return [...groups].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
}

function rowLevels(
  rows: readonly RowDraft[],
  together: (row: RowDraft, need: RowDraft) => boolean,
): Map<RowDraft, number> {
  const levels = new Map<RowDraft, number>();
  // The book's order has each row after those it needs.
  for (const row of rows) {
    let level = 0;
    for (const need of row.needs)
      level = Math.max(level, (levels.get(need) ?? 0) + (together(row, need) ? 0 : 1));
    levels.set(row, level);
  }
  return levels;
}
