/** Reads the tables of some schemas from `pg_catalog`, in a handful of statements whatever their number. */

import type {
  Catalog,
  CatalogColumn,
  CatalogEnum,
  CatalogForeignKey,
  CatalogIndex,
  CatalogTable,
} from "../sql/catalog.ts";
import { comparableType } from "../sql/column-type.ts";
import { lineageTable } from "../sql/lineage.ts";
import { literal, qualified } from "../sql/quote.ts";
import { tableId } from "../sql/wanted.ts";
import * as texts from "./catalog-queries.ts";
import type { Queryable } from "./contract.ts";
import { readMade } from "./made.ts";

/** What is in `schemas`; those that do not exist are left out. Foreign keys may lead to others. */
export async function readCatalog(db: Queryable, schemas: readonly string[]): Promise<Catalog> {
  const values = [[...new Set(schemas)]];
  const found = await db.query<{ name: string }>(texts.schemas, values);
  const tables = await readTables(db, values);
  const enums = await db.query<EnumRow>(texts.enums, values);
  const outside = await db.query<OutsideRow>(texts.outside, values);
  const names = await db.query<{ schema: string; name: string }>(texts.names, values);
  return {
    schemas: new Set(found.rows.map((row) => row.name)),
    tables,
    enums: enums.rows.map(enumOf),
    outside: outside.rows.map((row) => ({
      table: tableId(row.schema, row.table),
      from: `${row.fromSchema}.${row.fromTable}`,
      name: row.name,
    })),
    lineage: await readLineage(db, names.rows),
    names: grouped(names.rows),
    made: await readMade(db),
  };
}

interface TableRow {
  oid: string;
  schema: string;
  name: string;
  kind: string;
  comment: string | null;
}
interface ColumnRow {
  table: string;
  name: string;
  type: string;
  enumSchema: string | null;
  enumName: string | null;
  nullable: boolean;
  default: string | null;
  comment: string | null;
  generated: boolean;
}
interface IndexRow extends CatalogIndex {
  table: string;
  primary: boolean;
}
interface ForeignKeyRow extends CatalogForeignKey {
  from: string;
}
interface NamedRow {
  table: string;
  name: string;
}
interface OutsideRow {
  schema: string;
  table: string;
  fromSchema: string;
  fromTable: string;
  name: string;
}
interface EnumRow {
  schema: string;
  name: string;
  labels: string[];
  users: { schema: string; table: string; column: string }[] | string | null;
}

async function readTables(
  db: Queryable,
  values: readonly unknown[],
): Promise<ReadonlyMap<string, CatalogTable>> {
  const tables = await db.query<TableRow>(texts.tables, values);
  const columns = byTable(await db.query<ColumnRow>(texts.columns, values), (row) => row.table);
  const indexes = byTable(await db.query<IndexRow>(texts.indexes, values), (row) => row.table);
  const foreignKeys = byTable(await db.query<ForeignKeyRow>(texts.foreignKeys, values), (row) => row.from);
  const checks = byTable(await db.query<NamedRow>(texts.checks, values), (row) => row.table);
  const triggers = byTable(await db.query<NamedRow>(texts.triggers, values), (row) => row.table);
  const found = tables.rows.map((row): CatalogTable => {
    const own = indexes.get(row.oid) ?? [];
    const primary = own.find((index) => index.primary);
    return {
      schema: row.schema,
      name: row.name,
      kind: row.kind === "r" || row.kind === "p" ? "table" : "view",
      comment: row.comment ?? "",
      columns: (columns.get(row.oid) ?? []).map(columnOf),
      key: primary?.columns ?? [],
      keyName: primary?.name,
      indexes: own.filter((index) => !index.primary).map(indexOf),
      foreignKeys: (foreignKeys.get(row.oid) ?? []).map(foreignKeyOf),
      checks: (checks.get(row.oid) ?? []).map((check) => check.name),
      triggers: (triggers.get(row.oid) ?? []).map((trigger) => trigger.name),
    };
  });
  return new Map(found.map((table) => [tableId(table.schema, table.name), table]));
}

function byTable<Row>(result: { rows: Row[] }, oid: (row: Row) => string): Map<string, Row[]> {
  return Map.groupBy(result.rows, oid);
}

function columnOf(row: ColumnRow): CatalogColumn {
  const type =
    row.enumSchema !== null && row.enumName !== null
      ? { schema: row.enumSchema, name: row.enumName }
      : undefined;
  return {
    name: row.name,
    type: type === undefined ? comparableType(row.type) : qualified(type.schema, type.name),
    enum: type,
    nullable: row.nullable,
    default: row.default,
    comment: row.comment,
    generated: row.generated,
  };
}

function indexOf({ name, columns, unique, plain, isConstraint }: IndexRow): CatalogIndex {
  return { name, columns, unique, plain, isConstraint };
}

function foreignKeyOf({ name, columns, schema, table, targetColumns, standard }: ForeignKeyRow) {
  return { name, columns, schema, table, targetColumns, standard };
}

function enumOf(row: EnumRow): CatalogEnum {
  // json arrives as text from our pool, parsed from others.
  const users: { schema: string; table: string; column: string }[] =
    typeof row.users === "string" ? JSON.parse(row.users) : (row.users ?? []);
  return {
    schema: row.schema,
    name: row.name,
    labels: row.labels,
    users: users.map((user) => ({ table: tableId(user.schema, user.table), column: user.column })),
  };
}

function grouped(rows: readonly { schema: string; name: string }[]): ReadonlyMap<string, Set<string>> {
  const groups = new Map<string, Set<string>>();
  for (const { schema, name } of rows) {
    const group = groups.get(schema) ?? new Set();
    groups.set(schema, group.add(name));
  }
  return groups;
}

async function readLineage(
  db: Queryable,
  names: readonly { schema: string; name: string }[],
): Promise<Catalog["lineage"]> {
  const schemas = names.filter((row) => row.name === lineageTable).map((row) => row.schema);
  const lineage = new Map(schemas.map((schema) => [schema, new Map<string, Map<string, string>>()]));
  if (schemas.length === 0) return lineage;
  const selects = schemas.map(
    (schema) =>
      `SELECT ${literal(schema)} AS schema, table_name AS "table", attribute_name AS "column", lineage FROM ${qualified(schema, lineageTable)}`,
  );
  const { rows } = await db.query<{ schema: string; table: string; column: string; lineage: string }>(
    selects.join(" UNION ALL "),
  );
  for (const row of rows) {
    const tables = lineage.get(row.schema);
    const columns = tables?.get(row.table) ?? new Map<string, string>();
    tables?.set(row.table, columns.set(row.column, row.lineage));
  }
  return lineage;
}
