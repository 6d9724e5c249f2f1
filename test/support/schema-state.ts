/** Everything that is in some schemas, as `pg_dump` would tell it: relations, columns, constraints, indexes, triggers, comments, rights, types, functions, rows. */

import type { Queryable } from "../../src/db/contract.ts";

const inSchemas = "relnamespace::regnamespace::text = ANY ($1)";

const catalogText = `
  SELECT 'relation ' || c.oid::regclass::text || ' ' || c.relkind::text || ' ' || c.relpersistence::text || ' ' || c.relrowsecurity::text || ' ' || pg_get_userbyid(c.relowner)
    || ' ' || coalesce(c.relacl::text, '') || ' ' || coalesce(c.reloptions::text, '') || ' ' || coalesce(obj_description(c.oid, 'pg_class'), '') AS text FROM pg_class c WHERE ${inSchemas}
  UNION ALL SELECT 'column ' || a.attrelid::regclass::text || ' ' || row_number() OVER (PARTITION BY a.attrelid ORDER BY a.attnum) || ' ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
    || ' ' || a.attnotnull::text || a.attgenerated::text || a.attidentity::text || a.attstorage::text || a.attcompression::text || a.attcollation::text || coalesce(a.attacl::text, '') || ' ' || coalesce(pg_get_expr(d.adbin, d.adrelid), '') || ' '
    || coalesce(col_description(a.attrelid, a.attnum), '')
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum WHERE ${inSchemas} AND a.attnum > 0 AND NOT a.attisdropped
  UNION ALL SELECT 'constraint ' || conrelid::regclass::text || ' ' || conname || ' ' || pg_get_constraintdef(oid) || convalidated::text || coalesce(obj_description(oid, 'pg_constraint'), '') FROM pg_constraint WHERE connamespace::regnamespace::text = ANY ($1)
  UNION ALL SELECT 'index ' || pg_get_indexdef(indexrelid) || indisvalid::text || indisclustered::text || indisreplident::text FROM pg_index JOIN pg_class c ON c.oid = indexrelid WHERE ${inSchemas}
  UNION ALL SELECT 'trigger ' || pg_get_triggerdef(t.oid) || t.tgenabled::text FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid WHERE NOT tgisinternal AND ${inSchemas}
  UNION ALL SELECT 'function ' || oid::regprocedure::text FROM pg_proc WHERE pronamespace::regnamespace::text = ANY ($1)
  UNION ALL SELECT 'type ' || t.oid::regtype::text || coalesce((SELECT string_agg(enumlabel, ',' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid), '') FROM pg_type t WHERE typnamespace::regnamespace::text = ANY ($1)
  UNION ALL SELECT 'schema ' || nspname || pg_get_userbyid(nspowner) || coalesce(nspacl::text, '') FROM pg_namespace WHERE nspname = ANY ($1)
  ORDER BY 1`;

/** The catalog a line each, and behind it the rows of each table in the order in which they lie there. */
export async function schemaState(db: Queryable, schemas: readonly string[]): Promise<readonly string[]> {
  const { rows: catalog } = await db.query<{ text: string }>(catalogText, [schemas]);
  const { rows: tables } = await db.query<{ name: string }>(
    `SELECT oid::regclass::text AS name FROM pg_class c WHERE relkind = 'r' AND ${inSchemas} ORDER BY 1`,
    [schemas],
  );
  const lines = catalog.map(({ text }) => text);
  for (const { name } of tables) {
    const { rows } = await db.query<{ text: string }>(`SELECT t::text AS text FROM ${name} t`);
    lines.push(...rows.map(({ text }) => `row ${name} ${text}`));
  }
  return lines;
}
