/** Rows whose value has not been copied yet: found by key, read a few at a time, written when they are still as they were read. */

import type { JsonObject } from "../codec/contract.ts";
import { type CodecMove, nextColumn } from "../sql/codec-move.ts";
import { identifier, literal, qualified } from "../sql/quote.ts";
import type { Sql } from "./contract.ts";

/** Key columns and their texts. */
export type RowKey = Readonly<Record<string, string>>;

/** A value that is to be copied. */
export interface PendingRow {
  readonly key: RowKey;
  /** Tells whether the value is still the one that was read. */
  readonly stamp: string;
  readonly meta?: JsonObject;
  readonly base64?: string;
}

/** Rows of one look; and bytes that are read together, of values in the row. */
const rowsAtOnce = 64;
const bytesAtOnce = 8 * 2 ** 20;

function namesOf({ table, column }: CodecMove) {
  return {
    table: qualified(table.schema, table.name),
    own: `t.${identifier(column.name)}`,
    next: identifier(nextColumn(column.name)),
  };
}

const isPending = (move: CodecMove): string => {
  const { own, next } = namesOf(move);
  return `${own} IS NOT NULL AND t.${next} IS NULL`;
};

function keyOf({ table }: CodecMove): string {
  const pairs = table.key.map((name) => `${literal(name)}, t.${identifier(name)}::text`);
  return `json_build_object(${pairs.join(", ")})::text`;
}

function sameKey({ table }: CodecMove): string {
  return table.key.map((name) => `t.${identifier(name)} = r.${identifier(name)}`).join(" AND ");
}

/** Values that are to be copied, counted up to a `limit`. */
export async function countPending(db: Sql, move: CodecMove, limit = 2 ** 31 - 1): Promise<number> {
  const { table } = namesOf(move);
  const { rows } = await db.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM (SELECT FROM ${table} t WHERE ${isPending(move)} LIMIT $1) found`,
    [limit],
  );
  return rows[0]?.count ?? 0;
}

/** Walks once over the rows that wait, in the order of their keys, a few at a time. */
export async function* pendingRows(db: Sql, move: CodecMove): AsyncGenerator<readonly PendingRow[]> {
  for (let after: RowKey | undefined; ; ) {
    const found = await keysAfter(db, move, after);
    for (const keys of inPortions(found)) yield await readRows(db, move, keys);
    after = found.at(-1)?.key;
    if (found.length < rowsAtOnce) return;
  }
}

interface Sized {
  readonly key: RowKey;
  readonly size: number;
}

async function keysAfter(db: Sql, move: CodecMove, after: RowKey | undefined): Promise<readonly Sized[]> {
  const { table, own } = namesOf(move);
  const columns = move.table.key.map((name) => `t.${identifier(name)}`).join(", ");
  const fields = move.table.key.map((name) => `r.${identifier(name)}`).join(", ");
  const size = move.sourceType === "bytea" ? `octet_length(${own})` : "0";
  const beyond =
    after === undefined
      ? "$1::text IS NULL"
      : `(${columns}) > (SELECT ${fields} FROM jsonb_populate_record(NULL::${table}, $1::jsonb) r)`;
  const { rows } = await db.query<{ key: string; size: number }>(
    `SELECT ${keyOf(move)} AS key, ${size} AS size FROM ${table} t WHERE ${isPending(move)} AND ${beyond}
     ORDER BY ${columns} LIMIT ${rowsAtOnce}`,
    [after === undefined ? null : JSON.stringify(after)],
  );
  return rows.map((row) => ({ key: JSON.parse(row.key) as RowKey, size: row.size }));
}

function* inPortions(found: readonly Sized[]): Generator<readonly RowKey[]> {
  let keys: RowKey[] = [];
  let bytes = 0;
  for (const { key, size } of found) {
    if (keys.length > 0 && bytes + size > bytesAtOnce) {
      yield keys;
      [keys, bytes] = [[], 0];
    }
    keys.push(key);
    bytes += size;
  }
  if (keys.length > 0) yield keys;
}

async function readRows(db: Sql, move: CodecMove, keys: readonly RowKey[]): Promise<readonly PendingRow[]> {
  const { table, own } = namesOf(move);
  const isBytes = move.sourceType === "bytea";
  const value = isBytes
    ? `encode(sha256(${own}), 'hex') AS stamp, encode(${own}, 'base64') AS base64`
    : `${own}::text AS stamp, NULL AS base64`;
  const { rows } = await db.query<{ key: string; stamp: string; base64: string | null }>(
    `SELECT ${keyOf(move)} AS key, ${value} FROM ${table} t, jsonb_populate_recordset(NULL::${table}, $1::jsonb) r
     WHERE ${sameKey(move)} AND ${isPending(move)}`,
    [JSON.stringify(keys)],
  );
  return rows.map(({ key, stamp, base64 }) => ({
    key: JSON.parse(key) as RowKey,
    stamp,
    ...(base64 === null ? { meta: JSON.parse(stamp) as JsonObject } : { base64 }),
  }));
}

function unchanged({ sourceType }: CodecMove, own: string): string {
  return sourceType === "bytea" ? `encode(sha256(${own}), 'hex') = $2` : `${own} = $2::text::jsonb`;
}

/** Whether a row still has the value that was read. */
export async function isUnchanged(
  db: Sql,
  move: CodecMove,
  { key, stamp }: Pick<PendingRow, "key" | "stamp">,
): Promise<boolean> {
  const { table, own } = namesOf(move);
  const { rowCount } = await db.query(
    `SELECT FROM ${table} t, jsonb_populate_record(NULL::${table}, $1::jsonb) r WHERE ${sameKey(move)} AND ${unchanged(move, own)}`,
    [JSON.stringify(key), stamp],
  );
  return rowCount === 1;
}

/** Writes a copy beside its value; false when the value is not the one that was read any more. */
export async function writeCopy(
  transaction: Sql,
  move: CodecMove,
  { key, stamp, copy }: Pick<PendingRow, "key" | "stamp"> & { readonly copy: Uint8Array | JsonObject },
): Promise<boolean> {
  const { table, own, next } = namesOf(move);
  const [cast, cell] = copy instanceof Uint8Array ? ["bytea", copy] : ["text::jsonb", JSON.stringify(copy)];
  const { rowCount } = await transaction.query(
    `UPDATE ${table} t SET ${next} = $3::${cast} FROM jsonb_populate_record(NULL::${table}, $1::jsonb) r WHERE ${sameKey(move)} AND ${unchanged(move, own)}`,
    [JSON.stringify(key), stamp, cell],
  );
  return rowCount === 1;
}
