/** Chunks of a Zarr array as elements in memory. */

import { elementCount } from "./array.ts";
import { corrupt } from "./fault.ts";
import type { Elements, GridPart } from "./grid.ts";
import type { ChunkLayout, ZarrArray } from "./zarr-array.ts";
import { unpack } from "./zarr-bytes.ts";

/** An array that can be read: its element type and its chunks are known. */
export interface ReadableArray extends ZarrArray {
  readonly layout: ChunkLayout;
  readonly itemSizeBytes: number;
}

/** A part of the selection and the elements that hold it. */
export interface FoundPart {
  readonly part: GridPart;
  readonly elements: Elements;
}

/** Path of a chunk's or shard's file in the folder. */
export function chunkPath({ path, chunkKey }: ZarrArray, at: readonly number[]): string {
  return path === "" ? chunkKey(at) : `${path}/${chunkKey(at)}`;
}

/** Bytes of the elements of one chunk. */
export function chunkBytes({ layout, itemSizeBytes }: ReadableArray): number {
  return Number(elementCount(layout.shape)) * itemSizeBytes;
}

/** The elements of a chunk that is not there. */
export function filled({ fill, shape }: ZarrArray): Elements {
  return { bytes: fill, strides: shape.map(() => 0) };
}

/** Elements from a chunk's bytes as they are stored. @throws {CODEC_CORRUPT} */
export async function elementsOf(array: ReadableArray, packed: Uint8Array): Promise<Elements> {
  const { layout, itemSizeBytes } = array;
  const bytes = await unpack(packed, layout.steps, chunkBytes(array));
  return { bytes: layout.isSwapped ? swapped(array, bytes, itemSizeBytes) : bytes, strides: layout.strides };
}

function swapped(array: ZarrArray, bytes: Uint8Array, itemSizeBytes: number): Uint8Array {
  if ("foreign" in array.type) throw corrupt("The elements have no byte order.");
  const { kind } = array.type.dtype;
  const unit = kind === "c" ? itemSizeBytes / 2 : kind === "U" ? 4 : itemSizeBytes;
  const out = Buffer.from(bytes);
  if (unit === 2) out.swap16();
  else if (unit === 4) out.swap32();
  else if (unit === 8) out.swap64();
  return out;
}
