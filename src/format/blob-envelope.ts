/** The optional compression around packed blobs: `ZL123`, the size, a zlib stream. */

import { promisify } from "node:util";
import { inflate, inflateSync, type ZlibOptions } from "node:zlib";
import { checkDecodeLimit, type DecodeLimits, defaultDecodeLimits } from "./decode-limits.ts";
import { deflated } from "./deflate.ts";
import { corrupt } from "./fault.ts";

const inflateBytes = promisify<Uint8Array, ZlibOptions, Buffer>(inflate);

const magic = Buffer.from("ZL123\0", "latin1");
const headBytes = 14;
/** DataJoint compresses what is longer than this. */
const compressAboveBytes = 1000;
/** Up to this a thread costs more than it does: about a fifth of a millisecond of work. */
const inlineBytes = 128 * 1024;

/** Size of the packed bytes, as the envelope declares it; the size itself where there is none. @throws {CODEC_CORRUPT} */
export function unpackedSize(
  bytes: Uint8Array,
  {
    totalBytes = bytes.length,
    ratio = defaultDecodeLimits.ratio,
  }: { totalBytes?: number; ratio?: number } = {},
): number {
  if (!isCompressed(bytes)) return totalBytes;
  if (bytes.length < headBytes) throw corrupt("The compressed blob ends in its head.");
  const size = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigUint64(6, true);
  if (size > BigInt(totalBytes - headBytes) * BigInt(ratio)) {
    throw corrupt(
      `The compressed blob claims ${size} bytes, more than ${ratio} times its own (HOLDFAST_DECODE_RATIO).`,
    );
  }
  return Number(size);
}

/** Whether the bytes are in the envelope. */
function isCompressed(bytes: Uint8Array): boolean {
  return magic.every((byte, i) => bytes[i] === byte);
}

/** Packed bytes out of the envelope, if any. @throws {CODEC_CORRUPT} when damaged; {LIMIT_EXCEEDED} before anything larger than the limit is made. */
export async function openEnvelope(bytes: Uint8Array, limits: DecodeLimits): Promise<Uint8Array> {
  const size = unpackedSize(bytes, { ratio: limits.ratio });
  checkDecodeLimit("outputBytes", limits, { count: size, what: "bytes" });
  if (!isCompressed(bytes)) return bytes;
  const packed = await unfold(bytes.subarray(headBytes), size);
  if (packed.length !== size)
    throw corrupt(`The compressed blob claims ${size} bytes but holds ${packed.length}.`);
  return packed;
}

async function unfold(stream: Uint8Array, size: number): Promise<Uint8Array> {
  // One byte more than is claimed, so that the end is found without another piece.
  const options = { maxOutputLength: Math.max(1, size), chunkSize: Math.max(64, size + 1) };
  try {
    return size <= inlineBytes ? inflateSync(stream, options) : await inflateBytes(stream, options);
  } catch (cause) {
    throw corrupt("The compressed blob does not unfold.", cause);
  }
}

/** Packed bytes in the envelope, where that makes them smaller and they are longer than 1000 bytes. */
export async function closeEnvelope(packed: Uint8Array): Promise<Uint8Array> {
  if (packed.length <= compressAboveBytes) return packed;
  const stream = await deflated(packed);
  if (headBytes + stream.length >= packed.length) return packed;
  const head = Buffer.alloc(headBytes);
  head.set(magic);
  head.writeBigUInt64LE(BigInt(packed.length), 6);
  return Buffer.concat([head, stream]);
}
