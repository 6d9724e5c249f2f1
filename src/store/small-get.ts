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
  const files = gets.map((get) => opened(root, real, get));
  try {
    const total = files.reduce((sum, file) => sum + (file === undefined ? 0 : file.until - file.start), 0);
    // Memory of its own, which is handed to another thread.
    const bytes = new Uint8Array(total);
    let at = 0;
    const outcomes = files.map((file): GetOutcome => {
      const filled = file === undefined ? undefined : fill(file, bytes, at);
      if (file === undefined || filled === undefined) return undefined;
      const from = at;
      at += filled;
      return { sizeBytes: file.sizeBytes, modifiedMs: file.modifiedMs, from, to: at };
    });
    return { outcomes, bytes };
  } finally {
    for (const file of files) if (file !== undefined) closeSync(file.fd);
  }
}

interface File {
  readonly fd: number;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  /** The range, within the file. */
  readonly start: number;
  readonly until: number;
}

function opened(root: string, real: string, { path, start, end }: SmallGet): File | undefined {
  let fd: number | undefined;
  let file: File | undefined;
  try {
    fd = openSync(`${root}/${path}`, flags);
    // The kernel has followed links in the folders above: then it is somewhere else now.
    if (readlinkSync(`/proc/self/fd/${fd}`) !== `${real}/${path}`) return undefined;
    const found = fstatSync(fd);
    const until = Math.min(end ?? found.size, found.size);
    if (!found.isFile() || start > until || until - start > smallBytes) return undefined;
    file = { fd, sizeBytes: found.size, modifiedMs: found.mtimeMs, start, until };
    return file;
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined && file === undefined) closeSync(fd);
  }
}

/** How many bytes there were; `undefined` where they could not be read. */
function fill({ fd, start, until }: File, bytes: Uint8Array, at: number): number | undefined {
  try {
    let filled = 0;
    while (filled < until - start) {
      const count = readSync(fd, bytes, at + filled, until - start - filled, start + filled);
      if (count === 0) break;
      filled += count;
    }
    return filled;
  } catch {
    return undefined;
  }
}
