/** Blocks of LZ4 unpacked into memory of a known size. @source https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md */

import { copyBack } from "./copy-back.ts";
import { corrupt } from "./fault.ts";

/** Fills `out`. @throws {CODEC_CORRUPT} when the block holds anything else than exactly its bytes. */
export function unpackLz4(block: Uint8Array, out: Uint8Array): void {
  let from = 0;
  let to = 0;
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
  if (to !== out.length) throw corrupt(`An LZ4 block holds ${to} bytes, not ${out.length}.`);
}
