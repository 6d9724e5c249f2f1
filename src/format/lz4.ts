/**
 * LZ4 unpacked into memory of a size that is known beforehand: nothing is written beyond it.
 *
 * @source https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md, lz4_Frame_format.md
 */

import { ByteCursor } from "./byte-cursor.ts";
import { copyBack } from "./copy-back.ts";
import { corrupt } from "./fault.ts";

const frameMagic = 0x184d2204;

/** A frame: blocks, each of which may refer to what the ones before have given. @throws {CODEC_CORRUPT} when it gives not exactly `sizeBytes`. */
export function unpackLz4Frame(frame: Uint8Array, sizeBytes: number): Uint8Array {
  const cursor = new ByteCursor(frame);
  if (cursor.u32() !== frameMagic) throw corrupt("An LZ4 frame does not begin as one.");
  const flags = cursor.u8();
  if (flags >> 6 !== 1) throw corrupt("An LZ4 frame is of an unknown version.");
  if ((flags & 1) !== 0) throw corrupt("An LZ4 frame needs a dictionary, which is not here.");
  // Block size, content size, header checksum.
  cursor.take(1 + ((flags & 8) === 0 ? 0 : 8) + 1);
  const out = new Uint8Array(sizeBytes);
  let at = 0;
  for (let size = cursor.u32(); size !== 0; size = cursor.u32()) {
    const block = cursor.take(size & 0x7fffffff);
    if (size >>> 31 === 0) at = unpackFrom(block, out, at);
    else {
      if (block.length > out.length - at) throw corrupt("An LZ4 frame gives more bytes than are announced.");
      out.set(block, at);
      at += block.length;
    }
    if ((flags & 16) !== 0) cursor.take(4);
  }
  if (at !== sizeBytes) throw corrupt(`An LZ4 frame gives ${at} bytes where ${sizeBytes} are announced.`);
  return out;
}

/** A block alone. @throws {CODEC_CORRUPT} when it gives not exactly `sizeBytes`. */
export function unpackLz4Block(block: Uint8Array, sizeBytes: number): Uint8Array {
  const out = new Uint8Array(sizeBytes);
  unpackLz4(block, out);
  return out;
}

/** Fills `out`. @throws {CODEC_CORRUPT} when the block holds anything else than exactly its bytes. */
export function unpackLz4(block: Uint8Array, out: Uint8Array): void {
  const end = unpackFrom(block, out, 0);
  if (end !== out.length) throw corrupt(`An LZ4 block holds ${end} bytes, not ${out.length}.`);
}

/** Unpacks a block behind what `out` holds up to `start`; answers where it ends. */
function unpackFrom(block: Uint8Array, out: Uint8Array, start: number): number {
  let from = 0;
  let to = start;
  /** A length whose four bits are full goes on in further bytes. */
  const lengthOf = (bits: number): number => {
    if (bits !== 15) return bits;
    let length = 15;
    for (let byte = 255; byte === 255; ) {
      byte = block[from++] ?? -1;
      if (byte < 0) throw corrupt("An LZ4 block is cut.");
      length += byte;
    }
    return length;
  };
  while (from < block.length) {
    const token = block[from++] ?? 0;
    const literals = lengthOf(token >> 4);
    if (from + literals > block.length || to + literals > out.length) throw corrupt("An LZ4 block is cut.");
    out.set(block.subarray(from, from + literals), to);
    from += literals;
    to += literals;
    // The last sequence is literals alone.
    if (from === block.length) break;
    const distance = (block[from] ?? 0) | ((block[from + 1] ?? 0) << 8);
    from += 2;
    if (from > block.length) throw corrupt("An LZ4 block is cut.");
    to = copyBack(out, { to, distance, length: lengthOf(token & 15) + 4 });
  }
  return to;
}
