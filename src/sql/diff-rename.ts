/** The steps of renames, with everything that is named after a table or a column. */

import type { Catalog, CatalogTable } from "./catalog.ts";
import { type Change, script } from "./change.ts";
import type { Before } from "./difference.ts";
import { pathCheck, referenceColumn, releaseColumn } from "./hidden.ts";
import { indexName } from "./indexes.ts";
import { hasJobs, jobsFollowColumn, jobsFollowTable } from "./job/rename.ts";
import { lineageTable } from "./lineage.ts";
import { identifier, literal, qualified } from "./quote.ts";
import type { ColumnRename, TableRename } from "./rename.ts";
import { tableId } from "./wanted.ts";

interface Renames {
  readonly tables: readonly TableRename[];
  readonly columns: readonly ColumnRename[];
}

/** The changes, the catalog as it is after them, and the names as they were before. `named` has the tables renamed, `after` the columns too. */
export function renameChanges(
  renames: Renames,
  named: Catalog,
  after: Catalog,
): { readonly changes: readonly Change[]; readonly catalog: Catalog; readonly before: Before } {
  const tables = new Map(after.tables);
  const names = new Map([...after.names].map(([schema, set]) => [schema, new Set(set)]));
  const changes: Change[] = renames.tables.map((rename) => renameTable(rename, named));
  for (const rename of renames.columns) {
    const id = tableId(rename.table.schema, rename.table.name);
    const table = tables.get(id);
    if (table === undefined) continue;
    const from = renames.tables.find((one) => one.table === rename.table)?.from ?? table.name;
    changes.push(
      renameColumn(rename, table, { catalog: named, jobs: hasJobs(named.names.get(table.schema), from) }),
    );
    tables.set(id, withoutGuard(table, rename));
  }
  const oldTable = new Map(
    renames.tables.map(({ table, from }) => [tableId(table.schema, table.name), from] as const),
  );
  const touched = new Set([
    ...oldTable.keys(),
    ...renames.columns.map(({ table }) => tableId(table.schema, table.name)),
  ]);
  for (const id of touched) {
    const [table, earlier] = [tables.get(id), named.tables.get(id)];
    if (table === undefined || earlier === undefined) continue;
    const taken = names.get(table.schema) ?? new Set<string>();
    const renamed = followNames(table, { ...earlier, name: oldTable.get(id) ?? table.name }, taken);
    tables.set(id, renamed.table);
    if (renamed.change !== undefined) changes.push(renamed.change);
  }
  const oldColumn = new Map(
    renames.columns.map(({ table, from, to }) => [`${tableId(table.schema, table.name)}\0${to}`, from]),
  );
  const before: Before = {
    table: (schema, name) => qualified(schema, oldTable.get(tableId(schema, name)) ?? name),
    column: (schema, table, column) => oldColumn.get(`${tableId(schema, table)}\0${column}`) ?? column,
  };
  return { changes, catalog: { ...after, tables, names }, before };
}

/** The origins that name it, in whatever schema. */
function renameOrigin(was: string, becomes: string): string {
  return `SELECT holdfast.rename_origin(${literal(was)}, ${literal(becomes)})`;
}

function renameTable({ table, from }: TableRename, catalog: Catalog): Change {
  const statements = [`ALTER TABLE ${qualified(table.schema, from)} RENAME TO ${identifier(table.name)}`];
  if (catalog.lineage.has(table.schema)) {
    const rows = `UPDATE ${qualified(table.schema, lineageTable)} SET "table_name" = ${literal(table.name)}`;
    statements.push(`${rows} WHERE "table_name" = ${literal(from)}`);
    statements.push(renameOrigin(`${table.schema}.${from}`, `${table.schema}.${table.name}`));
  }
  const { schema, name: to } = table;
  statements.push(...jobsFollowTable(catalog.names.get(schema), { schema, from, to }));
  return {
    kind: "rename-table",
    summary: `Rename table ${table.schema}.${from} to ${table.name}`,
    sql: script(statements),
    destructive: false,
    entity: table.entity,
    table: `${table.schema}.${table.name}`,
  };
}

/** `jobs`: the table has a table of jobs. */
function renameColumn(
  { table, from, to }: ColumnRename,
  actual: CatalogTable,
  { catalog, jobs }: { readonly catalog: Catalog; readonly jobs: boolean },
): Change {
  const name = qualified(table.schema, table.name);
  const place = { schema: table.schema, table: table.name, column: from };
  const statements: string[] = [];
  // The trigger and the CHECK of the hidden column name the old one: it is adopted again, under its new name, later in the plan.
  if (actual.columns.some((column) => column.name === referenceColumn(from)))
    statements.push(releaseColumn(place));
  statements.push(`ALTER TABLE ${name} RENAME COLUMN ${identifier(from)} TO ${identifier(to)}`);
  if (actual.checks.includes(pathCheck(from)))
    statements.push(
      `ALTER TABLE ${name} RENAME CONSTRAINT ${identifier(pathCheck(from))} TO ${identifier(pathCheck(to))}`,
    );
  if (catalog.lineage.get(table.schema)?.get(table.name)?.has(from) === true)
    statements.push(
      `UPDATE ${qualified(table.schema, lineageTable)} SET "attribute_name" = ${literal(to)} ` +
        `WHERE "table_name" = ${literal(table.name)} AND "attribute_name" = ${literal(from)}`,
      renameOrigin(`${table.schema}.${table.name}.${from}`, `${table.schema}.${table.name}.${to}`),
    );
  if (jobs && table.key.includes(to))
    statements.push(...jobsFollowColumn({ schema: table.schema, table: table.name, from, to }));
  return {
    kind: "rename-column",
    summary: `Rename column ${table.schema}.${table.name}.${from} to ${to}`,
    sql: script(statements),
    destructive: false,
    entity: table.entity,
    table: `${table.schema}.${table.name}`,
    column: to,
  };
}

/** The table without the hidden reference of a column that had another name, and with its path check renamed. */
function withoutGuard(table: CatalogTable, { from, to }: ColumnRename): CatalogTable {
  const hidden = referenceColumn(from);
  return {
    ...table,
    columns: table.columns.filter((column) => column.name !== hidden),
    indexes: table.indexes.filter((index) => !index.columns.includes(hidden)),
    foreignKeys: table.foreignKeys.filter((key) => !key.columns.includes(hidden)),
    checks: table.checks.map((name) => (name === pathCheck(from) ? pathCheck(to) : name)),
    triggers: table.triggers.filter((name) => name !== `_obj${hidden}`),
  };
}

/** Indexes and constraints that have their usual names for the old table and columns get the usual ones for the new. */
function followNames(
  table: CatalogTable,
  earlier: CatalogTable,
  taken: Set<string>,
): { readonly table: CatalogTable; readonly change: Change | undefined } {
  const statements: string[] = [];
  const name = qualified(table.schema, table.name);
  const oldIndexes = new Map(earlier.indexes.map((index) => [index.name, index]));
  const indexes = table.indexes.map((index) => {
    const old = oldIndexes.get(index.name);
    const next = indexName(table.name, index.columns);
    const usual = old !== undefined && index.name === indexName(earlier.name, old.columns);
    if (!usual || next === index.name || taken.has(next)) return index;
    taken.delete(index.name);
    taken.add(next);
    statements.push(`ALTER INDEX ${qualified(table.schema, index.name)} RENAME TO ${identifier(next)}`);
    return { ...index, name: next };
  });
  const oldKeys = new Map(earlier.foreignKeys.map((key) => [key.name, key]));
  const constraints = new Set(table.foreignKeys.map((key) => key.name));
  const rename = (from: string, to: string): void => {
    statements.push(`ALTER TABLE ${name} RENAME CONSTRAINT ${identifier(from)} TO ${identifier(to)}`);
  };
  const foreignKeys = table.foreignKeys.map((key) => {
    const old = oldKeys.get(key.name);
    const next = `${table.name}_${key.columns.join("_")}_fkey`;
    const usual = old !== undefined && key.name === `${earlier.name}_${old.columns.join("_")}_fkey`;
    if (!usual || next === key.name || next.length > 63 || constraints.has(next)) return key;
    constraints.add(next);
    rename(key.name, next);
    return { ...key, name: next };
  });
  const keyName = `${table.name}_pkey`;
  const renamesKey =
    table.keyName === `${earlier.name}_pkey` &&
    keyName !== table.keyName &&
    keyName.length <= 63 &&
    !taken.has(keyName);
  if (renamesKey && table.keyName !== undefined) rename(table.keyName, keyName);
  const renamed = { ...table, indexes, foreignKeys, keyName: renamesKey ? keyName : table.keyName };
  if (statements.length === 0) return { table: renamed, change: undefined };
  const change: Change = {
    kind: "rename-column",
    summary: `Rename the indexes and constraints of ${table.schema}.${table.name}`,
    sql: script(statements),
    destructive: false,
    table: `${table.schema}.${table.name}`,
  };
  return { table: renamed, change };
}
