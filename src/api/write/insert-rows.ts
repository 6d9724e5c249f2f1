/** Rows of one table in one statement: PostgreSQL's own input functions read the values, so each column keeps its exact type. */

import type { Transaction } from "../../db/contract.ts";
import { ServiceError } from "../../errors.ts";
import type { Entity } from "../../model/model.ts";
import { defaultText } from "../../sql/default.ts";
import { identifier, identifiers, qualified } from "../../sql/quote.ts";
import { explainConstraint } from "./explain-constraint.ts";
import { columnOf, type RowDraft } from "./row-draft.ts";

/** What happens to a row whose key exists. */
export type OnConflict = "ABORT" | "SKIP" | "UPDATE";

/** CHANGE: as UPDATE, but a row that has all the given values already is not written. */
export type RowRule = OnConflict | "CHANGE";

/** What became of a row. */
export interface InsertedRow {
  /** PostgreSQL text of the key columns. */
  readonly key: readonly string[];
  readonly isWritten: boolean;
  /** False for a row that was there and was changed. */
  readonly isNew: boolean;
}

/** Rows beyond this many bytes of JSON go into a further statement, so that no parameter comes near PostgreSQL's limit of 1 GB. */
export const statementBytes = 64 * 2 ** 20;

/**
 * Inserts rows of one entity; the answer lacks rows that were skipped.
 * @throws {CONSTRAINT_VIOLATION} naming field, value and constraint.
 */
export async function insertRows(
  transaction: Transaction,
  rows: readonly RowDraft[],
  onConflict: RowRule,
): Promise<Map<RowDraft, InsertedRow>> {
  const written = new Map<RowDraft, InsertedRow>();
  for (const group of groups(rows, onConflict)) {
    for (const batch of batches(group)) {
      const { entity } = batch.rows[0] ?? {};
      if (entity === undefined) continue;
      const sql = insertText(entity, givenColumns(batch.rows), onConflict);
      const answer = await explained(batch.rows, () =>
        transaction.query<InsertedRow & { row: string | number }>(sql, [`[${batch.json.join(",")}]`]),
      );
      for (const { row, key, isWritten, isNew } of answer.rows.toSorted(
        (a, b) => Number(a.row) - Number(b.row),
      )) {
        const draft = batch.rows[Number(row) - 1];
        if (draft !== undefined) written.set(draft, { key, isWritten, isNew });
      }
    }
  }
  return written;
}

async function explained<T>(rows: readonly RowDraft[], work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw explainConstraint(error, rows);
  }
}

/** An upsert changes only what is given: rows that give the same columns go together. */
function groups(rows: readonly RowDraft[], onConflict: RowRule): readonly (readonly RowDraft[])[] {
  if (onConflict !== "UPDATE" && onConflict !== "CHANGE") return [rows];
  return [...Map.groupBy(rows, (row) => [...row.cells.keys()].sort().join(",")).values()];
}

function* batches(
  rows: readonly RowDraft[],
): Generator<{ rows: readonly RowDraft[]; json: readonly string[] }> {
  let from = 0;
  let json: string[] = [];
  let bytes = 0;
  for (const [index, row] of rows.entries()) {
    const text = rowJson(row);
    if (json.length > 0 && bytes + text.length > statementBytes) {
      yield { rows: rows.slice(from, index), json };
      [from, json, bytes] = [index, [], 0];
    }
    json.push(text);
    bytes += text.length;
  }
  if (json.length > 0) yield { rows: rows.slice(from), json };
}

/** The cells of a row as the JSON object that `json_populate_record` reads. */
export function rowJson(row: Pick<RowDraft, "cells">): string {
  const parts: string[] = [];
  for (const [name, cell] of row.cells) {
    if (cell === null) continue;
    parts.push(`${JSON.stringify(name)}:${cell.kind === "text" ? JSON.stringify(cell.text) : cell.json}`);
  }
  return `{${parts.join(",")}}`;
}

function givenColumns(rows: readonly RowDraft[]): readonly string[] {
  const given = new Set<string>();
  for (const row of rows) for (const name of row.cells.keys()) given.add(name);
  return [...given];
}

/** The value of a column read from record `u`: null asks for the default, as it does for the peer. @source datajoint-interop.md §6 */
export function valueText(entity: Entity, name: string): string {
  const wanted = columnOf(entity, name).default;
  const value = `u.${identifier(name)}`;
  return wanted === undefined || wanted === null ? value : `coalesce(${value}, ${defaultText(wanted)})`;
}

function insertText(entity: Entity, columns: readonly string[], onConflict: RowRule): string {
  const table = qualified(entity.schema, entity.table);
  const values = columns.map((name) => `${valueText(entity, name)} AS ${identifier(name)}`);
  const key = identifiers(entity.key);
  const upserts = onConflict === "UPDATE" || onConflict === "CHANGE";
  // A version that replaces another carries the lock taken for it in xmax; one that an insert made carries nothing.
  const isNew = upserts ? `, t.xmax = 0 AS "~new"` : "";
  const keyTexts = entity.key.map((name) => `${identifier(name)}::text`);
  return `WITH input AS MATERIALIZED (
  SELECT e.row AS "~row", ${values.join(", ")}
  FROM json_array_elements($1::json) WITH ORDINALITY AS e(value, row), json_populate_record(NULL::${table}, e.value) AS u
), written AS (
  INSERT INTO ${table} AS t (${identifiers(columns)}) SELECT ${identifiers(columns)} FROM input ORDER BY "~row"
  ${conflictText(entity, columns, onConflict)}RETURNING ${entity.key.map((name) => `t.${identifier(name)}`).join(", ")}, true AS "~written"${isNew}
)
SELECT min("~row")::text AS row, ARRAY[${keyTexts.join(", ")}] AS key, coalesce(bool_or("~written"), false) AS "isWritten", ${upserts ? `coalesce(bool_or("~new"), false)` : "true"} AS "isNew"
FROM input ${onConflict === "CHANGE" ? "LEFT " : ""}JOIN written USING (${key}) GROUP BY ${key}`;
}

function conflictText(entity: Entity, columns: readonly string[], onConflict: RowRule): string {
  if (onConflict === "ABORT") return "";
  const target = `ON CONFLICT (${identifiers(entity.key)}) DO `;
  if (onConflict === "SKIP") return `${target}NOTHING\n  `;
  const others = columns.filter((name) => !entity.key.includes(name));
  // Without anything to set the row is still returned.
  const set = (others.length === 0 ? entity.key : others).map(
    (name) => `${identifier(name)} = EXCLUDED.${identifier(name)}`,
  );
  const update = `${target}UPDATE SET ${set.join(", ")}\n  `;
  if (onConflict === "UPDATE") return update;
  if (others.length === 0) return `${target}NOTHING\n  `;
  // Compared as bytes: what is only equal, as 1 and 1.0 in JSON, is still a change.
  const record = (table: string) =>
    `ROW(${others.map((name) => `${table}.${identifier(name)}`).join(", ")})::record`;
  return `${update}WHERE ${record("t")} *<> ${record("EXCLUDED")}\n  `;
}

/** Refuses two rows of one request with the same key, which an upsert cannot order. @throws {BAD_USER_INPUT} */
export function refuseTwins(rows: readonly RowDraft[]): void {
  const seen = new Map<string, RowDraft>();
  for (const row of rows) {
    const key = JSON.stringify([row.entity.name, ...row.entity.key.map((name) => row.cells.get(name))]);
    const twin = seen.get(key);
    if (twin !== undefined) {
      throw new ServiceError("BAD_USER_INPUT", `${row.place} has the same key as ${twin.place}.`, {
        details: { field: row.place, remedy: "Give each row once." },
      });
    }
    seen.set(key, row);
  }
}
