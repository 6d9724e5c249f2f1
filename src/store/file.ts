/**
 * The file store: objects are files under one folder, laid out as DataJoint lays them.
 *
 * A put writes a temporary file beside its target, fsyncs it, links it into place (which fails when the name is taken) and fsyncs the
 * folder: under a key there are all of the bytes or none. Links in the store are never followed.
 */

import { createHash, randomInt } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, link, open, unlink } from "node:fs/promises";
import { ServiceError } from "../errors.ts";
import type { GetOptions, ListOptions, ObjectHead, PutOptions, StoreDriver } from "./contract.ts";
import { remove } from "./file-delete.ts";
import { errnoOf, fileError, guarded } from "./file-error.ts";
import { listFolder } from "./file-list.ts";
import { resumableFiles } from "./file-resumable.ts";
import { defaultWalkMode, Folder, type WalkMode } from "./folder.ts";
import { checkPath } from "./path.ts";
import { digestMismatch, sizeMismatch } from "./upload-mismatch.ts";

/** Told the name of each step of a put as it is reached; it may throw, or end the process (crash tests). */
type StoreFaults = (point: string) => void | Promise<void>;

export interface FileDriverOptions {
  readonly walk?: WalkMode;
  readonly faults?: StoreFaults;
}

const chunkBytes = 256 * 1024;

interface Context {
  readonly location: string;
  readonly faults: StoreFaults;
  /** Opens the location. @throws {STORE_UNAVAILABLE} when it is missing or not the folder it was. */
  root(): Promise<Folder>;
}

/** The driver of a file store. `location` is absolute; it is first touched by the first call. */
export function createFileDriver(location: string, options: FileDriverOptions = {}): StoreDriver {
  const context: Context = {
    location,
    faults: options.faults ?? (() => undefined),
    root: rootOpener(location, options.walk ?? defaultWalkMode),
  };
  return {
    protocol: "file",
    head: async (path) => head(context, checkPath(path)),
    get: async (path, getOptions) => get(context, checkPath(path), getOptions ?? {}),
    put: async (path, body, putOptions) => put(context, { path: checkPath(path), body, ...putOptions }),
    list: (prefix, listOptions) => list(context, prefix, listOptions ?? {}),
    delete: async (path, deleteOptions) => remove(context, checkPath(path), deleteOptions ?? {}),
    resumable: resumableFiles(context),
    probe: async () => (await context.root()).close(),
  };
}

function rootOpener(location: string, walk: WalkMode): () => Promise<Folder> {
  let first: string | undefined;
  return async () => {
    const root = await Folder.root(location, walk).catch((error: unknown) => {
      if (!["ENOENT", "ENOTDIR"].includes(errnoOf(error) ?? "")) throw fileError(location, error);
      throw unavailable(location, "is missing", error);
    });
    const identity = await root.identity();
    first ??= identity;
    if (identity === first) return root;
    await root.close();
    throw unavailable(location, "is another folder than it was when first used");
  };
}

function unavailable(location: string, what: string, cause?: unknown): ServiceError {
  return new ServiceError("STORE_UNAVAILABLE", `The location ${location} of a file store ${what}.`, {
    details: {
      remedy: "Mount the volume or restore the folder; if the change is meant, restart the service.",
      value: location,
    },
    cause,
  });
}

/** Opens the file at `path`; `undefined` when it, or a folder above it, is absent. */
async function openFile(context: Context, path: string): Promise<FileHandle | undefined> {
  const segments = path.split("/");
  const name = segments.pop() ?? "";
  let folder = await context.root();
  try {
    for (const segment of segments) {
      const next = await folder.child(segment);
      if (next === undefined) return undefined;
      await folder.close();
      folder = next;
    }
    return await folder.file(name);
  } catch (error) {
    throw fileError(context.location, error);
  } finally {
    await folder.close();
  }
}

async function headOf(path: string, handle: FileHandle): Promise<ObjectHead> {
  const { size, mtime } = await handle.stat();
  return { path, sizeBytes: size, modifiedAt: mtime };
}

async function head(context: Context, path: string): Promise<ObjectHead | undefined> {
  const handle = await openFile(context, path);
  if (handle === undefined) return undefined;
  try {
    return await guarded(context.location, () => headOf(path, handle));
  } finally {
    await handle.close();
  }
}

async function get(context: Context, path: string, options: GetOptions): ReturnType<StoreDriver["get"]> {
  options.signal?.throwIfAborted();
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
  context: Context,
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

interface Put extends PutOptions {
  readonly path: string;
  readonly body: AsyncIterable<Uint8Array>;
}

async function put(context: Context, request: Put): Promise<ObjectHead> {
  request.signal?.throwIfAborted();
  const segments = request.path.split("/");
  const name = segments.pop() ?? "";
  let folder = await context.root();
  try {
    for (const segment of segments) {
      const next = await folder.make(segment);
      await folder.close();
      folder = next;
    }
    return await putInto(context, folder, { ...request, name });
  } catch (error) {
    // What the body threw is the caller's own; only what the file system threw is translated.
    throw error instanceof BodyError ? error.cause : fileError(context.location, error);
  } finally {
    await folder.close();
  }
}

/** Marks what the caller's body threw. */
class BodyError extends Error {}

async function putInto(
  context: Context,
  folder: Folder,
  request: Put & { name: string },
): Promise<ObjectHead> {
  const partial = folder.entry(`.holdfast-${token()}.part`);
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);
  const handle = await open(partial, flags, 0o644);
  let written: ObjectHead;
  try {
    await context.faults("fs.opened");
    try {
      await writeBody(context, handle, request);
      await context.faults("fs.written");
      await context.faults("fs.fsync");
      await handle.sync();
      await context.faults("fs.synced");
      written = await headOf(request.path, handle);
    } finally {
      await handle.close();
    }
    await folder.confirm();
    await publish(context, folder, { partial, name: request.name, path: request.path });
  } finally {
    await unlink(partial).catch(() => undefined);
  }
  await context.faults("fs.unlinked");
  await folder.sync();
  return written;
}

interface Publication {
  readonly partial: string;
  readonly name: string;
  readonly path: string;
}

async function publish(context: Context, folder: Folder, file: Publication): Promise<void> {
  await context.faults("fs.EXDEV");
  try {
    await link(file.partial, folder.entry(file.name));
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") throw error;
    // Whoever made the name may have ended before it was durable; callers build on its being there.
    await folder.sync();
    throw new ServiceError("STORE_CONFLICT", `The store already has bytes at ${file.path}.`, {
      details: { field: "path", value: file.path, remedy: "Write under another path." },
    });
  }
  await context.faults("fs.linked");
}

async function writeBody(context: Context, handle: FileHandle, request: Put): Promise<void> {
  let written = 0;
  const hash = request.sha256 === undefined ? undefined : createHash("sha256");
  for await (const chunk of marked(request.body)) {
    request.signal?.throwIfAborted();
    written += chunk.length;
    hash?.update(chunk);
    if (written > (request.sizeBytes ?? Number.POSITIVE_INFINITY))
      throw sizeMismatch(request, written, false);
    await context.faults("fs.ENOSPC");
    await context.faults("fs.EIO");
    await writeFully(handle, chunk);
  }
  request.signal?.throwIfAborted();
  if (request.sizeBytes !== undefined && written !== request.sizeBytes)
    throw sizeMismatch(request, written, true);
  const found = hash?.digest("hex");
  if (found !== request.sha256) throw digestMismatch(request, found);
}

async function* marked(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (cause) {
    throw new BodyError("The body failed.", { cause });
  }
}

async function writeFully(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  let done = 0;
  while (done < chunk.length) {
    const { bytesWritten } = await handle.write(chunk, done, chunk.length - done);
    done += bytesWritten;
  }
}

function token(): string {
  const alphabet = "0123456789abcdefghijklmnopqrstuvwxyz";
  return Array.from({ length: 24 }, () => alphabet[randomInt(alphabet.length)]).join("");
}

async function* list(context: Context, prefix: string, options: ListOptions): AsyncGenerator<ObjectHead> {
  const root = await context.root();
  try {
    yield* listFolder({ folder: root, path: "" }, { prefix, ...options });
  } catch (error) {
    throw fileError(context.location, error);
  } finally {
    await root.close();
  }
}
