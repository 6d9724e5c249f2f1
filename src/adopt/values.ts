/** The values of one column, before it is adopted: how many there are, and those that cannot be followed, by row. */

import type { Queryable } from "../db/contract.ts";
import { referenceColumn } from "../sql/hidden.ts";
import { identifier, literal } from "../sql/quote.ts";
import type { Findings, RowProblem } from "./contract.ts";
import { type FoundColumn, type FoundTable, sqlName } from "./found.ts";

/** Rows that are named of those that are counted. */
export const namedRows = 100;
const shownCharacters = 200;

/** A column, and what its values are read with. */
export interface ValueColumn {
  readonly table: FoundTable;
  readonly column: FoundColumn;
  /** The store of values that name none. */
  readonly store: string;
}

interface Values {
  /** Rows with a value. */
  readonly count: string;
  readonly wrong: Findings;
}

/** The locator of a value: the hidden reference where it is there already, which has an index, and else what it will be. */
export function locatorText({ column, store }: Pick<ValueColumn, "column" | "store">): string {
  if (column.pieces.column === "ours") return identifier(referenceColumn(column.name));
  const name = identifier(column.name);
  return `((coalesce(nullif(${name} ->> 'store', ''), ${literal(store)}) || ':' || (${name} ->> 'path')) COLLATE "C")`;
}

/** As `holdfast.object` takes them. */
function isFollowable(locator: string): string {
  const shape = String.raw`^[A-Za-z][A-Za-z0-9_-]*:[^/[:cntrl:]\\]+(/[^/[:cntrl:]\\]+)*$`;
  const dots = String.raw`[:/]\.{1,2}(/|$)`;
  return `(octet_length(${locator}) <= 1100 AND ${locator} ~ ${literal(shape)} AND ${locator} !~ ${literal(dots)}) IS TRUE`;
}

/** Reads the column once; a second time where something is wrong in it. */
export async function readValues(db: Queryable, at: ValueColumn, stores: readonly string[]): Promise<Values> {
  const [name, table, locator] = [identifier(at.column.name), sqlName(at.table), locatorText(at)];
  const isWrong = `${name} IS NOT NULL AND NOT (${isFollowable(locator)} AND split_part(${locator}, ':', 1) = ANY ($1::text[]))`;
  const { rows } = await db.query<{ count: string; wrong: string }>(
    `SELECT count(${name})::text AS count, count(*) FILTER (WHERE ${isWrong})::text AS wrong FROM ${table}`,
    [stores],
  );
  const [{ count, wrong } = { count: "0", wrong: "0" }] = rows;
  if (wrong === "0") return { count, wrong: { count: 0, rows: [] } };
  const found = await db.query<WrongRow>(
    `SELECT ${keyText(at.table)} AS key, left(${name}::text, ${shownCharacters}) AS value, (${locator} IS NOT NULL) AS "hasPath",
       ${isFollowable(locator)} AS "isCanonical", coalesce(nullif(${name} ->> 'store', ''), ${literal(at.store)}) AS store
     FROM ${table} WHERE ${isWrong} ORDER BY ${orderOf(at.table)} LIMIT ${namedRows}`,
    [stores],
  );
  return { count, wrong: { count: Number(wrong), rows: found.rows.map((row) => wrongRow(at.table, row)) } };
}

interface WrongRow {
  readonly key: readonly string[];
  readonly value: string;
  readonly hasPath: boolean;
  readonly isCanonical: boolean;
  readonly store: string;
}

function wrongRow(table: FoundTable, { key, value, hasPath, isCanonical, store }: WrongRow): RowProblem {
  const message = !hasPath
    ? "the value names no path"
    : isCanonical
      ? `the value names the store ${store}, which is not configured`
      : "its path is not in the one spelling that paths have (no empty segment, no . or .., no \\)";
  return { key: keyOf(table, key), value, message };
}

/** The rows, by name, that refer to any of these locators. */
export async function rowsOf(
  db: Queryable,
  at: ValueColumn,
  {
    locators,
    message,
    limit,
  }: { readonly locators: readonly string[]; readonly message: string; readonly limit: number },
): Promise<Findings> {
  const [name, table, locator] = [identifier(at.column.name), sqlName(at.table), locatorText(at)];
  const { rows } = await db.query<WrongRow & { total: string }>(
    `SELECT ${keyText(at.table)} AS key, left(${name}::text, ${shownCharacters}) AS value, count(*) OVER ()::text AS total
     FROM ${table} WHERE ${locator} = ANY ($1::text[]) ORDER BY ${orderOf(at.table)} LIMIT ${Math.max(1, limit)}`,
    [locators],
  );
  const named = rows.map(({ key, value }) => ({ key: keyOf(at.table, key), value, message }));
  return { count: Number(rows[0]?.total ?? "0"), rows: named.slice(0, limit) };
}

function keyText({ key }: FoundTable): string {
  return `ARRAY[${key.map((column) => `${identifier(column)}::text`).join(", ")}]::text[]`;
}

function orderOf({ key }: FoundTable): string {
  return key.length === 0 ? "1" : key.map(identifier).join(", ");
}

function keyOf({ key }: FoundTable, texts: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(key.map((column, at) => [column, texts[at] ?? ""]));
}
