/** The step that all LZ77 formats share. */

import { corrupt } from "./fault.ts";

/** Repeats `length` bytes that lie `distance` before `to`, which may overlap; answers where it ends. @throws {CODEC_CORRUPT} */
export function copyBack(
  out: Uint8Array,
  { to, distance, length }: { readonly to: number; readonly distance: number; readonly length: number },
): number {
  if (distance === 0 || distance > to || to + length > out.length) {
    throw corrupt("Packed bytes point outside of what they unpack to.");
  }
  if (distance >= length) out.copyWithin(to, to - distance, to - distance + length);
  else if (distance === 1) out.fill(out[to - 1] ?? 0, to, to + length);
  else for (let i = to; i < to + length; i++) out[i] = out[i - distance] ?? 0;
  return to + length;
}
