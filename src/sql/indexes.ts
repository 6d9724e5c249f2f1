/** Indexes of a table: declared ones, and those that support foreign keys. */

import { createHash } from "node:crypto";
import type { Entity } from "../model/model.ts";
import type { WantedIndex } from "./wanted.ts";

/** What the indexes of a table follow from. */
export type IndexedEntity = Pick<Entity, "key" | "expires"> & {
  readonly uniques: readonly { readonly columns: readonly string[] }[];
  readonly indexes: readonly { readonly columns: readonly string[] }[];
  readonly references: readonly {
    readonly columns: readonly { readonly column: string; readonly target: string }[];
  }[];
};

/**
 * Uniques, then indexes, then what the foreign keys need, then the time by which rows expire.
 *
 * A foreign key gets an index of its own unless its columns begin the primary key, a declared index, or a longer
 * supporting index; the longest are tried first. @source DataJoint 2.3.5, `declare.py`, `prepare_declare`
 */
export function wantedIndexes(entity: IndexedEntity): readonly WantedIndex[] {
  const found: WantedIndex[] = [];
  const add = (columns: readonly string[], unique: boolean): void => {
    if (!found.some((index) => index.unique === unique && sameColumns(index.columns, columns)))
      found.push({ columns, unique });
  };
  const isCovered = (columns: readonly string[]): boolean =>
    [entity.key, ...found.map((index) => index.columns)].some((prefix) =>
      sameColumns(prefix.slice(0, columns.length), columns),
    );
  for (const set of entity.uniques) add(set.columns, true);
  for (const set of entity.indexes) add(set.columns, false);
  const sets = entity.references.map((reference) => reference.columns.map((pair) => pair.column));
  for (const columns of sets.toSorted((a, b) => b.length - a.length))
    if (!isCovered(columns)) found.push({ columns, unique: false, supports: true });
  if (entity.expires !== undefined && !isCovered([entity.expires])) add([entity.expires], false);
  return found;
}

/** Whether two lists name the same columns in the same order. */
function sameColumns(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name, at) => name === b[at]);
}

/** `idx_<table>_<columns>`: the joined columns cut to 30 characters, the whole to 63 bytes, as the peer's PostgreSQL does. */
export function indexName(table: string, columns: readonly string[]): string {
  return `idx_${table}_${columns.join("_").slice(0, 30)}`.slice(0, 63);
}

/** The index's usual name, or one with a digest where that is taken in the schema. */
export function freeIndexName(table: string, columns: readonly string[], taken: ReadonlySet<string>): string {
  const usual = indexName(table, columns);
  if (!taken.has(usual)) return usual;
  const digest = createHash("md5")
    .update([table, ...columns].join("\0"))
    .digest("hex");
  for (let length = 8; length < 32; length++) {
    const name = `${usual.slice(0, 62 - length)}_${digest.slice(0, length)}`;
    if (!taken.has(name)) return name;
  }
  return `idx_${digest}`;
}
