/** Model and catalog side by side, and what becomes of each column and table; the parts of the diff read it. */

import type { Catalog, CatalogColumn, CatalogTable, MadeTable } from "./catalog.ts";
import { type Conversion, conversion } from "./column-type.ts";
import { codecOfSpec, parseComment } from "./comment.ts";
import { identifier, literal, qualified } from "./quote.ts";
import { tableId, type WantedColumn, type WantedTable } from "./wanted.ts";

/** A wanted table and the one that is there. */
export interface TablePair {
  readonly wanted: WantedTable;
  readonly actual: CatalogTable;
}

/** Names as they were before the plan's renames: checks run first. */
export interface Before {
  /** Quoted name of the table now called `schema.name`. */
  table(schema: string, name: string): string;
  column(schema: string, table: string, column: string): string;
}

interface Sides {
  readonly tables: readonly WantedTable[];
  readonly byId: ReadonlyMap<string, WantedTable>;
  readonly existing: readonly TablePair[];
  readonly owner: string;
  /** With the renames done. */
  readonly catalog: Catalog;
  readonly before: Before;
}

/** What happens to columns and tables that are there. */
interface Fates {
  /** Tables to drop, by id. */
  readonly dropped: ReadonlySet<string>;
  /** Columns to drop, by table id. */
  readonly removed: ReadonlyMap<string, ReadonlySet<string>>;
  /** Columns to drop and add again, by table id. */
  readonly replaced: ReadonlyMap<string, ReadonlySet<string>>;
  /** Columns whose type changes with their values kept, by table id. */
  readonly converted: ReadonlyMap<string, ReadonlyMap<string, Conversion>>;
  /** Tables whose primary key is made again, by id. */
  readonly rekeyed: ReadonlySet<string>;
}

export interface Difference extends Sides, Fates {}

/** Decides the fate of every column and table. */
export function columnFates(sides: Sides): Fates {
  const replaced = new Map<string, Set<string>>();
  const removed = new Map<string, Set<string>>();
  const converted = new Map<string, Map<string, Conversion>>();
  const rekeyed = new Set<string>();
  for (const { wanted, actual } of sides.existing) {
    const id = tableId(wanted.schema, wanted.name);
    const wantedNames = new Set(wanted.columns.map((column) => column.name));
    const ours = madeOf(sides, id)?.columns ?? [];
    const present = new Set(actual.columns.map((column) => column.name));
    removed.set(id, new Set(ours.filter((name) => !wantedNames.has(name) && present.has(name))));
    const fates = fatesOf(sides, wanted, actual);
    replaced.set(id, fates.replaced);
    converted.set(id, fates.converted);
    const keyStays =
      wanted.key.join("\0") === actual.key.join("\0") && !wanted.key.some((name) => fates.replaced.has(name));
    if (!keyStays) rekeyed.add(id);
  }
  return { dropped: droppedIds(sides), removed, replaced, converted, rekeyed };
}

function fatesOf(sides: Sides, wanted: WantedTable, actual: CatalogTable) {
  const replaced = new Set<string>();
  const converted = new Map<string, Conversion>();
  for (const column of wanted.columns) {
    const there = actual.columns.find((candidate) => candidate.name === column.name);
    if (there === undefined) continue;
    if (there.generated || isReinterpreted(column, there)) replaced.add(column.name);
    else if (!sameType(column, there)) {
      const how = columnConversion(sides, column, there);
      if (how === undefined) replaced.add(column.name);
      else converted.set(column.name, how);
    }
  }
  return { replaced, converted };
}

/** Another codec would read the stored values wrongly. */
function isReinterpreted(column: WantedColumn, there: CatalogColumn): boolean {
  const codecIn = (comment: string | null) => codecOfSpec(parseComment(comment ?? "").spec)?.name;
  const codec = codecIn(there.comment);
  return codec !== column.codec?.name && codec !== codecIn(column.comment);
}

/** Whether the types are one. A reference's timestamp may have the precision of its target or none: both hold every value of it. */
function sameType(column: WantedColumn, there: CatalogColumn): boolean {
  if (column.comparable === there.type) return true;
  return column.isReference && column.comparable === there.type.replace(/^timestamp\(\d\)/, "timestamp");
}

function columnConversion(sides: Sides, column: WantedColumn, there: CatalogColumn): Conversion | undefined {
  const texts = /^(character|character varying|text)(\((\d+)\))?$/;
  const toEnum = column.enum;
  if (toEnum !== undefined && (there.enum !== undefined || texts.test(there.type))) {
    const old = sides.catalog.enums.find(
      (type) => type.schema === there.enum?.schema && type.name === there.enum.name,
    );
    const using = (name: string): string => `${name}::text::${column.type}`;
    if (old?.labels.every((label) => toEnum.labels.includes(label)) === true) return { lossy: false, using };
    const labels = toEnum.labels.map(literal).join(", ");
    return { lossy: false, using, misfit: (name) => `${name}::text NOT IN (${labels})` };
  }
  if (there.enum !== undefined && texts.test(column.comparable)) {
    const length = texts.exec(column.comparable)?.[3];
    const using = (name: string): string => `${name}::text::${column.type}`;
    if (length === undefined) return { lossy: false, using };
    return { lossy: false, using, misfit: (name) => `char_length(${name}::text) > ${length}` };
  }
  if (column.enum !== undefined || there.enum !== undefined) return undefined;
  return conversion(there.type, column.comparable);
}

/** Tables that an earlier apply of this file has made, and that neither it nor another file wants any more. */
function droppedIds(sides: Sides): ReadonlySet<string> {
  const claimed = new Set(
    sides.catalog.made
      .filter((made) => made.owner !== sides.owner)
      .map((made) => tableId(made.schema, made.table)),
  );
  const ours = sides.catalog.made.filter((made) => made.owner === sides.owner && made.whole);
  const ids = ours.map((made) => tableId(made.schema, made.table));
  return new Set(ids.filter((id) => !sides.byId.has(id) && !claimed.has(id) && sides.catalog.tables.has(id)));
}

/** What earlier applies of this file have made of a table. */
export function madeOf(sides: Sides, id: string): MadeTable | undefined {
  return sides.catalog.made.find(
    (made) => made.owner === sides.owner && tableId(made.schema, made.table) === id,
  );
}

/** Columns that lose what they hold, or go: dropped and replaced ones. */
export function lostColumns(difference: Difference, id: string): ReadonlySet<string> {
  return new Set([...(difference.removed.get(id) ?? []), ...(difference.replaced.get(id) ?? [])]);
}

/** Names of indexes in the schemas, filled as the plan gives more of them away. */
export type Names = ReadonlyMap<string, Set<string>>;

/** The names that will still be taken when the plan makes its indexes. */
export function namesLeft(difference: Difference): Names {
  const schemas = new Set(difference.tables.map((table) => table.schema));
  const names = new Map(
    [...schemas].map((schema) => [schema, new Set(difference.catalog.names.get(schema))]),
  );
  for (const [id, table] of difference.catalog.tables) {
    const [lost, isDropped] = [lostColumns(difference, id), difference.dropped.has(id)];
    for (const index of table.indexes)
      if (isDropped || index.columns.some((name) => lost.has(name)))
        names.get(table.schema)?.delete(index.name);
  }
  return names;
}

/** A query that finds a row for which `condition` holds, on the database before the plan. */
export function rowExists(difference: Difference, table: WantedTable, condition?: string): string {
  const name = difference.before.table(table.schema, table.name);
  return `SELECT 1 FROM ${name}${condition === undefined ? "" : ` WHERE ${condition}`} LIMIT 1`;
}

/** Quoted name that a column had before the plan. */
export function columnBefore(difference: Difference, table: WantedTable, column: string): string {
  return identifier(difference.before.column(table.schema, table.name, column));
}

/** Quoted name of a table. */
export function tableName(table: { readonly schema: string; readonly name: string }): string {
  return qualified(table.schema, table.name);
}

/** `schema.table` for people. */
export function readable(table: { readonly schema: string; readonly name: string }): string {
  return `${table.schema}.${table.name}`;
}
