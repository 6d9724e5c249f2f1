/** Reads small files in groups, each with one opening. Linux only. */

import { closeSync, constants, fstatSync, openSync, readlinkSync, readSync } from "node:fs";

const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Up to this many bytes of a file are read here. */
export const smallBytes = 64 * 1024;

/** A range of a file; without an end to the file's own. */
export interface SmallGet {
  readonly path: string;
  readonly start: number;
  readonly end: number | undefined;
}

/** The bytes at `from` of all that was read; `undefined` for what has to be read in the ordinary way, which tells what is wrong with it. */
export type GetOutcome =
  | { readonly sizeBytes: number; readonly modifiedMs: number; readonly from: number; readonly to: number }
  | undefined;

/** Reads what is small and lies where it should, without a link on the way. */
export function getGroup(
  root: string,
  gets: readonly SmallGet[],
): { readonly outcomes: readonly GetOutcome[]; readonly bytes: Uint8Array<ArrayBuffer> } {
  const real = readlinkSync(root);
  const pieces: Uint8Array[] = [];
  let total = 0;
  const outcomes = gets.map((get): GetOutcome => {
    const found = read(root, real, get);
    if (found === undefined) return undefined;
    pieces.push(found.bytes);
    const from = total;
    total += found.bytes.length;
    return { sizeBytes: found.sizeBytes, modifiedMs: found.modifiedMs, from, to: total };
  });
  // Of its own memory, which is handed to another thread.
  const bytes = new Uint8Array(total);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return { outcomes, bytes };
}

interface Read {
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  readonly bytes: Uint8Array;
}

function read(root: string, real: string, { path, start, end }: SmallGet): Read | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(`${root}/${path}`, flags);
    // The kernel has followed links in the folders above: then it is somewhere else now.
    if (readlinkSync(`/proc/self/fd/${fd}`) !== `${real}/${path}`) return undefined;
    const found = fstatSync(fd);
    const until = Math.min(end ?? found.size, found.size);
    if (!found.isFile() || start > until || until - start > smallBytes) return undefined;
    const bytes = Buffer.allocUnsafe(until - start);
    let filled = 0;
    while (filled < bytes.length) {
      const count = readSync(fd, bytes, filled, bytes.length - filled, start + filled);
      if (count === 0) break;
      filled += count;
    }
    return { sizeBytes: found.size, modifiedMs: found.mtimeMs, bytes: bytes.subarray(0, filled) };
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
