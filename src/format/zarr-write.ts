/**
 * An array as the files of a Zarr folder of version 3: `zarr.json` and chunks packed by Zstandard. The same array gives the same bytes.
 */

import { promisify } from "node:util";
import { constants, zstdCompress } from "node:zlib";
import { cOrderBytes, elementCount, littleEndianBytes, type NdArray, strides } from "./array.ts";
import { type Dtype, dtypeName } from "./dtype.ts";
import { invalid } from "./fault.ts";
import { copyElements, gridParts } from "./grid.ts";
import { dataTypeOf } from "./zarr-dtype.ts";

/** One file of a folder. */
export interface ZarrOutput {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** Chunks are cut until they have at most so many bytes of elements: about what one answer holds. */
const targetBytes = 2 ** 20;
const level = 3;

/** What was written, and how it is described. */
export interface WrittenZarr {
  readonly files: readonly ZarrOutput[];
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly chunks: readonly number[];
}

/** @throws {CODEC_INVALID_VALUE} for element types that version 3 does not have. */
export async function writeZarr(array: NdArray): Promise<WrittenZarr> {
  const dtype: Dtype = { ...array.dtype, littleEndian: true };
  const dataType = dataTypeOf(dtype);
  if (dataType === undefined || dtype.itemSizeBytes === 0) {
    throw invalid(`Zarr has no elements of type ${dtypeName(array.dtype)}.`, {
      remedy: "Upload a folder that holds them, or use the codec npy.",
    });
  }
  const { shape } = array;
  const chunks = chunkShape(shape, dtype.itemSizeBytes);
  const document = Buffer.from(
    `${JSON.stringify(documentOf(dtype, { dataType, shape, chunks }), null, 2)}\n`,
  );
  const files = await packedChunks(
    { ...array, dtype, bytes: littleEndianBytes(array.dtype, cOrderBytes(array)) },
    chunks,
  );
  return {
    files: [{ path: "zarr.json", bytes: document }, ...files],
    dtype: dtypeName(dtype),
    shape,
    chunks,
  };
}

/** The whole array, halved along its slowest axes until it is small enough. */
function chunkShape(shape: readonly number[], itemSizeBytes: number): number[] {
  let chunks = shape.map((n) => Math.max(1, n));
  const most = BigInt(Math.max(targetBytes, itemSizeBytes));
  while (elementCount(chunks) * BigInt(itemSizeBytes) > most) {
    const axis = chunks.findIndex((n) => n > 1);
    chunks = chunks.with(axis, Math.ceil((chunks[axis] ?? 1) / 2));
  }
  return chunks;
}

function documentOf(
  dtype: Dtype,
  {
    dataType,
    shape,
    chunks,
  }: { readonly dataType: unknown; readonly shape: readonly number[]; readonly chunks: readonly number[] },
) {
  const isOrderless = dtype.itemSizeBytes === 1 || dtype.kind === "S";
  const bytes = isOrderless ? { name: "bytes" } : { name: "bytes", configuration: { endian: "little" } };
  return {
    zarr_format: 3,
    node_type: "array",
    shape,
    data_type: dataType,
    chunk_grid: { name: "regular", configuration: { chunk_shape: chunks } },
    chunk_key_encoding: { name: "default", configuration: { separator: "/" } },
    fill_value: fillOf(dtype),
    codecs: [bytes, { name: "zstd", configuration: { level, checksum: true } }],
    attributes: {},
    storage_transformers: [],
  };
}

function fillOf({ kind }: Dtype): unknown {
  if (kind === "b") return false;
  if (kind === "c") return [0, 0];
  return kind === "U" || kind === "S" ? "" : 0;
}

const compress = promisify(zstdCompress);

async function packedChunks(array: NdArray, chunks: readonly number[]): Promise<ZarrOutput[]> {
  const { shape, bytes, dtype } = array;
  const whole = shape.map((count) => ({ start: 0, step: 1, count, dropped: false }));
  if (whole.some(({ count }) => count === 0)) return [];
  const size = dtype.itemSizeBytes;
  const files: ZarrOutput[] = [];
  for (const { at, axes, to } of gridParts(whole, chunks)) {
    // Chunks at an edge are as large as all others; beyond the array they hold zeros.
    const chunk = new Uint8Array(Number(elementCount(chunks)) * size);
    const taken = axes.map((axis, i) => ({ ...axis, start: to[i] ?? 0 }));
    const from = { bytes, strides: strides(shape, false), axes: taken };
    copyElements(from, { bytes: chunk, counts: chunks, to: at.map(() => 0) }, size);
    const packed = await compress(chunk, {
      params: {
        [constants.ZSTD_c_compressionLevel]: level,
        [constants.ZSTD_c_checksumFlag]: 1,
      },
      pledgedSrcSize: chunk.length,
    });
    files.push({ path: ["c", ...at].join("/"), bytes: packed });
  }
  return files;
}
