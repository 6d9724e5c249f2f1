/** Wanted tables → SQL, in the order and the words of the peer's declarations (interop reference §4). */

import { defaultText } from "./default.ts";
import { addPathCheck, adoptColumn, isExternal, isGuarded } from "./hidden.ts";
import { deleteLineage, insertLineage } from "./lineage.ts";
import { identifier, identifiers, literal, qualified } from "./quote.ts";
import type { WantedColumn, WantedEnum, WantedForeignKey, WantedIndex, WantedTable } from "./wanted.ts";
import { watchTable } from "./watch.ts";

/** `CREATE TYPE` of an enum. */
export function createEnum(wanted: WantedEnum): string {
  return `CREATE TYPE ${qualified(wanted.schema, wanted.name)} AS ENUM (${wanted.labels.map(literal).join(", ")})`;
}

/** A column as it stands in CREATE TABLE or ADD COLUMN. */
export function columnDefinition(column: WantedColumn): string {
  const name = `${identifier(column.name)} ${column.type}`;
  if (column.default === null || (column.default === undefined && column.nullable))
    return column.isReference ? name : `${name} DEFAULT NULL`;
  const nullability = column.nullable ? "" : " NOT NULL";
  return column.default === undefined
    ? `${name}${nullability}`
    : `${name}${nullability} DEFAULT ${defaultText(column.default)}`;
}

/** A foreign key as it stands in CREATE TABLE or behind ADD. */
export function foreignKeyDefinition(key: WantedForeignKey): string {
  return (
    `FOREIGN KEY (${identifiers(key.columns)}) REFERENCES ${qualified(key.schema, key.table)} (${identifiers(key.targetColumns)}) ` +
    "ON UPDATE CASCADE ON DELETE RESTRICT"
  );
}

/** `CREATE TABLE`, with the foreign keys that can be given at once. */
function createTable(table: WantedTable, foreignKeys: readonly WantedForeignKey[]): string {
  const lines = [
    ...table.columns.map(columnDefinition),
    `PRIMARY KEY (${identifiers(table.key)})`,
    ...foreignKeys.map(foreignKeyDefinition),
  ];
  return `CREATE TABLE IF NOT EXISTS ${qualified(table.schema, table.name)} (\n${lines.join(",\n")}\n)`;
}

/** `CREATE INDEX` under the given name. */
export function createIndex(table: WantedTable, index: WantedIndex, name: string): string {
  const kind = index.unique ? "UNIQUE INDEX" : "INDEX";
  return `CREATE ${kind} ${identifier(name)} ON ${qualified(table.schema, table.name)} (${identifiers(index.columns)})`;
}

/** `COMMENT ON TABLE`. */
export function commentTable(table: WantedTable): string {
  return `COMMENT ON TABLE ${qualified(table.schema, table.name)} IS ${literal(table.comment)}`;
}

/** `COMMENT ON COLUMN`; no comment is NULL. */
export function commentColumn(table: WantedTable, column: WantedColumn): string {
  const text = column.comment === null ? "NULL" : literal(column.comment);
  return `COMMENT ON COLUMN ${qualified(table.schema, table.name)}.${identifier(column.name)} IS ${text}`;
}

/** Every statement for a table that is not there, the guards of its codec columns and the record of its changes among them. */
export function createStatements(
  table: WantedTable,
  foreignKeys: readonly WantedForeignKey[],
  indexNames: readonly string[],
): readonly string[] {
  return [
    ...plainTableStatements(table, foreignKeys, indexNames),
    ...table.columns.flatMap((column) => guardColumn(table, column, false)),
    watchTable(table),
  ];
}

/** The statements of the peer's own declaration: the table, its indexes, comments and lineage. */
export function plainTableStatements(
  table: WantedTable,
  foreignKeys: readonly WantedForeignKey[],
  indexNames: readonly string[],
): readonly string[] {
  return [
    createTable(table, foreignKeys),
    ...table.indexes.map((index, at) => createIndex(table, index, indexNames[at] ?? "")),
    commentTable(table),
    ...table.columns
      .filter((column) => column.comment !== null)
      .map((column) => commentColumn(table, column)),
    deleteLineage(table.schema, table.name),
    insertLineage(table.schema, table.name, table.lineage),
  ];
}

/** What keeps a codec column's values safe; nothing for other columns. */
export function guardColumn(table: WantedTable, column: WantedColumn, existing: boolean): readonly string[] {
  const place = { schema: table.schema, table: table.name, column: column.name };
  if (isExternal(column)) return [addPathCheck(place, existing)];
  const store = column.codec?.store;
  return isGuarded(column) && store !== undefined ? [adoptColumn(place, store)] : [];
}
