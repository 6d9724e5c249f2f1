/**
 * Blosc 1 unpacked: a header, blocks of a few kilobytes, each packed by one of several formats, and the bytes of elements shuffled.
 *
 * @source https://github.com/Blosc/c-blosc/blob/main/README_CHUNK_FORMAT.rst, `blosc.c`
 */

import { setImmediate } from "node:timers/promises";
import { inflateSync, zstdDecompressSync } from "node:zlib";
import { unpackBloscLz } from "./blosclz.ts";
import { corrupt } from "./fault.ts";
import { unpackLz4 } from "./lz4.ts";

const headerBytes = 16;
const flag = { shuffle: 0x01, plain: 0x02, bitShuffle: 0x04, isWhole: 0x10 } as const;
/** Elements of more bytes, and blocks of fewer elements, are not split by byte. */
const maxSplits = 16;
const minSplitElements = 128;
/** Between such amounts the event loop has its turn, in bytes. */
const turnBytes = 2 * 2 ** 20;

interface Header {
  readonly flags: number;
  readonly typeBytes: number;
  readonly sizeBytes: number;
  readonly blockBytes: number;
}

/** The bytes that a Blosc chunk holds. @throws {CODEC_CORRUPT} before anything larger than `limit` is made */
export async function unpackBlosc(packed: Uint8Array, limit: number): Promise<Uint8Array> {
  const header = headerOf(packed, limit);
  const { flags, sizeBytes, blockBytes } = header;
  if ((flags & flag.plain) !== 0) {
    if (packed.length !== sizeBytes + headerBytes)
      throw corrupt("Plain bytes of Blosc are not of the size announced.");
    return packed.subarray(headerBytes);
  }
  const out = new Uint8Array(sizeBytes);
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  const blocks = sizeBytes === 0 ? 0 : Math.ceil(sizeBytes / blockBytes);
  if (headerBytes + blocks * 4 > packed.length) throw corrupt("The list of Blosc's blocks is cut.");
  let turn = 0;
  for (let i = 0; i < blocks; i++) {
    const block = out.subarray(i * blockBytes, (i + 1) * blockBytes);
    unpackBlock(packed, header, { at: view.getUint32(headerBytes + i * 4, true), block });
    turn += block.length;
    if (turn < turnBytes) continue;
    turn = 0;
    await setImmediate();
  }
  return out;
}

function headerOf(packed: Uint8Array, limit: number): Header {
  if (packed.length < headerBytes) throw corrupt("The header of Blosc is cut.");
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  const [version, flags, typeBytes] = [view.getUint8(0), view.getUint8(2), view.getUint8(3)];
  const sizeBytes = view.getUint32(4, true);
  const blockBytes = view.getUint32(8, true);
  if (version !== 2) throw corrupt(`Version ${version} of Blosc's format is not read.`);
  if (view.getUint32(12, true) !== packed.length) throw corrupt("Blosc announces another packed size.");
  if (sizeBytes > limit) throw corrupt(`Blosc announces ${sizeBytes} bytes.`);
  const isFit = typeBytes > 0 && (sizeBytes === 0 || (blockBytes > 0 && blockBytes <= sizeBytes));
  if (!isFit) throw corrupt("The blocks of Blosc have no size.");
  return { flags, typeBytes, sizeBytes, blockBytes };
}

/** One block into its place; the last one may be shorter than the others. */
function unpackBlock(
  packed: Uint8Array,
  { flags, typeBytes, blockBytes }: Header,
  { at, block }: { readonly at: number; readonly block: Uint8Array },
): void {
  const isShuffled = (flags & flag.shuffle) !== 0 && typeBytes > 1;
  const isBitShuffled = (flags & flag.bitShuffle) !== 0 && block.length >= typeBytes;
  const target = isShuffled || isBitShuffled ? new Uint8Array(block.length) : block;
  const isSplit =
    (flags & flag.isWhole) === 0 &&
    typeBytes <= maxSplits &&
    Math.floor(blockBytes / typeBytes) >= minSplitElements &&
    block.length === blockBytes;
  const splits = isSplit ? typeBytes : 1;
  const splitBytes = Math.floor(block.length / splits);
  let from = at;
  for (let i = 0; i < splits; i++) {
    const length = lengthAt(packed, from);
    from += 4;
    const part = packed.subarray(from, from + length);
    from += length;
    const to = target.subarray(i * splitBytes, (i + 1) * splitBytes);
    if (length === splitBytes) to.set(part);
    else unpackPart(flags >> 5, part, to);
  }
  if (isShuffled) unshuffle(target, block, typeBytes);
  else if (isBitShuffled) unshuffleBits(target, block, typeBytes);
}

function lengthAt(packed: Uint8Array, at: number): number {
  if (at < headerBytes || at + 4 > packed.length) throw corrupt("A block of Blosc lies outside of it.");
  const length = new DataView(packed.buffer, packed.byteOffset, packed.byteLength).getInt32(at, true);
  if (length < 0 || at + 4 + length > packed.length) throw corrupt("A block of Blosc is cut.");
  return length;
}

function unpackPart(format: number, part: Uint8Array, out: Uint8Array): void {
  if (format === 0) unpackBloscLz(part, out);
  else if (format === 1) unpackLz4(part, out);
  else if (format === 3 || format === 4) {
    const unpack = format === 3 ? inflateSync : zstdDecompressSync;
    const bytes = unpack(part, { maxOutputLength: Math.max(1, out.length) });
    if (bytes.length !== out.length)
      throw corrupt(`A block of Blosc holds ${bytes.length} bytes, not ${out.length}.`);
    out.set(bytes);
  } else throw corrupt(`The format ${format} in Blosc is not read.`);
}

/** First bytes of all elements, then second bytes, and so on; what is no whole element is left as it is. */
function unshuffle(from: Uint8Array, to: Uint8Array, typeBytes: number): void {
  const count = Math.floor(to.length / typeBytes);
  for (let byte = 0; byte < typeBytes; byte++) {
    const row = byte * count;
    for (let i = 0, at = byte; i < count; i++, at += typeBytes) to[at] = from[row + i] ?? 0;
  }
  to.set(from.subarray(count * typeBytes), count * typeBytes);
}

/** First bits of the first bytes of all elements, then second bits, and so on. */
function unshuffleBits(from: Uint8Array, to: Uint8Array, typeBytes: number): void {
  const count = Math.floor(to.length / typeBytes);
  if (count % 8 !== 0) {
    to.set(from);
    return;
  }
  const rowBytes = count / 8;
  for (let byte = 0; byte < typeBytes; byte++) {
    for (let group = 0; group < rowBytes; group++) {
      for (let element = 0; element < 8; element++) {
        let value = 0;
        for (let bit = 0; bit < 8; bit++) {
          const row = from[(byte * 8 + bit) * rowBytes + group] ?? 0;
          value |= ((row >> element) & 1) << bit;
        }
        to[(group * 8 + element) * typeBytes + byte] = value;
      }
    }
  }
  to.set(from.subarray(count * typeBytes), count * typeBytes);
}
