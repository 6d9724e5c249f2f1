/** Rows whose time has come (`@table(expires:)`): how they are found, what stands on them, and how they go. Statements only. */

import type { Entity, Model, Reference } from "../model/model.ts";
import { foreignKeyMark } from "./mark.ts";
import { identifier, qualified } from "./quote.ts";

/** A foreign key that leads to a table of an {@link Expiry}, as the catalog has it. */
export interface ReferringKey {
  readonly fromSchema: string;
  readonly fromTable: string;
  readonly columns: readonly string[];
  readonly schema: string;
  readonly table: string;
  readonly targetColumns: readonly string[];
}

/** The table of the rows that expire, or one of its parts, whose rows go with them. */
export interface ExpiryTable {
  readonly schema: string;
  readonly table: string;
  /** Own columns that hold the key of the row that expires, in the order of that key. */
  readonly columns: readonly string[];
  /** Mark of the foreign key that leads to the master; absent for the first table. */
  readonly link?: string;
}

/** One entity whose rows expire. */
export interface Expiry {
  readonly entity: string;
  /** Column with the time. */
  readonly column: string;
  /** Column names of the key. */
  readonly key: readonly string[];
  /** The table itself, then its parts, each behind its master. */
  readonly tables: readonly [ExpiryTable, ...ExpiryTable[]];
  /** Foreign keys that the model has to these tables, as {@link referringMark} tells them. */
  readonly wanted: readonly ReferringKey[];
}

/** Entities with `expires`, those that refer to others before them: a child that has expired too is not in its parent's way. */
export function expiriesOf(model: Model): readonly Expiry[] {
  const done = new Set<string>();
  const sorted: Entity[] = [];
  const visit = (entity: Entity): void => {
    if (done.has(entity.name)) return;
    done.add(entity.name);
    for (const child of entity.children) {
      const referring = model.entity.get(child.entity);
      if (referring !== undefined) visit(referring);
    }
    sorted.push(entity);
  };
  for (const entity of model.entities) visit(entity);
  return sorted.flatMap((entity) =>
    entity.expires === undefined ? [] : [expiryOf(model, entity, entity.expires)],
  );
}

function expiryOf(model: Model, entity: Entity, column: string): Expiry {
  const first: ExpiryTable = { schema: entity.schema, table: entity.table, columns: entity.key };
  const parts: ExpiryTable[] = [];
  const entities: Entity[] = [entity];
  const ways = new Map([[entity.name, new Map(entity.key.map((name) => [name, name]))]]);
  // The list grows while it is walked: parts of parts are the lists of codec values of a part.
  for (const master of entities) {
    for (const part of model.entities.filter((each) => masterOf(each) === master.name)) {
      const reference = part.references.find((each) => each.target === master.name && each.inKey);
      if (reference === undefined || ways.has(part.name)) continue;
      const up = new Map(reference.columns.map((pair) => [pair.target, pair.column]));
      const way = new Map(
        [...(ways.get(master.name) ?? [])].map(([key, own]) => [key, up.get(own) ?? own] as const),
      );
      ways.set(part.name, way);
      entities.push(part);
      const columns = entity.key.map((name) => way.get(name) ?? name);
      const link = referringMark(referringKey(part, master, reference));
      parts.push({ schema: part.schema, table: part.table, columns, link });
    }
  }
  const wanted = entities.flatMap((target) =>
    model.entities.flatMap((from) =>
      from.references
        .filter((reference) => reference.target === target.name)
        .map((reference) => referringKey(from, target, reference)),
    ),
  );
  return { entity: entity.name, column, key: entity.key, tables: [first, ...parts], wanted };
}

function masterOf(entity: Entity): string | undefined {
  return entity.listOf?.entity ?? entity.partOf;
}

function referringKey(from: Entity, target: Entity, reference: Reference): ReferringKey {
  return {
    fromSchema: from.schema,
    fromTable: from.table,
    columns: reference.columns.map((pair) => pair.column),
    schema: target.schema,
    table: target.table,
    targetColumns: reference.columns.map((pair) => pair.target),
  };
}

/** Tells foreign keys apart, whatever their names. */
export function referringMark(key: ReferringKey): string {
  return `${qualified(key.fromSchema, key.fromTable)}:${foreignKeyMark(key)}`;
}

/** Keys arrive as `$1`, a JSON list of records with the texts of the key's columns. */
function keys(expiry: Expiry, name: string): string {
  const [first] = expiry.tables;
  return `json_populate_recordset(NULL::${qualified(first.schema, first.table)}, $1::json) AS ${name}`;
}

function keyText(expiry: Expiry, name: string): string {
  return `ARRAY[${expiry.key.map((column) => `${name}.${identifier(column)}::text`).join(", ")}]`;
}

/** Condition that the row `row` of `table` is, or is a part of, the row whose key is in `name`. */
function belongs(expiry: Expiry, table: ExpiryTable, row: string, name: string): string {
  return expiry.key
    .map((column, at) => `${row}.${identifier(table.columns[at] ?? column)} = ${name}.${identifier(column)}`)
    .join(" AND ");
}

/**
 * Locks the next rows that have expired by `$1`, in the order of their times, behind the row of time `$2` and key `$3` (JSON) where there
 * is one. `$4` rows at most; those that others hold are passed by.
 */
export function lockExpired(expiry: Expiry): string {
  const [{ schema, table }] = expiry.tables;
  const name = qualified(schema, table);
  const time = `t.${identifier(expiry.column)}`;
  const own = expiry.key.map((column) => `t.${identifier(column)}`).join(", ");
  const last = expiry.key.map((column) => `c.${identifier(column)}`).join(", ");
  return (
    `SELECT ${keyText(expiry, "t")} AS key, ${time}::text AS at\n` +
    `FROM ${name} AS t CROSS JOIN json_populate_record(NULL::${name}, coalesce($3::json, '{}')) AS c\n` +
    `WHERE ${time} <= $1::timestamp AND ${time} >= coalesce($2::timestamp, '-infinity')\n` +
    `AND ($2::timestamp IS NULL OR (${time}, ${own}) > ($2::timestamp, ${last}))\n` +
    `ORDER BY ${time}, ${own} LIMIT $4 FOR UPDATE OF t SKIP LOCKED`
  );
}

/** Locks the rows of a part of those in `$1`; answers the keys of which somebody else holds some. */
export function lockParts(expiry: Expiry, part: ExpiryTable): string {
  const key = keyText(expiry, "u");
  const rows =
    `${keys(expiry, "u")} JOIN ${qualified(part.schema, part.table)} AS p ` +
    `ON ${belongs(expiry, part, "p", "u")}`;
  return (
    `WITH held AS MATERIALIZED (SELECT ${key} AS key FROM ${rows} FOR UPDATE OF p SKIP LOCKED),\n` +
    `mine AS (SELECT key, count(*) AS rows FROM held GROUP BY key),\n` +
    `everyone AS (SELECT ${key} AS key, count(*) AS rows FROM ${rows} GROUP BY 1)\n` +
    `SELECT key FROM everyone LEFT JOIN mine USING (key) WHERE mine.rows IS DISTINCT FROM everyone.rows`
  );
}

/** A foreign key by which rows can be kept: from where, and to which table of the expiry. */
export interface Keeper {
  readonly key: ReferringKey;
  readonly to: ExpiryTable;
  /** The table that it comes from, where that is one of the expiry's: its rows may go themselves. */
  readonly from: ExpiryTable | undefined;
}

/** What keeps rows: every foreign key to one of the tables but those from parts to their masters. */
export function keepersOf(expiry: Expiry, found: readonly ReferringKey[]): readonly Keeper[] {
  const at = (schema: string, table: string): ExpiryTable | undefined =>
    expiry.tables.find((each) => each.schema === schema && each.table === table);
  return found.flatMap((key) => {
    const to = at(key.schema, key.table);
    const from = at(key.fromSchema, key.fromTable);
    if (to === undefined || from?.link === referringMark(key)) return [];
    return [{ key, to, from }];
  });
}

/** Keys of `$1` that rows refer to, themselves or in their parts; rows that would go too do not count. */
export function keptRows(expiry: Expiry, { key, to, from }: Keeper): string {
  const on = key.columns.map(
    (column, at) => `r.${identifier(column)} = x.${identifier(key.targetColumns[at] ?? column)}`,
  );
  const going =
    from === undefined
      ? ""
      : ` AND NOT EXISTS (SELECT FROM ${keys(expiry, "v")} WHERE ${belongs(expiry, from, "r", "v")})`;
  return (
    `SELECT ${keyText(expiry, "u")} AS key FROM ${keys(expiry, "u")} WHERE EXISTS (\n` +
    `SELECT FROM ${qualified(to.schema, to.table)} AS x ` +
    `JOIN ${qualified(key.fromSchema, key.fromTable)} AS r ON ${on.join(" AND ")}\n` +
    `WHERE ${belongs(expiry, to, "x", "u")}${going})`
  );
}

/** Deletes the rows of `$1` with their parts, in one statement; answers the number of rows of each table as `c0`, `c1`… */
export function deleteExpired(expiry: Expiry): string {
  const steps = expiry.tables.map(
    (table, at) =>
      `d${at} AS (DELETE FROM ${qualified(table.schema, table.table)} AS t USING ${keys(expiry, "u")} ` +
      `WHERE ${belongs(expiry, table, "t", "u")} RETURNING 1)`,
  );
  const counts = expiry.tables.map((_, at) => `(SELECT count(*) FROM d${at})::text AS c${at}`);
  return `WITH ${steps.join(",\n")}\nSELECT ${counts.join(", ")}`;
}

/** JSON of keys for the statements above. */
export function expiryKeys(expiry: Expiry, found: readonly (readonly string[])[]): string {
  return `[${found.map((key) => expiryKey(expiry, key)).join(",")}]`;
}

/** JSON of one key, for {@link lockExpired}. */
export function expiryKey(expiry: Expiry, key: readonly string[]): string {
  return JSON.stringify(Object.fromEntries(expiry.key.map((name, at) => [name, key[at]])));
}

/** The foreign keys that lead to tables: `$1` schemas, `$2` tables. */
export const referringKeys = `
  SELECT fn.nspname::text AS "fromSchema", f.relname::text AS "fromTable", tn.nspname::text AS schema, t.relname::text AS "table",
         ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS key (num, at)
               JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = key.num ORDER BY key.at) AS columns,
         ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY AS key (num, at)
               JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = key.num ORDER BY key.at) AS "targetColumns"
  FROM pg_constraint k
  JOIN pg_class f ON f.oid = k.conrelid JOIN pg_namespace fn ON fn.oid = f.relnamespace
  JOIN pg_class t ON t.oid = k.confrelid JOIN pg_namespace tn ON tn.oid = t.relnamespace
  WHERE k.contype = 'f' AND k.conparentid = 0
    AND (tn.nspname, t.relname) IN (SELECT s::name, n::name FROM unnest($1::text[], $2::text[]) AS u (s, n))
  ORDER BY 1, 2, 3, 4`;

/** Which of the tables `$1`, `$2` are there, and of what kind. */
export const tableKinds = `
  SELECT n.nspname::text AS schema, c.relname::text AS "table", c.relkind::text AS kind,
         ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE (n.nspname, c.relname) IN (SELECT s::name, n::name FROM unnest($1::text[], $2::text[]) AS u (s, n))`;
