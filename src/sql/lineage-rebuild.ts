/** The lineage of whole schemas as their keys and foreign keys tell it, whoever has made the tables, beside the rows that are there. Pure. */

import type { Catalog, CatalogForeignKey, CatalogTable } from "./catalog.ts";
import { lineageTable } from "./lineage.ts";
import { literal, qualified } from "./quote.ts";
import { tableId } from "./wanted.ts";

/** One row of `~lineage` that is not as it should be. */
export interface LineageFault {
  readonly schema: string;
  readonly table: string;
  readonly column: string;
  readonly kind: "missing" | "wrong" | "left over";
  /** The row that is there; absent where it is missing. */
  readonly is?: string;
  /** The row that should be there; absent where it is left over. */
  readonly should?: string;
}

/** A job table: a key of its own, and no foreign keys. */
export interface JobTable {
  readonly schema: string;
  readonly name: string;
  readonly key: readonly string[];
}

/** What the comparison stands on: the schemas, and all that their foreign keys lead to. */
export interface LineageSides {
  readonly catalog: Catalog;
  readonly jobs: readonly JobTable[];
}

/**
 * The faults of one schema, in the order of its tables and columns. Rows of internal tables that are no job tables, and of views, are the business of
 * whoever made them. Where several foreign keys share a column each of their origins is right.
 */
export function lineageFaults({ catalog, jobs }: LineageSides, schema: string): readonly LineageFault[] {
  const rows = catalog.lineage.get(schema) ?? new Map<string, ReadonlyMap<string, string>>();
  const own = [...catalog.tables.values()].filter((table) => table.schema === schema);
  const tables = own.filter(({ kind }) => kind === "table").map(({ name }) => name);
  const origins = (name: string): ReadonlyMap<string, readonly string[]> => {
    const job = jobs.find((one) => one.schema === schema && one.name === name);
    if (job !== undefined) return new Map(job.key.map((column) => [column, [`${schema}.${name}.${column}`]]));
    const table = catalog.tables.get(tableId(schema, name));
    return table === undefined ? new Map() : originsOf(catalog, table);
  };
  const views = new Set(own.filter(({ kind }) => kind === "view").map(({ name }) => name));
  const isOthers = (name: string): boolean =>
    views.has(name) || (name.startsWith("~") && !name.startsWith("~~"));
  const jobNames = jobs.filter((job) => job.schema === schema).map(({ name }) => name);
  const names = [...new Set([...tables, ...jobNames, ...rows.keys()])].sort();
  return names
    .filter((name) => !isOthers(name))
    .flatMap((name) => faultsOf({ schema, table: name }, origins(name), rows.get(name) ?? new Map()));
}

function faultsOf(
  at: Pick<LineageFault, "schema" | "table">,
  origins: ReadonlyMap<string, readonly string[]>,
  rows: ReadonlyMap<string, string>,
): LineageFault[] {
  const faults: LineageFault[] = [];
  for (const [column, allowed] of origins) {
    const is = rows.get(column);
    const [should = ""] = allowed;
    if (is === undefined) faults.push({ ...at, column, kind: "missing", should });
    else if (!allowed.includes(is)) faults.push({ ...at, column, kind: "wrong", is, should });
  }
  for (const [column, is] of rows)
    if (!origins.has(column)) faults.push({ ...at, column, kind: "left over", is });
  return faults;
}

/** The origins that each column of the key or of a foreign key may have. */
function originsOf(catalog: Catalog, table: CatalogTable): ReadonlyMap<string, readonly string[]> {
  const keys = visible(table);
  const columns = table.columns
    .map(({ name }) => name)
    .filter((name) => table.key.includes(name) || keys.some((key) => key.columns.includes(name)));
  return new Map(
    columns.map((name) => [name, [...new Set(originOf(catalog, { table, column: name }, new Set()))]]),
  );
}

interface Place {
  readonly table: CatalogTable;
  readonly column: string;
}

/** Up the foreign keys to the columns that none leads on from. */
function originOf(catalog: Catalog, { table, column }: Place, seen: ReadonlySet<string>): string[] {
  const here = `${table.schema}.${table.name}.${column}`;
  if (seen.has(here)) return [];
  const found = visible(table).flatMap((key) => {
    const at = key.columns.indexOf(column);
    const target = key.targetColumns[at];
    if (at < 0 || target === undefined) return [];
    const parent = catalog.tables.get(tableId(key.schema, key.table));
    if (parent === undefined) return [`${key.schema}.${key.table}.${target}`];
    return originOf(catalog, { table: parent, column: target }, new Set([...seen, here]));
  });
  return found.length === 0 ? [here] : found;
}

/** Those of the users: not the hidden ones to holds. */
function visible(table: CatalogTable): readonly CatalogForeignKey[] {
  return table.foreignKeys.filter((key) => !key.table.startsWith("~"));
}

/** The statements that mend the faults of one schema. */
export function lineageStatements(schema: string, faults: readonly LineageFault[]): readonly string[] {
  const name = qualified(schema, lineageTable);
  const over = faults.filter(({ kind }) => kind === "left over");
  const wanted = faults.flatMap(({ table, column, should }) =>
    should === undefined ? [] : [`(${literal(table)}, ${literal(column)}, ${literal(should)})`],
  );
  const gone = over.map(({ table, column }) => `(${literal(table)}, ${literal(column)})`);
  return [
    ...(gone.length === 0
      ? []
      : [`DELETE FROM ${name} WHERE ("table_name", "attribute_name") IN (${gone.join(", ")})`]),
    ...(wanted.length === 0
      ? []
      : [
          `INSERT INTO ${name} ("table_name", "attribute_name", "lineage") VALUES ${wanted.join(", ")} ` +
            `ON CONFLICT ("table_name", "attribute_name") DO UPDATE SET "lineage" = EXCLUDED."lineage"`,
        ]),
  ];
}
