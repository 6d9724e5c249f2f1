/** Reads one table cell: its bytes in pieces, so that a large value never lies in memory whole, or its JSON. */

import type { ByteReader } from "../codec/contract.ts";
import { ServiceError } from "../errors.ts";
import type { FieldSubject } from "./field-reader.ts";

/** As much of the database as reading a cell takes. */
export interface RowQuery {
  query<Row>(
    text: string,
    values?: readonly unknown[],
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<{ readonly rows: Row[] }>;
}

/** What lies in a cell. */
export type Cell =
  | { readonly kind: "bytes"; readonly bytes: ByteReader; readonly sha256: string }
  | { readonly kind: "json"; readonly value: Readonly<Record<string, unknown>> };

/** Bytes fetched by one statement. */
const pieceBytes = 1 << 20;

interface Source {
  readonly db: RowQuery;
  /** Quoted column. */
  readonly column: string;
  /** `FROM … WHERE …` with parameters from `$1` on. */
  readonly from: string;
  readonly key: readonly string[];
}

/** Opens the cell that `subject` names. @throws {NOT_FOUND} when the row is gone or the value is null. */
export async function openCell(db: RowQuery, subject: FieldSubject, signal: AbortSignal): Promise<Cell> {
  const source = sourceOf(db, subject);
  const found = await db.query<{ type: string; empty: boolean }>(
    `SELECT pg_typeof(${source.column})::text AS type, ${source.column} IS NULL AS empty ${source.from}`,
    source.key,
    { signal },
  );
  const [cell] = found.rows;
  if (cell === undefined || cell.empty) throw gone();
  return cell.type === "bytea" ? await openBytes(source, signal) : await readJson(source, signal);
}

function sourceOf(db: RowQuery, subject: FieldSubject): Source {
  if (subject.key.length === 0) throw gone();
  const conditions = subject.key.map(([column], index) => `${quote(column)} = $${index + 1}`);
  return {
    db,
    column: quote(subject.column),
    from: `FROM ${quote(subject.schema)}.${quote(subject.table)} WHERE ${conditions.join(" AND ")}`,
    key: subject.key.map(([, text]) => text),
  };
}

async function openBytes(source: Source, signal: AbortSignal): Promise<Cell> {
  const { rows } = await source.db.query<{ size: number; sha256: string; version: string }>(
    `SELECT octet_length(${source.column}) AS size, encode(sha256(${source.column}), 'hex') AS sha256, xmin::text AS version ${source.from}`,
    source.key,
    { signal },
  );
  const [cell] = rows;
  if (cell === undefined || cell.sha256 === null) throw gone();
  return { kind: "bytes", bytes: new CellReader(source, cell.size, cell.version), sha256: cell.sha256 };
}

async function readJson(source: Source, signal: AbortSignal): Promise<Cell> {
  const { rows } = await source.db.query<{ text: string | null }>(
    `SELECT ${source.column}::text AS text ${source.from}`,
    source.key,
    { signal },
  );
  const text = rows[0]?.text;
  if (text === undefined || text === null) throw gone();
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null) throw gone();
  return { kind: "json", value: { ...value } };
}

/** Bytes of a cell; every piece must come from the row version that was opened. */
class CellReader implements ByteReader {
  readonly sizeBytes: number;
  readonly #source: Source;
  readonly #version: string;

  constructor(source: Source, sizeBytes: number, version: string) {
    this.#source = source;
    this.sizeBytes = sizeBytes;
    this.#version = version;
  }

  async read(start: number, end: number, signal?: AbortSignal): Promise<Uint8Array> {
    const { db, column, from, key } = this.#source;
    const parameter = key.length + 1;
    const { rows } = await db.query<{ piece: Uint8Array | null; version: string }>(
      `SELECT substring(${column} FROM $${parameter}::int FOR $${parameter + 1}::int) AS piece, xmin::text AS version ${from}`,
      [...key, start + 1, end - start],
      { signal },
    );
    const piece = rows[0]?.piece;
    if (rows[0]?.version !== this.#version || piece?.length !== end - start) throw changed();
    return piece;
  }

  async *stream(start = 0, end = this.sizeBytes, signal?: AbortSignal): AsyncIterable<Uint8Array> {
    for (let at = start; at < end; at += pieceBytes) {
      yield await this.read(at, Math.min(at + pieceBytes, end), signal);
    }
  }
}

function gone(): ServiceError {
  return new ServiceError("NOT_FOUND", "The row that this URL stands for is gone, or its value is null.");
}

function changed(): ServiceError {
  return new ServiceError("REFERENCE_CHANGED", "The value was replaced while it was being read.");
}

/** An identifier in SQL. PostgreSQL takes no NUL in one. */
function quote(name: string): string {
  return `"${name.replaceAll("\u0000", "").replaceAll('"', '""')}"`;
}
