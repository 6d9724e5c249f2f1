/** What must hold before rows of a table go by themselves: the table is one, and every reference to it is guarded by PostgreSQL. */

import type { Queryable } from "../db/contract.ts";
import { type Expiry, type ReferringKey, referringKeys, referringMark, tableKinds } from "../sql/expiry.ts";
import { tableId } from "../sql/wanted.ts";

/** What is around the tables of all expiries. */
export interface Surroundings {
  /** Foreign keys to them, of whatever table. */
  readonly keys: readonly ReferringKey[];
  /** The tables themselves and those that the model says refer to them, where they exist, by `tableId`. */
  readonly tables: ReadonlyMap<string, { readonly kind: string; readonly columns: readonly string[] }>;
}

interface TableRow {
  readonly schema: string;
  readonly table: string;
  readonly kind: string;
  readonly columns: readonly string[];
}

/** Reads it from the catalog. */
export async function surroundingsOf(db: Queryable, expiries: readonly Expiry[]): Promise<Surroundings> {
  const own = expiries.flatMap(({ tables }) => tables);
  const others = expiries.flatMap(({ wanted }) =>
    wanted.map((key) => ({ schema: key.fromSchema, table: key.fromTable })),
  );
  const names = (list: readonly { schema: string; table: string }[]) => [
    list.map(({ schema }) => schema),
    list.map(({ table }) => table),
  ];
  const { rows: keys } = await db.query<ReferringKey>(referringKeys, names(own));
  const { rows: tables } = await db.query<TableRow>(tableKinds, names([...own, ...others]));
  return { keys, tables: new Map(tables.map((row) => [tableId(row.schema, row.table), row])) };
}

/** Why no row of this entity may go now, for people; `undefined` when they may. */
export function expireDoubt(expiry: Expiry, { keys, tables }: Surroundings): string | undefined {
  const there = new Set(keys.map(referringMark));
  for (const { schema, table } of expiry.tables) {
    const found = tables.get(tableId(schema, table));
    if (found === undefined) return `the table ${schema}.${table} is not there`;
    if (found.kind !== "r" && found.kind !== "p") return `${schema}.${table} is no table of rows`;
  }
  const [{ schema, table }] = expiry.tables;
  const columns = tables.get(tableId(schema, table))?.columns ?? [];
  if (!columns.includes(expiry.column)) return `${schema}.${table} has no column ${expiry.column}`;
  const lost = expiry.wanted.find(
    (key) => tables.has(tableId(key.fromSchema, key.fromTable)) && !there.has(referringMark(key)),
  );
  if (lost === undefined) return undefined;
  return `${lost.fromSchema}.${lost.fromTable} (${lost.columns.join(", ")}) has no foreign key to ${lost.schema}.${lost.table}, as the schema says it has`;
}
