/** Reading a file store. No file has versions: one that is asked for by a version is absent. */

import type { FileHandle } from "node:fs/promises";
import { ServiceError } from "../errors.ts";
import type { GetOptions, ObjectHead, StoreDriver } from "./contract.ts";
import { fileError, guarded } from "./file-error.ts";
import type { Folder } from "./folder.ts";
import type { SmallFiles } from "./small-files.ts";

const chunkBytes = 256 * 1024;

/** What every operation of the driver stands on. */
export interface FileContext {
  readonly location: string;
  /** Opens the location. @throws {STORE_UNAVAILABLE} when it is missing or not the folder it was. */
  root(): Promise<Folder>;
  /** Where many small files are read and made at once. Absent where handles cannot be walked. */
  readonly small?: SmallFiles | undefined;
}

/** Opens the file at `path`; `undefined` when it, or a folder above it, is absent. */
export function openFile(context: FileContext, path: string): Promise<FileHandle | undefined> {
  return inFolder(context, path, (folder, name) => folder.file(name));
}

/** Opens the folder at `path`, the location itself at `""`; `undefined` when it is absent. Close it. */
export async function openFolder(context: FileContext, path: string): Promise<Folder | undefined> {
  const root = await context.root();
  return path === "" ? root : root.descend(path.split("/"));
}

/** Does `work` in the folder of `path`; `undefined` when that is absent. */
async function inFolder<T>(
  context: FileContext,
  path: string,
  work: (folder: Folder, name: string) => Promise<T>,
): Promise<T | undefined> {
  const segments = path.split("/");
  const name = segments.pop() ?? "";
  const root = await context.root();
  let folder: Folder | undefined;
  try {
    folder = await root.descend(segments);
    return folder === undefined ? undefined : await work(folder, name);
  } catch (error) {
    throw fileError(context.location, error);
  } finally {
    await folder?.close();
  }
}

export async function headOf(path: string, handle: FileHandle): Promise<ObjectHead> {
  const { size, mtime } = await handle.stat();
  return { path, sizeBytes: size, modifiedAt: mtime };
}

export async function head(
  context: FileContext,
  path: string,
  versionId?: string,
): Promise<ObjectHead | undefined> {
  if (versionId !== undefined) return undefined;
  const found = await inFolder(context, path, (folder, name) => folder.look(name));
  return found && { path, sizeBytes: found.size, modifiedAt: found.mtime };
}

export async function get(
  context: FileContext,
  path: string,
  options: GetOptions,
): ReturnType<StoreDriver["get"]> {
  options.signal?.throwIfAborted();
  if (options.versionId !== undefined) return undefined;
  const { small } = context;
  const alone = () => getAlone(context, path, options);
  if (small === undefined) return alone();
  const { start = 0, end } = options.range ?? {};
  const together = async (): ReturnType<StoreDriver["get"]> => {
    const found = start < 0 ? undefined : await small.get({ path, start, end });
    return found === undefined ? alone() : { head: found.head, body: once(found.bytes) };
  };
  return small.either("get", { alone, together });
}

async function getAlone(
  context: FileContext,
  path: string,
  options: GetOptions,
): ReturnType<StoreDriver["get"]> {
  const handle = await openFile(context, path);
  if (handle === undefined) return undefined;
  try {
    const found = await guarded(context.location, () => headOf(path, handle));
    const start = options.range?.start ?? 0;
    const end = Math.min(options.range?.end ?? found.sizeBytes, found.sizeBytes);
    if (start < 0 || start > found.sizeBytes || (options.range && options.range.end < start)) {
      throw new ServiceError(
        "RANGE_NOT_SATISFIABLE",
        `No bytes at ${start}: the object has ${found.sizeBytes}.`,
      );
    }
    // A short read is done at once; a long one opens the file again when it is iterated, so that an unused body holds no handle.
    if (end - start > chunkBytes)
      return { head: found, body: stream(context, found, { ...options, start, end }) };
    const bytes = await guarded(context.location, () => readFully(handle, start, end));
    return { head: found, body: once(bytes) };
  } finally {
    await handle.close();
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.length > 0) yield bytes;
}

async function* stream(
  context: FileContext,
  found: ObjectHead,
  range: { start: number; end: number; signal?: AbortSignal | undefined },
): AsyncGenerator<Uint8Array> {
  const handle = await openFile(context, found.path);
  if (handle === undefined) throw new ServiceError("OBJECT_MISSING", `${found.path} is gone.`);
  try {
    for (let at = range.start; at < range.end; at += chunkBytes) {
      range.signal?.throwIfAborted();
      const until = Math.min(at + chunkBytes, range.end);
      const bytes = await guarded(context.location, () => readFully(handle, at, until));
      if (bytes.length > 0) yield bytes;
      if (bytes.length < until - at) return;
    }
  } finally {
    await handle.close();
  }
}

/** The bytes of `[start, end)`, fewer where the file ends before. */
async function readFully(handle: FileHandle, start: number, end: number): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafeSlow(end - start);
  let filled = 0;
  while (filled < bytes.length) {
    const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, start + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}
