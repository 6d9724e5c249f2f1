/** Who refers to an object: read from the catalog of foreign keys, row → hold → object, so that no list of ours can be out of date. */

import type { Queryable } from "../db/contract.ts";

/** One row that refers to an object. */
interface Referrer {
  readonly schema: string;
  readonly table: string;
  /** Column with the object's JSON. */
  readonly column: string;
  /** Primary key of the row, in key order, as text. */
  readonly key: readonly (readonly [column: string, text: string])[];
}

export interface Referrers {
  /** In order of schema, table, column and key, `limit` at most. */
  readonly rows: readonly Referrer[];
  /** True when there are more than were asked for. */
  readonly truncated: boolean;
  /** Schemas that hold the object, with or without a row that refers to it. */
  readonly heldBy: readonly string[];
}

interface Reference {
  readonly schema: string;
  readonly table: string;
  /** Column with the locator. */
  readonly ref: string;
  readonly column: string;
  readonly key: string[];
}

/** The rows that refer to the object at `locator`; 100 unless `limit` says otherwise. */
export async function listReferrers(
  db: Queryable,
  locator: string,
  options: { readonly limit?: number } = {},
): Promise<Referrers> {
  const limit = options.limit ?? 100;
  const heldBy: string[] = [];
  const rows: Referrer[] = [];
  for (const hold of await holdTables(db)) {
    const held = await db.query(`SELECT FROM ${name(hold.schema, hold.table)} WHERE locator = $1`, [locator]);
    if (held.rowCount === 0) continue;
    heldBy.push(hold.schema);
    for (const reference of await referencesTo(db, hold.oid)) {
      if (rows.length > limit) break;
      rows.push(...(await referring(db, reference, { locator, limit: limit + 1 - rows.length })));
    }
  }
  return { rows: rows.slice(0, limit), truncated: rows.length > limit, heldBy };
}

interface HoldTable {
  readonly oid: string;
  readonly schema: string;
  readonly table: string;
}

async function holdTables(db: Queryable): Promise<HoldTable[]> {
  const { rows } = await db.query<HoldTable>(
    `SELECT r.conrelid::oid::text AS oid, n.nspname::text AS schema, c.relname::text AS table
     FROM holdfast.reference r JOIN pg_class c ON c.oid = r.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE r.confrelid = 'holdfast.object'::regclass ORDER BY 2, 3`,
  );
  return rows;
}

async function referencesTo(db: Queryable, hold: string): Promise<Reference[]> {
  const { rows } = await db.query<Reference>(
    `SELECT n.nspname::text AS schema, c.relname::text AS table, r.col::text AS ref,
       coalesce((SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = r.conrelid AND a.attnum > 0 AND NOT a.attisdropped
         AND holdfast.ref_name(a.attname::text) = r.col ORDER BY a.attnum LIMIT 1), r.col::text) AS column,
       coalesce((SELECT array_agg(a.attname::text ORDER BY k.ord) FROM pg_constraint p, unnest(p.conkey) WITH ORDINALITY k (num, ord)
         JOIN pg_attribute a ON a.attnum = k.num WHERE p.conrelid = r.conrelid AND p.contype = 'p' AND a.attrelid = r.conrelid), '{}') AS key
     FROM holdfast.reference r JOIN pg_class c ON c.oid = r.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE r.confrelid = $1::oid ORDER BY 1, 2, 4`,
    [hold],
  );
  return rows;
}

async function referring(
  db: Queryable,
  reference: Reference,
  wanted: { locator: string; limit: number },
): Promise<Referrer[]> {
  const { schema, table, column, key } = reference;
  const parts = key.map((part) => `${identifier(part)}::text`);
  const { rows } = await db.query<{ key: string[] }>(
    `SELECT ARRAY[${parts.join(", ")}]::text[] AS key FROM ${name(schema, table)}
     WHERE ${identifier(reference.ref)} = $1 ORDER BY ${key.length > 0 ? key.map(identifier).join(", ") : "1"} LIMIT $2`,
    [wanted.locator, wanted.limit],
  );
  return rows.map((row) => ({
    schema,
    table,
    column,
    key: key.map((part, at) => [part, row.key[at] ?? ""] as const),
  }));
}

function name(schema: string, table: string): string {
  return `${identifier(schema)}.${identifier(table)}`;
}

function identifier(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}
