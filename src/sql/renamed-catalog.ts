/** The catalog as it is when renames have been run, so that the rest of the diff knows one set of names only. */

import type { Catalog, CatalogTable, MadeTable } from "./catalog.ts";
import { foreignKeyMark } from "./mark.ts";
import type { ColumnRename, TableRename } from "./rename.ts";
import { tableId } from "./wanted.ts";

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
  const origin = (text: string): string =>
    text.startsWith(`${schema}.${from}.`)
      ? `${schema}.${to}${text.slice(schema.length + 1 + from.length)}`
      : text;
  const lineage = [...catalog.lineage].map(([inSchema, rows]) => {
    const renamed = [...rows].map(
      ([name, columns]) => [same(inSchema, name), renameOrigins(columns, origin)] as const,
    );
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

function renameOrigins(
  columns: ReadonlyMap<string, string>,
  origin: (text: string) => string,
): ReadonlyMap<string, string> {
  return new Map([...columns].map(([column, text]) => [column, origin(text)]));
}

/** The catalog with columns under their new names. Each table's renames are taken at once, so a chain is no trouble. */
export function withColumnRenames(catalog: Catalog, renames: readonly ColumnRename[]): Catalog {
  const byTable = new Map<string, Map<string, string>>();
  for (const { table, from, to } of renames) {
    const id = tableId(table.schema, table.name);
    byTable.set(id, (byTable.get(id) ?? new Map()).set(from, to));
  }
  const name = (id: string, column: string): string => byTable.get(id)?.get(column) ?? column;
  const origins = new Map(
    renames.map(({ table, from, to }) => {
      const place = `${table.schema}.${table.name}.`;
      return [`${place}${from}`, `${place}${to}`] as const;
    }),
  );
  const lineage = [...catalog.lineage].map(([schema, tables]) => {
    const renamed = [...tables].map(([table, columns]) => {
      const rows = [...columns].map(
        ([column, origin]) => [name(tableId(schema, table), column), origins.get(origin) ?? origin] as const,
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
