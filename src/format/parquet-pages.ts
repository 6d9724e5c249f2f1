/**
 * Pages of a column chunk of Parquet, looked at before the library unfolds them: sizes, counts and runs are checked here, and pages are
 * unpacked into memory of the size that was checked.
 *
 * @source https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
 */

import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import { snappyUncompress } from "hyparquet";
import { ByteCursor } from "./byte-cursor.ts";
import { corrupt } from "./fault.ts";
import { unpackLz4Block } from "./lz4.ts";
import { checkDeltas, checkRuns, readDeltas } from "./parquet-runs.ts";
import type { Budget } from "./table.ts";
import { type ThriftNumbers, walkThrift } from "./thrift.ts";

const pageKind = { data: 0, dictionary: 2, data2: 3 } as const;
/** Values of one header. */
const maxHeaderValues = 1000;
/** What a value costs in memory while it is unfolded: one with bytes of its own has an object around them. */
const costBytes = { number: 16, bytes: 96 } as const;

/** What the pages of a column hold. */
export interface PageColumn {
  readonly type: string;
  readonly typeLength: number;
  readonly maxRepetition: number;
  readonly maxDefinition: number;
  readonly codec: string;
}

interface Page {
  readonly kind: number;
  /** Values, nulls included. */
  readonly count: number;
  readonly encoding: number;
  readonly unpackedBytes: number;
  /** Bytes before the values that are never compressed. */
  readonly levelBytes: number;
}

/** Checked pages of a chunk: unpacks them as the library asks, by the place of their values in the chunk. */
export class CheckedPages {
  readonly #column: PageColumn;
  readonly #budget: Budget;
  readonly #pages = new Map<number, Page>();

  /** @throws {CODEC_CORRUPT} when pages are not whole, or announce what they cannot hold. */
  constructor(chunk: Uint8Array, column: PageColumn, budget: Budget) {
    this.#column = column;
    this.#budget = budget;
    for (let at = 0; at < chunk.length - 1; ) {
      const { end, numbers } = walkThrift(chunk, at, maxHeaderValues);
      const size = number(numbers, "3");
      if (end + size > chunk.length) throw corrupt("A page ends beyond its column.");
      const page = pageOf(numbers);
      const body = chunk.subarray(end, end + size);
      if (page.kind === pageKind.data2) this.#checkLevels2(body, numbers, page);
      this.#pages.set(end + page.levelBytes, page);
      at = end + size;
    }
  }

  /** For the library, in place of a decompressor: the values of the page that begin where `packed` does. */
  unpack(packed: Uint8Array, unpackedBytes: number): Uint8Array {
    const page = this.#pages.get(packed.byteOffset);
    if (page === undefined) throw corrupt("The pages of a column do not follow each other.");
    if (page.unpackedBytes - page.levelBytes !== unpackedBytes) throw corrupt("A page changes its size.");
    this.#budget.unpack(unpackedBytes);
    this.#budget.unpack(page.count * (isBytes(this.#column.type) ? costBytes.bytes : costBytes.number));
    const values = unpackPage(packed, unpackedBytes, this.#column.codec);
    if (page.kind !== pageKind.dictionary) this.#checkValues(values, page);
    return values;
  }

  #checkLevels2(body: Uint8Array, numbers: ThriftNumbers, page: Page): void {
    const { maxRepetition, maxDefinition } = this.#column;
    const repetition = number(numbers, "8.6");
    if (maxDefinition === 0 && page.levelBytes !== repetition)
      throw corrupt("A page has levels that its column lacks.");
    if (page.levelBytes > body.length) throw corrupt("The levels of a page end beyond it.");
    // The library does not ask for these: they are never compressed.
    if (numbers.get("8.7") === 0) {
      this.#budget.unpack(page.count * costBytes.bytes);
      this.#checkValues(body.subarray(page.levelBytes), page);
    }
    if (maxRepetition > 0) checkRuns(body, 0, { width: widthOf(maxRepetition), count: page.count });
    if (maxDefinition > 0) checkRuns(body, repetition, { width: widthOf(maxDefinition), count: page.count });
  }

  #checkValues(values: Uint8Array, page: Page): void {
    const { type, typeLength } = this.#column;
    const at = page.kind === pageKind.data ? this.#checkLevels1(values, page.count) : 0;
    const { encoding, count } = page;
    if (at >= values.length) return;
    if (encoding === 2 || encoding === 8 || (encoding === 3 && type !== "BOOLEAN")) {
      checkRuns(values, at + 1, { width: values[at] ?? 0, count });
    } else if (encoding === 3) checkRuns(values, at + 4, { width: 1, count });
    else if (encoding === 5 || encoding === 6) checkDeltas(values, at, count);
    else if (encoding === 7) this.#checkPrefixes(values, at, count);
    else if (encoding === 9) this.#budget.unpack(count * Math.max(typeLength, 8));
  }

  /** Levels of the first kind of pages, each with its size before it; gives where the values begin. */
  #checkLevels1(values: Uint8Array, count: number): number {
    const { maxRepetition, maxDefinition } = this.#column;
    const cursor = new ByteCursor(values);
    for (const most of [maxRepetition, maxDefinition]) {
      if (most === 0) continue;
      const size = cursor.u32();
      checkRuns(values, values.length - cursor.left, { width: widthOf(most), count });
      cursor.take(size);
    }
    return values.length - cursor.left;
  }

  /** Values that repeat the beginning of the one before: together they can be the square of the page. */
  #checkPrefixes(values: Uint8Array, at: number, count: number): void {
    const prefixes = readDeltas(values, at, count);
    const suffixes = readDeltas(values, prefixes.end, count);
    let total = 0;
    for (const part of [prefixes.values, suffixes.values]) {
      for (const length of part) {
        if (length < 0) throw corrupt(`A text of ${length} bytes is announced.`);
        total += length;
      }
    }
    this.#budget.unpack(total);
  }
}

function pageOf(numbers: ThriftNumbers): Page {
  const kind = number(numbers, "1");
  const unpackedBytes = number(numbers, "2");
  const part = { [pageKind.data]: "5", [pageKind.dictionary]: "7", [pageKind.data2]: "8" }[kind];
  if (part === undefined) throw corrupt(`A page is of the unknown kind ${kind}.`);
  const count = number(numbers, `${part}.1`);
  const levelBytes = kind === pageKind.data2 ? number(numbers, "8.5") + number(numbers, "8.6") : 0;
  if (levelBytes > unpackedBytes) throw corrupt("The levels of a page are larger than the page.");
  const encoding = number(numbers, kind === pageKind.data2 ? "8.4" : `${part}.2`);
  if (kind === pageKind.data2) {
    const [nulls, rows] = [number(numbers, "8.2"), number(numbers, "8.3")];
    if (nulls > count || rows > count)
      throw corrupt(`A page of ${count} values has ${nulls} nulls and ${rows} rows.`);
  }
  return { kind, count, encoding, unpackedBytes, levelBytes };
}

function number(numbers: ThriftNumbers, path: string): number {
  const value = numbers.get(path);
  if (value !== undefined && value >= 0 && value < 2 ** 31) return value;
  throw corrupt(`The head of a page says ${value} where a size or count is due.`);
}

function isBytes(type: string): boolean {
  return type === "BYTE_ARRAY" || type === "FIXED_LEN_BYTE_ARRAY";
}

function widthOf(level: number): number {
  return 32 - Math.clz32(level);
}

function unpackPage(packed: Uint8Array, sizeBytes: number, codec: string): Uint8Array {
  const limit = { maxOutputLength: Math.max(1, sizeBytes) };
  const unpacked = () => {
    switch (codec) {
      case "UNCOMPRESSED":
        return packed;
      case "SNAPPY": {
        const out = new Uint8Array(sizeBytes);
        snappyUncompress(packed, out);
        return out;
      }
      case "GZIP":
        return gunzipSync(packed, limit);
      case "BROTLI":
        return brotliDecompressSync(packed, limit);
      case "ZSTD":
        return zstdDecompressSync(packed, limit);
      case "LZ4_RAW":
        return unpackLz4Block(packed, sizeBytes);
      case "LZ4":
        return unpackHadoop(packed, sizeBytes);
      default:
        throw corrupt(`The columns are compressed with ${codec}, which is not read here.`);
    }
  };
  const found = sizeBytes === 0 && packed.length === 0 ? packed : unpacked();
  if (found.length !== sizeBytes)
    throw corrupt(`A page announces ${sizeBytes} bytes and holds ${found.length}.`);
  return found;
}

/** Parts with both their sizes before them, big-endian; writers that never knew of that wrote one block. */
function unpackHadoop(packed: Uint8Array, sizeBytes: number): Uint8Array {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  const parts: Uint8Array[] = [];
  let [at, total] = [0, 0];
  while (at + 8 <= packed.length) {
    const [unpacked, size] = [view.getUint32(at), view.getUint32(at + 4)];
    if (total + unpacked > sizeBytes || at + 8 + size > packed.length)
      return unpackLz4Block(packed, sizeBytes);
    parts.push(unpackLz4Block(packed.subarray(at + 8, at + 8 + size), unpacked));
    total += unpacked;
    at += 8 + size;
  }
  return at === packed.length && parts.length > 0 ? Buffer.concat(parts) : unpackLz4Block(packed, sizeBytes);
}
