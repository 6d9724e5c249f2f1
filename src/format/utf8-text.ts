/** UTF-8 text that is looked at piece by piece, so that its size does not matter. */

import { corrupt } from "./fault.ts";

/** What is known of a text after one pass. */
export interface TextFacts {
  /** Unicode code points. */
  readonly length: number;
  /** Lines; a last one without its end counts, and so does none after it. */
  readonly lineCount: number;
}

const newline = 0x0a;

/** Measures the text. @throws {CODEC_CORRUPT} naming the piece where it is no UTF-8. */
export async function measureText(
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<TextFacts> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let [length, newlines, last, at] = [0, 0, newline, 0];
  const check = (piece: Uint8Array | undefined) => {
    try {
      decoder.decode(piece, { stream: piece !== undefined });
    } catch (cause) {
      throw corrupt(`The text is not UTF-8, near byte ${at}.`, cause);
    }
  };
  for await (const piece of pieces) {
    check(piece);
    for (const byte of piece) {
      // Every character has one byte that continues none.
      if ((byte & 0xc0) !== 0x80) length += 1;
      if (byte === newline) newlines += 1;
    }
    last = piece.at(-1) ?? last;
    at += piece.length;
  }
  check(undefined);
  return { length, lineCount: newlines + (last === newline ? 0 : 1) };
}

/**
 * Lines without their ends (`\n` or `\r\n`), from the line `offset` on, at most `first`, in all at most `limitBytes`.
 * @throws {CODEC_CORRUPT} when a line is no UTF-8; what `tooLong` makes when the lines hold more.
 */
export async function readLines(
  pieces: AsyncIterable<Uint8Array>,
  wanted: {
    readonly offset: number;
    readonly first: number;
    readonly limitBytes: number;
    readonly tooLong: () => Error;
  },
): Promise<string[]> {
  const lines: string[] = [];
  let [skip, held, size] = [wanted.offset, [] as Uint8Array[], 0];
  if (wanted.first <= 0) return lines;
  const hold = (piece: Uint8Array) => {
    if (skip > 0 || piece.length === 0) return;
    size += piece.length;
    if (size > wanted.limitBytes) throw wanted.tooLong();
    held.push(Uint8Array.from(piece));
  };
  for await (const piece of pieces) {
    let start = 0;
    for (let end = piece.indexOf(newline); end >= 0; end = piece.indexOf(newline, start)) {
      hold(piece.subarray(start, end));
      start = end + 1;
      if (skip > 0) skip -= 1;
      else lines.push(lineOf(held));
      held = [];
      if (lines.length === wanted.first) return lines;
    }
    hold(piece.subarray(start));
  }
  if (held.length > 0) lines.push(lineOf(held));
  return lines;
}

function lineOf(pieces: readonly Uint8Array[]): string {
  const bytes = Buffer.concat(pieces);
  const end = bytes.at(-1) === 0x0d ? bytes.length - 1 : bytes.length;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes.subarray(0, end));
  } catch (cause) {
    throw corrupt("A line is not UTF-8.", cause);
  }
}

/** First byte at or after `at` that begins a character. */
export function characterStart(bytes: Uint8Array, at: number): number {
  let start = at;
  while (start < bytes.length && start < at + 4 && ((bytes[start] ?? 0) & 0xc0) === 0x80) start += 1;
  return start;
}
