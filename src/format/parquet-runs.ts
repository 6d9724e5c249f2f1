/**
 * Runs in the pages of Parquet, measured before they are unfolded: four bytes can announce a thousand million values.
 *
 * @source https://parquet.apache.org/docs/file-format/data-pages/encodings/
 */

import { deltaBinaryUnpack } from "hyparquet/src/delta.js";
import { ByteCursor } from "./byte-cursor.ts";
import { corrupt } from "./fault.ts";

/** Values that a writer may put after the last one, to fill the last group. */
const spare = 512;
const maxDigits = 10;

/** Runs of `width` bits for `count` values, from `at` on. @throws {CODEC_CORRUPT} when they announce more values. */
export function checkRuns(page: Uint8Array, at: number, runs: { width: number; count: number }): void {
  if (runs.width > 32) throw corrupt(`A page holds numbers of ${runs.width} bits.`);
  const cursor = new ByteCursor(page, at);
  let seen = 0;
  while (seen < runs.count && cursor.left > 0) {
    const head = Number(varint(cursor));
    const isPacked = head % 2 === 1;
    const values = isPacked ? Math.floor(head / 2) * 8 : Math.floor(head / 2);
    if (values > runs.count - seen + (isPacked ? spare : 0))
      throw corrupt(`A run of ${values} values follows ${seen} of ${runs.count}.`);
    const size = Math.ceil(((isPacked ? values : 1) * runs.width) / 8);
    // The last group may be cut where its values end.
    cursor.take(Math.min(size, cursor.left));
    seen += values;
  }
}

/** Numbers as differences, from `at` on, at most `most` of them: the numbers, and where they end. @throws {CODEC_CORRUPT} */
export function readDeltas(page: Uint8Array, at: number, most: number): { end: number; values: Int32Array } {
  const count = checkDeltas(page, at, most);
  const values = new Int32Array(count);
  const reader = { view: new DataView(page.buffer, page.byteOffset, page.byteLength), offset: at };
  deltaBinaryUnpack(reader, count, values);
  return { end: reader.offset, values };
}

/** Their count. @throws {CODEC_CORRUPT} when they are not as they should be. */
export function checkDeltas(page: Uint8Array, at: number, most: number): number {
  const cursor = new ByteCursor(page, at);
  const [block, parts, count] = [varint(cursor), varint(cursor), varint(cursor)].map(Number);
  if (block === undefined || parts === undefined || count === undefined || count > most)
    throw corrupt(`A page of ${most} values announces ${count}.`);
  const size = block / parts;
  if (parts < 1 || parts > 1024 || size < 8 || size % 8 !== 0 || size > 2 ** 20)
    throw corrupt(`A page holds blocks of ${block} values in ${parts} parts.`);
  varint(cursor);
  for (let seen = 1; seen < count; ) {
    varint(cursor);
    const widths = cursor.take(parts);
    for (const width of widths) {
      if (seen >= count) break;
      if (width > 64) throw corrupt(`A page holds differences of ${width} bits.`);
      cursor.take(Math.min(cursor.left, (width * size) / 8));
      seen += size;
    }
  }
  return count;
}

function varint(cursor: ByteCursor): bigint {
  let value = 0n;
  for (let digit = 0; digit < maxDigits; digit++) {
    const byte = cursor.u8();
    value |= BigInt(byte & 127) << BigInt(7 * digit);
    if (byte < 128) return value;
  }
  throw corrupt("A page holds a number of too many digits.");
}
