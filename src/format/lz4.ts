/**
 * LZ4 unpacked into memory of a size that is known beforehand: nothing is written beyond it.
 *
 * @source https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md, lz4_Frame_format.md
 */

import { ByteCursor } from "./byte-cursor.ts";
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
    if (size >>> 31 === 0) at = unpackBlock(block, out, at);
    else at = append(out, at, block);
    if ((flags & 16) !== 0) cursor.take(4);
  }
  if (at !== sizeBytes) throw corrupt(`An LZ4 frame gives ${at} bytes where ${sizeBytes} are announced.`);
  return out;
}

/** A block alone. @throws {CODEC_CORRUPT} when it gives not exactly `sizeBytes`. */
export function unpackLz4Block(block: Uint8Array, sizeBytes: number): Uint8Array {
  const out = new Uint8Array(sizeBytes);
  const end = unpackBlock(block, out, 0);
  if (end !== sizeBytes) throw corrupt(`An LZ4 block gives ${end} bytes where ${sizeBytes} are announced.`);
  return out;
}

function append(out: Uint8Array, at: number, bytes: Uint8Array): number {
  if (bytes.length > out.length - at) throw tooMuch();
  out.set(bytes, at);
  return at + bytes.length;
}

function unpackBlock(block: Uint8Array, out: Uint8Array, start: number): number {
  const cursor = new ByteCursor(block);
  let at = start;
  while (cursor.left > 0) {
    const token = cursor.u8();
    at = append(out, at, cursor.take(lengthOf(cursor, token >> 4)));
    // The last sequence has literals alone.
    if (cursor.left === 0) break;
    const distance = cursor.u16();
    const length = lengthOf(cursor, token & 15) + 4;
    if (distance === 0 || distance > at) throw corrupt("An LZ4 block refers to bytes before its beginning.");
    if (length > out.length - at) throw tooMuch();
    if (distance >= length) out.copyWithin(at, at - distance, at - distance + length);
    // Overlapping: what is copied is copied again.
    else for (let i = at; i < at + length; i++) out[i] = out[i - distance] ?? 0;
    at += length;
  }
  return at;
}

function lengthOf(cursor: ByteCursor, nibble: number): number {
  let length = nibble;
  if (nibble !== 15) return length;
  for (let more = 255; more === 255; length += more) more = cursor.u8();
  return length;
}

function tooMuch() {
  return corrupt("LZ4 gives more bytes than are announced.");
}
