/** What adopt and apply have added beside the tables of some schemas, found by what it is: Holdfast's functions, holds and names. */

import type { Queryable } from "../db/contract.ts";
import { pathCheck, referenceColumn } from "../sql/hidden.ts";
import type { Obstacle } from "./contract.ts";

/** What goes from one table. */
export interface UndoneTable {
  readonly schema: string;
  readonly table: string;
  readonly triggers: readonly string[];
  /** Hidden columns, with their indexes, foreign keys and CHECKs. */
  readonly columns: readonly string[];
  readonly checks: readonly string[];
}

/** Everything of it. */
export interface Added {
  readonly tables: readonly UndoneTable[];
  readonly holds: readonly { readonly schema: string; readonly count: string }[];
  /** Stores of the schemas' objects. */
  readonly stores: readonly string[];
  /** Tables, columns, indexes and keys that applies of a schema file have made, as the record has them. */
  readonly made: readonly { readonly owner: string; readonly name: string; readonly what: string }[];
  /** Columns that are changing their codec, or keep their old values. */
  readonly moves: readonly string[];
  /** Foreign keys of others to a table of holds. */
  readonly strangers: readonly { readonly name: string; readonly schema: string }[];
  /** Tables that are not ours to alter. */
  readonly closed: readonly { readonly name: string; readonly owner: string }[];
}

interface Row {
  readonly schema: string;
  readonly table: string;
  readonly owner: string;
  readonly isOwner: boolean;
  readonly names: readonly string[];
  readonly generated: readonly string[];
  readonly checks: readonly string[];
  readonly triggers: readonly string[];
  /** Generated columns with a foreign key to holds. */
  readonly held: readonly string[];
}

const tablesText = `
  SELECT n.nspname::text AS schema, c.relname::text AS "table", pg_get_userbyid(c.relowner)::text AS owner, pg_has_role(c.relowner, 'USAGE') AS "isOwner",
    ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum) AS names,
    ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = 's' ORDER BY a.attnum) AS generated,
    ARRAY(SELECT k.conname::text FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'c' ORDER BY 1) AS checks,
    ARRAY(SELECT t.tgname::text FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid AND p.pronamespace = to_regnamespace('holdfast') WHERE t.tgrelid = c.oid AND NOT t.tgisinternal ORDER BY 1) AS triggers,
    ARRAY(SELECT a.attname::text FROM pg_constraint k JOIN pg_class h ON h.oid = k.confrelid AND h.relname = '~object' AND h.relnamespace = c.relnamespace
      JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1] WHERE k.conrelid = c.oid AND k.contype = 'f' AND a.attgenerated = 's' ORDER BY 1) AS held
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = ANY ($1::text[])
  WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1, 2`;

const strangersText = `
  SELECT h.relnamespace::regnamespace::text AS schema, format('%s.%I', k.conrelid::regclass, k.conname) AS name
  FROM pg_constraint k JOIN pg_class h ON h.oid = k.confrelid AND h.relname = '~object' JOIN pg_namespace n ON n.oid = h.relnamespace AND n.nspname = ANY ($1::text[])
  JOIN pg_class c ON c.oid = k.conrelid JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
  WHERE k.contype = 'f' AND k.conparentid = 0 AND NOT (a.attgenerated = 's' AND c.relnamespace = h.relnamespace) ORDER BY 2`;

const madeText = `
  SELECT owner, schema_name || '.' || table_name AS name, CASE WHEN whole THEN 'the table' ELSE concat_ws(', ',
    CASE WHEN cardinality(columns) > 0 THEN 'columns ' || array_to_string(columns, ' ') END, CASE WHEN cardinality(indexes) > 0 THEN 'indexes ' || array_to_string(indexes, ' ') END,
    CASE WHEN cardinality(foreign_keys) > 0 THEN 'foreign keys ' || array_to_string(foreign_keys, ' ') END) END AS what
  FROM holdfast.applied_table WHERE schema_name = ANY ($1::text[]) AND (whole OR cardinality(columns || indexes || foreign_keys) > 0) ORDER BY 2`;

/** Looks for all of it; a database that Holdfast has not been in has none. */
export async function findAdded(db: Queryable, schemas: readonly string[]): Promise<Added> {
  const { rows } = await db.query<Row>(tablesText, [schemas]);
  const isSetUp =
    (await db.query("SELECT WHERE to_regclass('holdfast.codec_migration') IS NOT NULL")).rowCount > 0;
  const strangers = (await db.query<Added["strangers"][number]>(strangersText, [schemas])).rows;
  const tables = rows
    .map(addedOf)
    .filter(({ triggers, columns, checks }) => triggers.length + columns.length + checks.length > 0);
  const own = new Set(tables.map(({ schema, table }) => `${schema}.${table}`));
  return {
    tables,
    holds: await holdsOf(db, rows),
    stores: await storesOf(db, rows),
    made: isSetUp ? (await db.query<Added["made"][number]>(madeText, [schemas])).rows : [],
    moves: isSetUp ? await movesOf(db, schemas) : [],
    strangers,
    closed: rows
      .filter(
        ({ schema, table, isOwner }) => !isOwner && (own.has(`${schema}.${table}`) || table === "~object"),
      )
      .map(({ schema, table, owner }) => ({ name: `${schema}.${table}`, owner })),
  };
}

function addedOf({ schema, table, names, generated, checks, triggers, held }: Row): UndoneTable {
  const references = new Set([...names.map(referenceColumn), ...held]);
  const paths = new Set(names.map(pathCheck));
  return {
    ...{ schema, table, triggers },
    columns: generated.filter((name) => references.has(name)),
    checks: checks.filter((name) => paths.has(name)),
  };
}

async function holdsOf(db: Queryable, rows: readonly Row[]): Promise<Added["holds"]> {
  const holds: Added["holds"][number][] = [];
  for (const { schema } of holdTables(rows)) {
    const { rows: counts } = await db.query<{ count: string }>(
      `SELECT count(*)::text AS count FROM "${schema.replaceAll('"', '""')}"."~object"`,
    );
    holds.push({ schema, count: counts[0]?.count ?? "0" });
  }
  return holds;
}

const holdTables = (rows: readonly Row[]) => rows.filter(({ table }) => table === "~object");

async function storesOf(db: Queryable, rows: readonly Row[]): Promise<readonly string[]> {
  const selects = holdTables(rows).map(
    ({ schema }) =>
      `SELECT DISTINCT split_part(locator, ':', 1) AS name FROM "${schema.replaceAll('"', '""')}"."~object"`,
  );
  if (selects.length === 0) return [];
  const found = await db.query<{ name: string }>(`${selects.join(" UNION ")} ORDER BY 1`);
  return found.rows.map(({ name }) => name);
}

async function movesOf(db: Queryable, schemas: readonly string[]): Promise<readonly string[]> {
  const { rows } = await db.query<{ name: string }>(
    `SELECT schema_name || '.' || table_name || '.' || column_name AS name FROM holdfast.codec_migration
     WHERE schema_name = ANY ($1::text[]) AND state IN ('copying', 'swapped') ORDER BY 1`,
    [schemas],
  );
  return rows.map(({ name }) => name);
}

/** Why nothing may be undone. */
export function obstaclesTo({ made, moves, strangers, closed }: Added): readonly Obstacle[] {
  return [
    ...made.map(({ name, owner, what }) => ({
      subject: name,
      message: `${what} was made from the schema file of ${owner}, and is no addition to somebody else's table`,
      remedy:
        "Take it out of the schema file and run holdfast apply --allow-destructive, or keep the schema adopted.",
    })),
    ...moves.map((subject) => ({
      subject,
      message: "it changes its codec, or keeps its values of before",
      remedy: "End that first: holdfast migrate, then holdfast migrate --drop-old --confirm; or --abandon.",
    })),
    ...strangers.map(({ name, schema }) => ({
      subject: name,
      message: `this foreign key to ${schema}.~object was not made by Holdfast`,
      remedy: "Drop it first.",
    })),
    ...closed.map(({ name, owner }) => ({
      subject: name,
      message: `it belongs to ${owner}, and only its owner may alter it`,
      remedy: `Run it as ${owner}, or GRANT ${owner} to the user of DATABASE_URL.`,
    })),
  ];
}
