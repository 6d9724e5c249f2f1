/** Packed bytes of chunks unpacked, never beyond the size that the metadata announce. */

import { promisify } from "node:util";
import { gunzip, inflate, zstdDecompress } from "node:zlib";
import { registry } from "zarrita";
import { crc32c } from "./crc32c.ts";
import { corrupt } from "./fault.ts";
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
    if (name === "blosc" || name === "lz4") return await undoBlocks(name, bytes, limit);
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

/** Formats whose header announces a size, for which the decoder asks memory before it looks further. */
async function undoBlocks(name: "blosc" | "lz4", bytes: Uint8Array, limit: number): Promise<Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < (name === "blosc" ? 16 : 4)) throw corrupt("Its header is cut.");
  const announced = view.getUint32(name === "blosc" ? 4 : 0, true);
  if (announced > limit) throw corrupt(`It announces ${announced} bytes.`);
  if (name === "blosc") checkBlosc(view, announced);
  if (announced === 0) return new Uint8Array();
  const Codec = await registry.get(name)?.();
  if (Codec === undefined) throw corrupt(`There is no decoder of ${name}.`);
  const decoder = Codec.fromConfig({}, { dataType: "uint8", shape: [], codecs: [], fillValue: null });
  const decoded: unknown = await decoder.decode(bytes as never);
  if (decoded instanceof Uint8Array && decoded.length === announced) return decoded;
  throw corrupt(`It does not hold the ${announced} bytes that it announces.`);
}

/** The header of Blosc 1, and where its blocks begin. @source https://github.com/Blosc/c-blosc/blob/main/README_CHUNK_FORMAT.rst */
function checkBlosc(view: DataView, announced: number): void {
  const blockBytes = view.getUint32(8, true);
  if (view.getUint32(12, true) !== view.byteLength) throw corrupt("It announces another packed size.");
  const isPlain = (view.getUint8(2) & 0x02) !== 0;
  if (isPlain) {
    if (announced + 16 !== view.byteLength) throw corrupt("Its plain bytes are not of the size announced.");
    return;
  }
  if (announced === 0) return;
  if (blockBytes === 0 || blockBytes > announced) throw corrupt("Its blocks have no size.");
  const blocks = Math.ceil(announced / blockBytes);
  if (16 + blocks * 4 > view.byteLength) throw corrupt("The list of its blocks is cut.");
  for (let i = 0; i < blocks; i++) {
    const start = view.getUint32(16 + i * 4, true);
    if (start < 16 + blocks * 4 || start + 4 > view.byteLength) throw corrupt("A block lies outside of it.");
  }
}
