/**
 * The HDF5 library, compiled to WebAssembly, over bytes that are read by ranges. It sees one file and nothing else: whatever another path a
 * file names (external links, virtual sources, external storage, filters to be loaded) cannot be opened.
 *
 * @source https://github.com/usnistgov/h5wasm; https://support.hdfgroup.org/documentation/hdf5/latest/
 */

import { isServiceError, ServiceError } from "../errors.ts";
import { beyondDecodeLimit, type DecodeLimits } from "./decode-limits.ts";
import { corrupt } from "./fault.ts";
import type { Hdf5Library, LibraryFs } from "./hdf5-library-types.ts";
import { pagedReads } from "./paged-reads.ts";

/** Bytes that can be had at once, without waiting. */
export interface SyncSource {
  readonly sizeBytes: number;
  readSync(start: number, end: number): Uint8Array;
}

/** An open file. */
export interface Hdf5File {
  readonly library: Hdf5Library;
  readonly id: bigint;
  readonly limits: DecodeLimits;
  /** Does something with the library; its errors become ours. @throws {CODEC_CORRUPT} {LIMIT_EXCEEDED} */
  ask<T>(what: string, work: () => T): T;
  close(): void;
}

/** Where files appear to the library; one at a time. */
const place = "/value";
/** In memory; the library writes its messages there before it tells them. */
const ownScratch = /^\/tmp\/tmpfile_[A-Za-z0-9]{6}$/;
const signature = Buffer.from("894844460d0a1a0a", "hex");

let loading: Promise<Hdf5Library> | undefined;
/** The path that the library asked for last and was not given. */
let denied: string | undefined;

/** Opens a file. @throws {CODEC_CORRUPT} when it is no HDF5 file */
export async function openHdf5(source: SyncSource, limits: DecodeLimits): Promise<Hdf5File> {
  if (!hasSignature(source)) throw corrupt("The bytes have no signature of HDF5.");
  loading ??= load();
  const library = await loading;
  show(library.FS, source);
  const ask = <T>(what: string, work: () => T): T => {
    denied = undefined;
    try {
      return work();
    } catch (error) {
      throw faultOf(error, { what, limits });
    }
  };
  const id = ask("opened", () => library.open(place, library.H5F_ACC_RDONLY, false, -1, -1));
  if (id < 0n) throw corrupt("The HDF5 file cannot be opened.");
  const close = (): void => {
    library.close_file(id);
    // Another file may have taken its place.
    if (library.FS.analyzePath(place).exists) library.FS.unlink(place);
  };
  return { library, id, limits, ask, close };
}

/** The superblock begins at 0, or at 512, 1024, 2048… behind a block of the user's own. */
function hasSignature(source: SyncSource): boolean {
  for (let at = 0; at + signature.length <= source.sizeBytes; at = at === 0 ? 512 : at * 2) {
    if (signature.equals(source.readSync(at, at + signature.length))) return true;
  }
  return false;
}

async function load(): Promise<Hdf5Library> {
  const { ready } = await import("h5wasm");
  // Its own types leave out what is used here of the file system.
  const library = (await ready) as unknown as Hdf5Library;
  library.activate_throwing_error_handler();
  const { FS } = library;
  const open = FS.open;
  FS.open = (path, ...rest) => {
    if (path === place || (typeof path === "string" && ownScratch.test(path)))
      return open.call(FS, path, ...rest);
    denied = typeof path === "string" ? path : "";
    throw new FS.ErrnoError(noSuchFile);
  };
  return library;
}

/** Emscripten's ENOENT and EROFS. */
const [noSuchFile, readOnly] = [44, 69];

/** Makes the source the library's only file. */
function show(fs: LibraryFs, source: SyncSource): void {
  const read = pagedReads(source);
  // A call that failed may have left the file of before.
  if (fs.analyzePath(place).exists) fs.unlink(place);
  const node = fs.createFile("/", place.slice(1), {}, true, false);
  node.usedBytes = source.sizeBytes;
  node.stream_ops = {
    ...node.stream_ops,
    read: (_stream, heap, offset, length, position) => {
      const end = Math.min(source.sizeBytes, position + length);
      if (end <= position) return 0;
      heap.set(read(position, end), offset);
      return end - position;
    },
    write: () => {
      throw new fs.ErrnoError(readOnly);
    },
  };
}

/** What the library says, as one of our errors. */
function faultOf(error: unknown, at: { readonly what: string; readonly limits: DecodeLimits }): unknown {
  if (isServiceError(error)) return error;
  if (error instanceof Error && error.name === "AbortError") return error;
  if (denied !== undefined) {
    return new ServiceError(
      "CODEC_CORRUPT",
      `The HDF5 file keeps a part of its values in another file, ${JSON.stringify(denied)}, which is never opened.`,
    );
  }
  const text = error instanceof Error ? error.message : String(error);
  if (/allocat|out of memory|Memory|bad_alloc/.test(text) && !/out of bounds/.test(text))
    return beyondDecodeLimit(
      "heapBytes",
      at.limits,
      "Reading the HDF5 file needs more memory than a thread has",
    );
  return corrupt(`The HDF5 file cannot be ${at.what}: ${lastReason(text)}.`, error);
}

/** The innermost of the library's reasons, without its source files. */
function lastReason(text: string): string {
  const reasons = [...text.matchAll(/ in (\w+)\(\): ([^\n]*)/g)];
  return (reasons.at(-1)?.[2] ?? text.split("\n")[0] ?? "").slice(0, 200);
}
