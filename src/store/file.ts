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
import type { CopyOptions, ListOptions, ObjectHead, PutOptions, StoreDriver } from "./contract.ts";
import { fillFrom } from "./file-copy.ts";
import { remove } from "./file-delete.ts";
import { errnoOf, fileError } from "./file-error.ts";
import { listFolder } from "./file-list.ts";
import { move } from "./file-move.ts";
import { type FileContext, get, head, headOf, openFile } from "./file-read.ts";
import { resumableFiles } from "./file-resumable.ts";
import { rootOpener } from "./file-root.ts";
import { FileSink, type Flushing } from "./file-sink.ts";
import { defaultWalkMode, type Folder, type WalkMode } from "./folder.ts";
import { checkPath } from "./path.ts";
import { digestMismatch, sizeMismatch } from "./upload-mismatch.ts";

/** Told the name of each step of a put as it is reached; it may throw, or end the process (crash tests). */
type StoreFaults = (point: string) => void | Promise<void>;

export interface FileDriverOptions {
  readonly walk?: WalkMode;
  readonly faults?: StoreFaults;
}

interface Context extends FileContext {
  readonly faults: StoreFaults;
  readonly flushing: Flushing;
  readonly unsynced: Set<string>;
}

/** The driver of a file store. `location` is absolute; it is first touched by the first call. */
export function createFileDriver(location: string, options: FileDriverOptions = {}): StoreDriver {
  const context: Context = {
    location,
    faults: options.faults ?? (() => undefined),
    flushing: { isBusy: false },
    unsynced: new Set(),
    root: rootOpener(location, options.walk ?? defaultWalkMode),
  };
  return {
    protocol: "file",
    head: async (path, signal, versionId) => {
      signal?.throwIfAborted();
      return head(context, checkPath(path), versionId);
    },
    get: async (path, getOptions) => get(context, checkPath(path), getOptions ?? {}),
    put: async (path, body, putOptions) => put(context, { path: checkPath(path), body, ...putOptions }),
    copy: async (from, to, copyOptions) =>
      copy(context, { from: checkPath(from), to: checkPath(to), ...copyOptions }),
    move: async (from, to, moveOptions) =>
      move(context, { from: checkPath(from), to: checkPath(to), ...moveOptions }),
    list: (prefix, listOptions) => list(context, prefix, listOptions ?? {}),
    delete: async (path, deleteOptions) => remove(context, checkPath(path), deleteOptions ?? {}),
    resumable: resumableFiles(context),
    probe: async (signal) => {
      signal?.throwIfAborted();
      await (await context.root()).close();
    },
  };
}

interface Put extends PutOptions {
  readonly path: string;
  readonly body: AsyncIterable<Uint8Array>;
}

async function put(context: Context, request: Put): Promise<ObjectHead> {
  request.signal?.throwIfAborted();
  const { path, signal } = request;
  return create(context, { path, signal, fill: ({ handle }) => writeBody(context, handle, request) });
}

interface Copy extends CopyOptions {
  readonly from: string;
  readonly to: string;
}

/** By the file system's own copy, which shares the bytes where it can. */
async function copy(context: Context, { from, to, versionId, signal }: Copy): Promise<ObjectHead> {
  signal?.throwIfAborted();
  const source = versionId === undefined ? await openFile(context, from) : undefined;
  if (source === undefined) throw absent(from);
  try {
    return await create(context, { path: to, signal, fill: (target) => fillFrom(source, target, signal) });
  } finally {
    await source.close();
  }
}

function absent(path: string): ServiceError {
  return new ServiceError("OBJECT_MISSING", `There is nothing to copy at ${path}.`, {
    details: { field: "from", value: path, remedy: "Name an object that is there." },
  });
}

/** A file that is being made. */
interface Unfinished {
  readonly handle: FileHandle;
}

type Fill = (file: Unfinished) => Promise<void>;

interface Creation {
  readonly path: string;
  readonly fill: Fill;
  readonly signal: AbortSignal | undefined;
}

/** Makes the file at `path` of what `fill` writes: all of it, or nothing. */
async function create(context: Context, request: Creation): Promise<ObjectHead> {
  const { path, fill, signal } = request;
  const segments = path.split("/");
  const name = segments.pop() ?? "";
  let folder = await context.root();
  try {
    for (const segment of segments) {
      const next = await folder.make(segment);
      await folder.close();
      folder = next;
    }
    return await createIn(context, folder, { path, name, fill });
  } catch (error) {
    signal?.throwIfAborted();
    // What the body threw is the caller's own; only what the file system threw is translated.
    throw error instanceof BodyError ? error.cause : fileError(context.location, error);
  } finally {
    await folder.close();
  }
}

/** Marks what the caller's body threw. */
class BodyError extends Error {}

async function createIn(
  context: Context,
  folder: Folder,
  request: { readonly path: string; readonly name: string; readonly fill: Fill },
): Promise<ObjectHead> {
  const partial = folder.entry(`.holdfast-${token()}.part`);
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);
  const handle = await open(partial, flags, 0o644);
  let written: ObjectHead;
  try {
    await context.faults("fs.opened");
    try {
      await request.fill({ handle });
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
  const sink = new FileSink(handle, context.flushing);
  let written = 0;
  const hash = request.sha256 === undefined ? undefined : createHash("sha256");
  try {
    for await (const chunk of marked(request.body)) {
      request.signal?.throwIfAborted();
      written += chunk.length;
      hash?.update(chunk);
      if (written > (request.sizeBytes ?? Number.POSITIVE_INFINITY))
        throw sizeMismatch(request, written, false);
      await context.faults("fs.ENOSPC");
      await context.faults("fs.EIO");
      await sink.write(chunk);
    }
    await sink.end();
  } finally {
    await sink.settle();
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

function token(): string {
  const alphabet = "0123456789abcdefghijklmnopqrstuvwxyz";
  return Array.from({ length: 24 }, () => alphabet[randomInt(alphabet.length)]).join("");
}

async function* list(context: Context, prefix: string, options: ListOptions): AsyncGenerator<ObjectHead> {
  const root = await context.root();
  try {
    yield* listFolder({ folder: root, path: "" }, { prefix, ...options });
  } catch (error) {
    options.signal?.throwIfAborted();
    throw fileError(context.location, error);
  } finally {
    await root.close();
  }
}
