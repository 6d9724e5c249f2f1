/** Zarr folders made byte by byte, with the flat index of each element as its value; and a count of what is read of them. */

import { storedValueOf } from "../../src/codec/memory-reader.ts";
import { crc32c } from "../../src/format/crc32c.ts";

type Files = Record<string, Uint8Array>;

const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** Every index of a shape, the last axis fastest. */
export function* indexes(shape: readonly number[]): Generator<number[]> {
  const [length, ...rest] = shape;
  if (length === undefined) yield [];
  else for (let i = 0; i < length; i++) for (const inner of indexes(rest)) yield [i, ...inner];
}

export function flatIndex(at: readonly number[], shape: readonly number[]): number {
  return at.reduce((sum, n, axis) => sum * (shape[axis] ?? 1) + n, 0);
}

/** One chunk of int32; beyond the array −1. `isFortran`: the first axis is the fastest. */
function chunkBytes(
  place: readonly number[],
  { shape, chunks, isFortran = false }: { shape: number[]; chunks: number[]; isFortran?: boolean },
): Uint8Array {
  const out = new Int32Array(product(chunks));
  for (const at of indexes(chunks)) {
    const whole = at.map((n, axis) => n + (place[axis] ?? 0) * (chunks[axis] ?? 1));
    const isInside = whole.every((n, axis) => n < (shape[axis] ?? 0));
    const to = isFortran ? flatIndex(at.toReversed(), chunks.toReversed()) : flatIndex(at, chunks);
    out[to] = isInside ? flatIndex(whole, shape) : -1;
  }
  return new Uint8Array(out.buffer);
}

const json = (value: unknown) => Uint8Array.from(Buffer.from(JSON.stringify(value)));

/** Version 2, nothing packed. */
export function plainFolder(shape: number[], chunks: number[], order: "C" | "F" = "C"): Files {
  const files: Files = {
    ".zarray": json({
      ...{ zarr_format: 2, shape, chunks, dtype: "<i4", fill_value: 0 },
      ...{ order, filters: null, compressor: null },
    }),
  };
  const grid = shape.map((n, axis) => Math.ceil(n / (chunks[axis] ?? 1)));
  for (const place of indexes(grid)) {
    files[place.length === 0 ? "0" : place.join(".")] = chunkBytes(place, {
      shape,
      chunks,
      isFortran: order === "F",
    });
  }
  return files;
}

/** Version 3, chunks in shards, the index at the end with its checksum. */
export function shardedFolder(shape: number[], chunks: number[], shards: number[]): Files {
  const index = [{ name: "bytes", configuration: { endian: "little" } }, { name: "crc32c" }];
  const files: Files = {
    "zarr.json": json({
      ...{ zarr_format: 3, node_type: "array", shape, data_type: "int32", fill_value: 0, attributes: {} },
      chunk_grid: { name: "regular", configuration: { chunk_shape: shards } },
      chunk_key_encoding: { name: "default", configuration: { separator: "/" } },
      codecs: [
        {
          name: "sharding_indexed",
          configuration: {
            chunk_shape: chunks,
            codecs: [index[0]],
            index_codecs: index,
            index_location: "end",
          },
        },
      ],
    }),
  };
  const inner = shards.map((n, axis) => n / (chunks[axis] ?? 1));
  const grid = shape.map((n, axis) => Math.ceil(n / (shards[axis] ?? 1)));
  for (const place of indexes(grid)) {
    const parts: Uint8Array[] = [];
    const spans: bigint[] = [];
    let offset = 0;
    for (const at of indexes(inner)) {
      const bytes = chunkBytes(
        at.map((n, axis) => n + (place[axis] ?? 0) * (inner[axis] ?? 1)),
        { shape, chunks },
      );
      spans.push(BigInt(offset), BigInt(bytes.length));
      parts.push(bytes);
      offset += bytes.length;
    }
    const list = new Uint8Array(BigUint64Array.from(spans).buffer);
    const sum = Buffer.alloc(4);
    sum.writeUInt32LE(crc32c(list));
    files[["c", ...place].join("/")] = Uint8Array.from(Buffer.concat([...parts, list, sum]));
  }
  return files;
}

/** A folder in memory that counts what is read of it. */
export function countedFolder(files: Readonly<Record<string, Uint8Array>>) {
  const inner = storedValueOf(files);
  const read: { path: string; bytes: number }[] = [];
  return {
    read,
    ...inner,
    async tree() {
      const tree = await inner.tree();
      return {
        ...tree,
        async file(path: string, signal?: AbortSignal) {
          const file = await tree.file(path, signal);
          if (file === undefined) return undefined;
          return {
            ...file,
            read(start: number, end: number, to?: AbortSignal) {
              read.push({ path, bytes: end - start });
              return file.read(start, end, to);
            },
          };
        },
      };
    },
  };
}
