/** A Zarr array as its metadata describe it, whichever version wrote them. */

import { ServiceError } from "../errors.ts";
import { elementCount } from "./array.ts";
import { corrupt, shown } from "./fault.ts";
import type { ZarrType } from "./zarr-dtype.ts";
import { plainJson, type ZarrJson, type ZarrObject } from "./zarr-json.ts";

/** A step from bytes to bytes, in the order in which chunks are written. */
export interface ByteStep {
  readonly name: "zstd" | "gzip" | "zlib" | "blosc" | "lz4" | "crc32c";
}

/** How the elements of one chunk become its bytes. */
export interface ChunkLayout {
  /** Elements along each axis; edge chunks are as large as all others. */
  readonly shape: readonly number[];
  /** Distance of neighbours along each axis, in elements. */
  readonly strides: readonly number[];
  /** True where numbers of several bytes lie the other way round than `dtype` says. */
  readonly isSwapped: boolean;
  readonly steps: readonly ByteStep[];
}

/** Chunks that lie together in one file, with an index. */
export interface ShardLayout {
  readonly shape: readonly number[];
  readonly isIndexAtEnd: boolean;
  readonly isIndexSwapped: boolean;
  readonly hasIndexChecksum: boolean;
}

/** An array of a folder. */
export interface ZarrArray {
  /** Of its folder; empty for the root. */
  readonly path: string;
  readonly format: 2 | 3;
  readonly type: ZarrType;
  /** The name of the element type, as numpy prints it where numpy has it. */
  readonly dtypeName: string;
  readonly shape: readonly number[];
  /** Elements of a chunk along each axis: what is read at once. */
  readonly chunks: readonly number[];
  /** Absent where something in the chunks is not read; `foreign` names it. */
  readonly layout?: ChunkLayout;
  readonly foreign?: string;
  readonly shard?: ShardLayout;
  /** Bytes of one element. */
  readonly fill: Uint8Array;
  /** Path of a chunk's file below the array's folder. */
  readonly chunkKey: (at: readonly number[]) => string;
  readonly attributes: ZarrObject;
}

/** Largest chunk that is decoded, in bytes of elements. */
const maxChunkBytes = 256 * 2 ** 20;

/** @throws {LIMIT_EXCEEDED} for chunks that would be larger than what is decoded. */
export function checkChunkSize(shape: readonly number[], itemSizeBytes: number): void {
  const size = elementCount(shape) * BigInt(itemSizeBytes);
  if (size <= BigInt(maxChunkBytes)) return;
  throw new ServiceError(
    "LIMIT_EXCEEDED",
    `A chunk of ${shown(shape)} elements has ${size} bytes; at most ${maxChunkBytes} are decoded at once.`,
    { details: { field: "chunks", limit: maxChunkBytes } },
  );
}

const maxAxes = 64;
/** Longest axis: what GraphQL's Int can say. */
const maxLength = 2 ** 31 - 1;

/** Lengths of axes. @throws {CODEC_CORRUPT} when they are none, or smaller than `least`. */
export function axesOf(value: ZarrJson | undefined, what: string, least: 0 | 1): number[] {
  if (!Array.isArray(value) || value.length > maxAxes) throw badAxes(value, what);
  return value.map((n: ZarrJson) => {
    if (typeof n !== "number" || !Number.isSafeInteger(n) || n < least) throw badAxes(value, what);
    if (n > maxLength) throw tooLong(what, n);
    // JSON has −0.
    return n + 0;
  });
}

function tooLong(what: string, n: number): ServiceError {
  return new ServiceError("LIMIT_EXCEEDED", `${what} has an axis of ${n}; at most ${maxLength} are read.`, {
    details: { field: "shape", limit: maxLength },
  });
}

function badAxes(value: ZarrJson | undefined, what: string) {
  return corrupt(`${what} is ${shown(plainJson(value ?? null))}, not at most ${maxAxes} whole numbers.`);
}

/** How chunks are named: `c/0/1`, `0.1`, `0/1`. */
export function chunkKeys(separator: ZarrJson | undefined, prefix: string): ZarrArray["chunkKey"] {
  if (separator !== "." && separator !== "/") throw corrupt("Chunk keys are separated by . or / only.");
  return (at) => {
    if (prefix === "") return at.length === 0 ? "0" : at.join(separator);
    return [prefix, ...at].join(separator);
  };
}
