/** Foreign keys → references, where the schema language has the same to say. */

import { isAttributeName } from "../model/naming.ts";
import type { CatalogColumn, CatalogForeignKey, CatalogTable } from "../sql/catalog.ts";
import { tableId } from "../sql/wanted.ts";
import type { Draft, DraftReference } from "./draft.ts";
import { isHidden, type Unsaid } from "./read-column.ts";

/** The reference that a foreign key is, or why it is none. */
export function referenceOf(
  table: CatalogTable,
  key: CatalogForeignKey,
  { drafts, schemas }: { readonly drafts: ReadonlyMap<string, Draft>; readonly schemas: readonly string[] },
): DraftReference | Unsaid {
  const id = tableId(key.schema, key.table);
  const target = drafts.get(id)?.table;
  if (target === undefined) return { why: absence(key, schemas) };
  if (!key.standard) return { why: "it is not ON UPDATE CASCADE ON DELETE RESTRICT, enforced at once" };
  const isWhole =
    key.targetColumns.length === target.key.length &&
    target.key.every((name) => key.targetColumns.includes(name));
  if (!isWhole) return { why: `it does not lead to the key of ${key.schema}.${key.table}` };
  const columns = target.key.map((name) => ({
    column: key.columns[key.targetColumns.indexOf(name)] ?? "",
    target: name,
  }));
  const fault = columns.map((pair) => columnFault(table, target, pair)).find((found) => found !== undefined);
  if (fault !== undefined) return { why: fault };
  const own = columns.flatMap(({ column }) => columnNamed(table, column) ?? []);
  const inKey = own.every(({ name }) => table.key.includes(name));
  if (inKey && target === table) return { why: "it leads from the table's key to itself" };
  return { key, target: id, columns, inKey, nullable: own.some(({ nullable }) => nullable) };
}

function absence({ schema, table }: CatalogForeignKey, schemas: readonly string[]): string {
  return schemas.includes(schema)
    ? `${schema}.${table} is left out`
    : `the schema ${schema} was not asked for (--schema ${schema})`;
}

function columnNamed(table: CatalogTable, name: string): CatalogColumn | undefined {
  return table.columns.find((column) => column.name === name);
}

/** The peer gives such a column its target's type, no comment and no default. */
function columnFault(
  table: CatalogTable,
  target: CatalogTable,
  pair: { readonly column: string; readonly target: string },
): string | undefined {
  const column = columnNamed(table, pair.column);
  const other = columnNamed(target, pair.target);
  if (column === undefined || other === undefined) return `${pair.column} is no column of it`;
  if (isHidden(column.name) || !isAttributeName(column.name))
    return `${column.name} is no column that can be named`;
  if ((column.comment ?? "") !== "")
    return `${column.name} is a field of its own too, with a type in its comment`;
  if (column.default !== null && !/^null\b/i.test(column.default)) return `${column.name} has a default`;
  if (column.generated) return `${column.name} is a generated column`;
  const [own, its] = [withoutPrecision(column), withoutPrecision(other)];
  return own === its ? undefined : `${column.name} is ${own}, and ${pair.target} is ${its}`;
}

/** A referring timestamp may have the precision of its target, or none. */
function withoutPrecision({ type }: CatalogColumn): string {
  return type.replace(/^timestamp\(\d\)( without time zone)$/, "timestamp$1");
}
