/** What keeps a table from being adopted, whatever its rows are. */

import type { Obstacle } from "./contract.ts";
import { type FoundColumn, type FoundTable, nameOf } from "./found.ts";

/** What the obstacles depend on besides the catalog. */
export interface Configured {
  /** Names of the stores. */
  readonly stores: readonly string[];
  readonly defaultStore: string | undefined;
}

/** All obstacles of one table, its columns' included. */
export function obstaclesOf(table: FoundTable, configured: Configured): readonly Obstacle[] {
  const subject = nameOf(table);
  const said = (isSo: boolean, message: string, remedy: string): Obstacle[] =>
    isSo ? [{ subject, message, remedy }] : [];
  return [
    ...said(
      table.kind === "p",
      "it is partitioned, and cannot be adopted in steps",
      `Adopt it in a quiet hour, in one transaction: SELECT holdfast.adopt_column('${subject}', '<column>', '<store>'), or holdfast apply.`,
    ),
    ...said(
      table.inherits && table.kind !== "p",
      "it has children or parents by INHERITS, which no foreign key follows",
      "Make them tables of their own, or partitions.",
    ),
    ...said(
      !table.isOwner,
      `it belongs to ${table.owner}, and only its owner may alter it`,
      `Run adopt as ${table.owner}, or GRANT ${table.owner} to the user of DATABASE_URL.`,
    ),
    ...said(
      !table.mayCreate,
      `the user of DATABASE_URL may create nothing in the schema ${table.schema}`,
      `GRANT CREATE ON SCHEMA ${table.schema} to it.`,
    ),
    ...said(
      !table.isReadable,
      "its rows may not be read",
      `GRANT SELECT ON ${subject} to the user of DATABASE_URL.`,
    ),
    ...said(table.isRowSecured, "row security hides rows from us", "Run adopt as a user with BYPASSRLS."),
    ...table.columns.flatMap((column) => columnObstacles(table, column, configured)),
  ];
}

function columnObstacles(table: FoundTable, column: FoundColumn, configured: Configured): Obstacle[] {
  const subject = `${nameOf(table)}.${column.name}`;
  const said = (isSo: boolean, message: string, remedy: string): Obstacle[] =>
    isSo ? [{ subject, message, remedy }] : [];
  if (column.isExternal) return [];
  const store = storeOf(column, configured);
  return [
    ...said(
      !isJson(column),
      `its type is ${column.type}: a value of ${column.spec} must be JSON to be followed`,
      "Move the values into a jsonb column, or take the store from the column's comment if there is none in them.",
    ),
    ...said(
      column.pieces.column === "other",
      `the table has a column of the name that the hidden reference of ${column.name} must have`,
      "Rename that column.",
    ),
    ...said(
      store === undefined,
      `${column.spec} means the default store, and none is configured`,
      "Name it in datajoint.json: stores.default.",
    ),
    ...said(
      store !== undefined && !configured.stores.includes(store),
      `the store ${store ?? ""} is not configured`,
      "Add it to datajoint.json.",
    ),
  ];
}

/** Whether values of the column can be followed. */
function isJson(column: FoundColumn): boolean {
  return column.type === "jsonb" || column.type === "json";
}

/** The store of values that name none. */
export function storeOf({ store }: FoundColumn, { defaultStore }: Configured): string | undefined {
  return store === "" ? defaultStore : store;
}

/** Relations that hold no rows of their own, or none that can be guarded. */
export function noteOf(table: FoundTable): string | undefined {
  const kinds: Readonly<Record<string, string>> = {
    v: "a view: its rows are those of its tables",
    m: "a materialized view: its copies of values guard nothing",
    f: "a foreign table: adopt it in the database where its rows are",
  };
  const what = kinds[table.kind];
  return what === undefined ? undefined : `${nameOf(table)} is ${what}`;
}
