/** Renames: which tables and columns of the database are the model's under an earlier name. */

import type { Catalog, CatalogTable, MadeTable } from "./catalog.ts";
import { foreignKeyMark } from "./mark.ts";
import { tableId, type WantedTable } from "./wanted.ts";

/** A table found under an earlier name. */
export interface TableRename {
  readonly table: WantedTable;
  readonly from: string;
}

/** A column found under an earlier name. */
export interface ColumnRename {
  readonly table: WantedTable;
  readonly from: string;
  readonly to: string;
}

interface Candidate<T> {
  readonly wanted: T;
  readonly to: string;
  /** Earlier names, the surest first. */
  readonly from: readonly string[];
}

/**
 * Pairs wanted names that are absent with earlier names that are present, so that chains (`b→c`, `a→b`) come out in the order in
 * which they can be run. A name that is there already is never renamed to; one that somebody else wants is taken only when that
 * one has an earlier name of its own.
 */
function pair<T>(
  candidates: readonly Candidate<T>[],
  names: ReadonlySet<string>,
): { wanted: T; from: string }[] {
  const present = new Set(names);
  const open = new Map(candidates.map((candidate) => [candidate.to, candidate]));
  const settled = new Set<string>();
  const pairs: { wanted: T; from: string }[] = [];
  const mayTake = (name: string): boolean => {
    if (!present.has(name) || settled.has(name)) return false;
    const owner = open.get(name);
    return owner === undefined || owner.from.some((earlier) => earlier !== name && names.has(earlier));
  };
  for (let progress = true; progress; ) {
    progress = false;
    for (const candidate of candidates) {
      if (settled.has(candidate.to) || present.has(candidate.to)) continue;
      const from = candidate.from.find((name) => name !== candidate.to && mayTake(name));
      if (from === undefined) continue;
      pairs.push({ wanted: candidate.wanted, from });
      present.delete(from);
      present.add(candidate.to);
      settled.add(candidate.to);
      progress = true;
    }
  }
  return pairs;
}

/** Tables to rename: by `@renamedFrom`, by the type's name in the record of earlier applies, and parts with their master. */
export function tableRenames(
  tables: readonly WantedTable[],
  catalog: Catalog,
  owner: string,
): readonly TableRename[] {
  const renames: TableRename[] = [];
  for (const [schema, group] of Map.groupBy(tables, (table) => table.schema)) {
    const names = [...catalog.tables.values()].filter(
      (table) => table.schema === schema && table.kind === "table",
    );
    const candidates = group.map((table) => ({
      wanted: table,
      to: table.name,
      from: earlierNames(
        table,
        group,
        catalog.made.filter((made) => made.owner === owner),
      ),
    }));
    const pairs = pair(candidates, new Set(names.map((table) => table.name)));
    renames.push(...pairs.map(({ wanted, from }) => ({ table: wanted, from })));
  }
  return renames;
}

function earlierNames(
  table: WantedTable,
  others: readonly WantedTable[],
  made: readonly MadeTable[],
): readonly string[] {
  const names = table.renamedFrom === undefined ? [] : [table.renamedFrom];
  const ours = new Set(
    made.filter((record) => record.schema === table.schema && record.whole).map((record) => record.table),
  );
  // The earlier name was made with the tier of today; ours may have had another.
  const base = table.renamedFrom?.replace(/^(#|__?)/, "");
  if (base !== undefined)
    names.push(...["", "#", "_", "__"].map((tier) => `${tier}${base}`).filter((name) => ours.has(name)));
  // The record knows the table also when its tier or its explicit name has changed.
  for (const entity of [table.entity, table.renamedFromEntity]) {
    const recorded = made.find(
      (record) => record.schema === table.schema && record.entity === entity && record.whole,
    );
    if (recorded !== undefined) names.push(recorded.table);
  }
  const master = others.find((other) => other.name === table.master);
  const suffix = master === undefined ? "" : table.name.slice(master.name.length);
  if (master !== undefined && table.name.startsWith(master.name)) {
    for (const earlier of earlierNames(master, others, made)) names.push(`${earlier}${suffix}`);
  }
  return names;
}

/**
 * Columns to rename, by `@renamedFrom`; a column that a reference named after its target's key follows that key.
 * `catalog` has the tables under their new names.
 */
export function columnRenames(tables: readonly WantedTable[], catalog: Catalog): readonly ColumnRename[] {
  const earlier = new Map<string, readonly string[]>();
  const at = (id: string, column: string): string => `${id}\0${column}`;
  const byId = new Map(tables.map((table) => [tableId(table.schema, table.name), table]));
  const namesOf = (table: WantedTable, column: string, depth = 0): readonly string[] => {
    const place = at(tableId(table.schema, table.name), column);
    const known = earlier.get(place);
    if (known !== undefined) return known;
    const own = table.columns.find((candidate) => candidate.name === column)?.renamedFrom;
    const names = own === undefined ? [] : [own];
    for (const key of depth > tables.length ? [] : table.foreignKeys) {
      const target = byId.get(tableId(key.schema, key.table));
      // Only a column that has its name from the target follows it: `@reference` names its own.
      const follows = key.columns.some(
        (name, index) => name === column && key.targetColumns[index] === column,
      );
      if (target !== undefined && follows && target !== table)
        names.push(...namesOf(target, column, depth + 1));
    }
    earlier.set(place, names);
    return names;
  };
  return tables.flatMap((table) => {
    const actual = catalog.tables.get(tableId(table.schema, table.name));
    if (actual === undefined) return [];
    const candidates = table.columns.map((column) => ({
      wanted: column.name,
      to: column.name,
      from: namesOf(table, column.name),
    }));
    const pairs = pair(candidates, new Set(actual.columns.map((column) => column.name)));
    return pairs.map(({ wanted, from }) => ({ table, from, to: wanted }));
  });
}

/** The catalog with tables under their new names, as if the renames had been run. */
export function withTableRenames(catalog: Catalog, renames: readonly TableRename[]): Catalog {
  let current = catalog;
  for (const { table, from } of renames) current = renameOne(current, table.schema, from, table.name);
  return current;
}

function renameOne(catalog: Catalog, schema: string, from: string, to: string): Catalog {
  const same = (otherSchema: string, name: string): string =>
    otherSchema === schema && name === from ? to : name;
  const [oldId, newId] = [tableId(schema, from), tableId(schema, to)];
  const tables = [...catalog.tables.values()].map((table) => ({
    ...table,
    name: same(table.schema, table.name),
    foreignKeys: table.foreignKeys.map((key) => ({ ...key, table: same(key.schema, key.table) })),
  }));
  const lineage = [...catalog.lineage].map(([inSchema, rows]) => {
    const renamed = [...rows].map(([name, columns]) => [same(inSchema, name), columns] as const);
    return [inSchema, new Map(renamed)] as const;
  });
  const mark = (text: string): string => text.replace(`->${schema}.${from}(`, `->${schema}.${to}(`);
  return {
    ...catalog,
    tables: new Map(tables.map((table) => [tableId(table.schema, table.name), table])),
    lineage: new Map(lineage),
    outside: catalog.outside.map((key) => (key.table === oldId ? { ...key, table: newId } : key)),
    enums: catalog.enums.map((type) => ({
      ...type,
      users: type.users.map((user) => (user.table === oldId ? { ...user, table: newId } : user)),
    })),
    made: catalog.made.map((made) => ({
      ...made,
      table: same(made.schema, made.table),
      foreignKeys: made.foreignKeys.map(mark),
    })),
  };
}

/** The catalog with columns under their new names. Each table's renames are taken at once, so a chain is no trouble. */
export function withColumnRenames(catalog: Catalog, renames: readonly ColumnRename[]): Catalog {
  const byTable = new Map<string, Map<string, string>>();
  for (const { table, from, to } of renames) {
    const id = tableId(table.schema, table.name);
    byTable.set(id, (byTable.get(id) ?? new Map()).set(from, to));
  }
  const name = (id: string, column: string): string => byTable.get(id)?.get(column) ?? column;
  const lineage = [...catalog.lineage].map(([schema, tables]) => {
    const renamed = [...tables].map(([table, columns]) => {
      const rows = [...columns].map(
        ([column, origin]) => [name(tableId(schema, table), column), origin] as const,
      );
      return [table, new Map(rows)] as const;
    });
    return [schema, new Map(renamed)] as const;
  });
  return {
    ...catalog,
    tables: new Map([...catalog.tables].map(([id, table]) => [id, renameColumns(table, name)])),
    lineage: new Map(lineage),
    enums: catalog.enums.map((type) => ({
      ...type,
      users: type.users.map((user) => ({ ...user, column: name(user.table, user.column) })),
    })),
    made: catalog.made.map((made) => renameMarks(made, name)),
  };
}

type Rename = (id: string, column: string) => string;

function renameColumns(table: CatalogTable, name: Rename): CatalogTable {
  const own = (column: string): string => name(tableId(table.schema, table.name), column);
  return {
    ...table,
    columns: table.columns.map((column) => ({ ...column, name: own(column.name) })),
    key: table.key.map(own),
    indexes: table.indexes.map((index) => ({ ...index, columns: index.columns.map(own) })),
    foreignKeys: table.foreignKeys.map((key) => ({
      ...key,
      columns: key.columns.map(own),
      targetColumns: key.targetColumns.map((column) => name(tableId(key.schema, key.table), column)),
    })),
  };
}

function renameMarks(made: MadeTable, name: Rename): MadeTable {
  const own = (column: string): string => name(tableId(made.schema, made.table), column);
  const list = (columns: string, each: (column: string) => string): string =>
    columns.split(",").map(each).join(",");
  return {
    ...made,
    columns: made.columns.map(own),
    indexes: made.indexes.map((mark) =>
      mark.replace(/\((.*)\)$/, (_, columns: string) => `(${list(columns, own)})`),
    ),
    foreignKeys: made.foreignKeys.map((mark) => {
      const match = /^(.*)->([^.]*)\.(.*)\((.*)\)$/.exec(mark);
      if (match === null) return mark;
      const [, columns = "", schema = "", table = "", targets = ""] = match;
      const target = (column: string): string => name(tableId(schema, table), column);
      return foreignKeyMark({
        columns: columns.split(",").map(own),
        schema,
        table,
        targetColumns: targets.split(",").map(target),
      });
    }),
  };
}
