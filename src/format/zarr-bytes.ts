/** Packed bytes of chunks unpacked, never beyond the size that the metadata announce. */

import { promisify } from "node:util";
import { gunzip, inflate, zstdDecompress } from "node:zlib";
import { unpackBlosc } from "./blosc.ts";
import { crc32c } from "./crc32c.ts";
import { corrupt } from "./fault.ts";
import { unpackLz4 } from "./lz4.ts";
import type { ByteStep } from "./zarr-array.ts";

const unpackers = {
  gzip: promisify(gunzip),
  zlib: promisify(inflate),
  zstd: promisify(zstdDecompress),
} as const;

/** A chunk of so many bytes of elements is at most so much larger packed. */
export function maxPackedBytes(sizeBytes: number): number {
  return sizeBytes + Math.ceil(sizeBytes / 4) + 65_536;
}

/** No format packs honest chunks beyond this many to one. */
const maxRatio = 50_000;
/** LZ4 itself cannot pack better. */
const maxLz4Ratio = 255;
/** Chunks up to this size are unpacked whatever their ratio, in bytes. */
const freeBytes = 16 * 2 ** 20;

/** @throws {CODEC_CORRUPT} when a packed chunk is too large or too small for its elements. */
export function checkPackedSize(packedBytes: number, sizeBytes: number): void {
  if (packedBytes > maxPackedBytes(sizeBytes)) {
    throw corrupt(`A chunk of ${sizeBytes} bytes of elements is stored in ${packedBytes} bytes.`);
  }
  if (sizeBytes > freeBytes && packedBytes * maxRatio < sizeBytes) {
    throw corrupt(`A chunk of ${sizeBytes} bytes of elements is said to be in ${packedBytes} bytes.`);
  }
}

/** Exactly `sizeBytes`. @throws {CODEC_CORRUPT} */
export async function unpack(
  packed: Uint8Array,
  steps: readonly ByteStep[],
  sizeBytes: number,
): Promise<Uint8Array> {
  checkPackedSize(packed.length, sizeBytes);
  let bytes = packed;
  for (const { name } of steps.toReversed()) bytes = await undo(name, bytes, maxPackedBytes(sizeBytes));
  if (bytes.length !== sizeBytes) {
    throw corrupt(`A chunk holds ${bytes.length} bytes of elements, not ${sizeBytes}.`);
  }
  return bytes;
}

async function undo(name: ByteStep["name"], bytes: Uint8Array, limit: number): Promise<Uint8Array> {
  if (name === "crc32c") return checked(bytes);
  try {
    if (name === "blosc") return await unpackBlosc(bytes, limit);
    if (name === "lz4") return undoLz4(bytes, limit);
    return await unpackers[name](bytes, { maxOutputLength: limit });
  } catch (cause) {
    throw corrupt(`A chunk is no ${name} data.`, cause);
  }
}

function checked(bytes: Uint8Array): Uint8Array {
  const end = bytes.length - 4;
  if (end < 0) throw corrupt("A chunk ends before its checksum.");
  const body = bytes.subarray(0, end);
  if (Buffer.from(bytes.buffer, bytes.byteOffset + end, 4).readUInt32LE() !== crc32c(body)) {
    throw corrupt("A chunk does not have its checksum (CRC-32C).");
  }
  return body;
}

/** LZ4 as numcodecs writes it: the size, then one block. */
function undoLz4(bytes: Uint8Array, limit: number): Uint8Array {
  if (bytes.length < 4) throw corrupt("The size before an LZ4 block is cut.");
  const size = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0, true);
  if (size > limit || size > bytes.length * maxLz4Ratio) throw corrupt(`LZ4 announces ${size} bytes.`);
  const out = new Uint8Array(size);
  unpackLz4(bytes.subarray(4), out);
  return out;
}
