/** What tables of every format have in common: their columns, their groups of rows, and a budget for what one answer may hold. */

import { isServiceError, ServiceError } from "../errors.ts";
import type { ElementJson } from "./elements.ts";
import { corrupt } from "./fault.ts";

/** Bytes that are read by range. */
export interface ByteSource {
  readonly sizeBytes: number;
  read(start: number, end: number, signal?: AbortSignal): Promise<Uint8Array>;
}

/** A column. `type` as Arrow prints types: `int64`, `list<string>`, `timestamp[us, UTC]`, `decimal(10, 2)`. */
export interface TableColumn {
  readonly name: string;
  readonly type: string;
  readonly nullable: boolean;
}

/** Rows that lie together: a row group, a record batch. */
export interface TableGroup {
  readonly rowCount: number;
  /** As stored. */
  readonly sizeBytes: number;
}

/** A table whose metadata has been read. */
export interface OpenTable {
  /** `parquet`, `arrow` (the file format, also called Feather 2) or `arrow stream`. */
  readonly format: string;
  readonly rowCount: number;
  readonly columns: readonly TableColumn[];
  readonly groups: readonly TableGroup[];
  /** Values of the columns, by name, of the rows from `start` to `end`; only the groups and columns that hold them are read. */
  read(
    wanted: RowRange & { readonly columns: readonly string[]; readonly budget: Budget },
  ): Promise<ElementJson[][]>;
}

/** Rows, half open. */
export interface RowRange {
  readonly start: number;
  readonly end: number;
  readonly signal?: AbortSignal | undefined;
}

/** Levels of lists and structs in each other. */
export const maxTableDepth = 32;
/** Columns of one table, nested ones included. */
export const maxTableColumns = 20_000;
/** Metadata of one file, or of one message in it, in bytes. */
export const maxMetadataBytes = 16 * 2 ** 20;
/** What one answer may read and unpack, in bytes. */
const maxUnpackedBytes = 128 * 2 ** 20;

/** What is left for one answer: of the bytes it may hold, and of the bytes that may be unpacked for it. */
export class Budget {
  readonly #limit: number;
  #answer: number;
  #unpacked = maxUnpackedBytes;

  constructor(limitBytes: number) {
    this.#limit = limitBytes;
    this.#answer = limitBytes;
  }

  /** Counts what goes into the answer. @throws {LIMIT_EXCEEDED} */
  spend(sizeBytes: number): void {
    this.#answer -= sizeBytes;
    if (this.#answer >= 0) return;
    throw new ServiceError(
      "LIMIT_EXCEEDED",
      `The rows hold more than ${this.#limit} bytes, the most that is answered inline. Ask for fewer rows or columns, or fetch the url.`,
      { details: { limit: this.#limit } },
    );
  }

  /** Counts what is read or unpacked, before it is. @throws {LIMIT_EXCEEDED} */
  unpack(sizeBytes: number): void {
    if (!(sizeBytes >= 0)) throw corrupt(`A part of ${sizeBytes} bytes is announced.`);
    this.#unpacked -= sizeBytes;
    if (this.#unpacked >= 0) return;
    throw new ServiceError(
      "LIMIT_EXCEEDED",
      `The columns of these rows unfold to more than ${maxUnpackedBytes} bytes. Ask for fewer columns, or write smaller row groups.`,
      { details: { limit: maxUnpackedBytes } },
    );
  }
}

/** Checks the columns of a table. @throws {CODEC_CORRUPT} */
export function checkColumns(columns: readonly TableColumn[]): void {
  if (columns.length > maxTableColumns)
    throw corrupt(`The table has ${columns.length} columns; at most ${maxTableColumns} are read.`);
  const names = new Set<string>();
  for (const { name } of columns) {
    if (names.has(name)) throw corrupt(`Two columns are called ${JSON.stringify(name)}.`);
    names.add(name);
  }
}

/** A count or place of a file. @throws {CODEC_CORRUPT} when it is negative or beyond what any file can have. */
export function wholeNumber(value: bigint | number | undefined, what: string): number {
  const number = Number(value);
  if (value !== undefined && Number.isSafeInteger(number) && number >= 0) return number;
  throw corrupt(`${what} is ${value}.`);
}

/** Runs a reader of untrusted bytes: a slip of it, such as a place beyond the end, is damage of the bytes. */
export async function readingTable<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  try {
    signal?.throwIfAborted();
    return await work();
  } catch (cause) {
    if (isServiceError(cause) || signal?.aborted === true) throw cause;
    throw corrupt(`The table is damaged: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
  }
}
