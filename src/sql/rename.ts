/** Renames: which tables and columns of the database are the model's under an earlier name. */

import type { Catalog, MadeTable } from "./catalog.ts";
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
