/** Blocks of BloscLZ, Blosc's kind of FastLZ, unpacked into memory of a known size. @source https://github.com/Blosc/c-blosc, `blosclz.c` */

import { copyBack } from "./copy-back.ts";
import { corrupt } from "./fault.ts";

/** Distances up to this are said by 13 bits; farther ones by 16 more. */
const nearest = 8191;

/** Fills `out`. @throws {CODEC_CORRUPT} when the block holds anything else than exactly its bytes. */
export function unpackBloscLz(block: Uint8Array, out: Uint8Array): void {
  let from = 0;
  let to = 0;
  const next = (): number => {
    const byte = block[from++];
    if (byte === undefined) throw corrupt("A BloscLZ block is cut.");
    return byte;
  };
  while (from < block.length) {
    const isFirst = from === 0;
    const control = isFirst ? next() & 31 : next();
    if (control < 32) {
      const literals = control + 1;
      if (from + literals > block.length || to + literals > out.length)
        throw corrupt("A BloscLZ block is cut.");
      out.set(block.subarray(from, from + literals), to);
      from += literals;
      to += literals;
      continue;
    }
    let length = (control >> 5) + 2;
    if (length === 9) {
      let more = 255;
      while (more === 255) {
        more = next();
        length += more;
      }
    }
    const high = (control & 31) << 8;
    const low = next();
    const isFar = low === 255 && high === 31 << 8;
    const distance = isFar ? ((next() << 8) | next()) + nearest + 1 : high + low + 1;
    to = copyBack(out, { to, distance, length });
  }
  if (to !== out.length) throw corrupt(`A BloscLZ block holds ${to} bytes, not ${out.length}.`);
}
