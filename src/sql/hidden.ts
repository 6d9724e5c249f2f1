/** What makes a codec column safe: the hidden reference of a stored value, and the CHECK of a reference to the users' own files. */

import { createHash } from "node:crypto";
import { identifier, literal, qualified } from "./quote.ts";
import type { WantedColumn } from "./wanted.ts";

/** Where a column is. */
export interface ColumnPlace {
  readonly schema: string;
  readonly table: string;
  readonly column: string;
}

/** Name of the hidden column that holds the locator of a stored value; the same as `holdfast.ref_name` gives. */
export function referenceColumn(column: string): string {
  const digest = createHash("md5").update(column).digest("hex").slice(0, 8);
  return `_${column.length <= 50 ? column : `${column.slice(0, 40)}_${digest}`}_ref`;
}

/** Name of the CHECK on a column of paths that belong to the users. */
export function pathCheck(column: string): string {
  return `_holdfast${referenceColumn(column).replace(/_ref$/, "_path")}`;
}

/** Whether the column's values are objects of a store that we guard. */
export function isGuarded(column: WantedColumn): boolean {
  return column.codec?.store !== undefined && !column.codec.external;
}

/** Whether the column's values are references to the users' own files. */
export function isExternal(column: WantedColumn): boolean {
  return column.codec?.store !== undefined && column.codec.external;
}

/** Adds the hidden reference, its CHECK, foreign key, index and trigger; does nothing where it is there. */
export function adoptColumn(place: ColumnPlace, store: string): string {
  const table = `${literal(qualified(place.schema, place.table))}::regclass`;
  const hidden = literal(referenceColumn(place.column));
  return (
    `SELECT holdfast.adopt_column(${table}, ${literal(place.column)}, ${literal(store)}, true) WHERE NOT EXISTS ` +
    `(SELECT FROM pg_catalog.pg_attribute WHERE attrelid = ${table} AND attname = ${hidden} AND NOT attisdropped)`
  );
}

/** Takes the hidden reference of a column away, so that the column can be renamed or dropped. */
export function releaseColumn(place: ColumnPlace): string {
  const table = qualified(place.schema, place.table);
  const hidden = referenceColumn(place.column);
  return (
    `DROP TRIGGER IF EXISTS ${identifier(`_obj${hidden}`)} ON ${table};\n` +
    `ALTER TABLE ${table} DROP COLUMN IF EXISTS ${identifier(hidden)}`
  );
}

/**
 * The CHECK that keeps references to users' files out of our sections of a store, and in their one spelling.
 * `existing`: rows that are there already are not looked at; the peer writes any path.
 */
export function addPathCheck(place: ColumnPlace, existing: boolean): string {
  const column = identifier(place.column);
  const path = `(${column} ->> 'path') COLLATE "C"`;
  return (
    `ALTER TABLE ${qualified(place.schema, place.table)} ADD CONSTRAINT ${identifier(pathCheck(place.column))} CHECK (${column} IS NULL OR (` +
    `${path} ~ '^[^/[:cntrl:]\\\\]+(/[^/[:cntrl:]\\\\]+)*$' AND ${path} !~ '(^|/)\\.{1,2}(/|$)' AND ` +
    `${path} !~ '^(_hash|_schema|_trash|_obj)(/|$)') IS TRUE)${existing ? " NOT VALID" : ""}`
  );
}
