/**
 * The file store: objects are files under one folder, laid out as DataJoint lays them.
 *
 * A put writes a temporary file beside its target, fsyncs it, links it into place (which fails when the name is taken) and fsyncs the
 * folder: under a key there are all of the bytes or none. Links in the store are never followed.
 */

import { createHash, hash } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, link, open, unlink } from "node:fs/promises";
import { ServiceError } from "../errors.ts";
import { beginOf } from "./body-begin.ts";
import type { CopyOptions, ListOptions, ObjectHead, PutOptions, StoreDriver } from "./contract.ts";
import { fillFrom } from "./file-copy.ts";
import { remove } from "./file-delete.ts";
import { errnoOf, fileError } from "./file-error.ts";
import { listFolder } from "./file-list.ts";
import { move } from "./file-move.ts";
import { partialName, taken } from "./file-partial.ts";
import { settlePassed, syncPassed } from "./file-passed.ts";
import { type FileContext, get, head, headOf, openFile } from "./file-read.ts";
import { resumableFiles } from "./file-resumable.ts";
import { rootOpener } from "./file-root.ts";
import { FileSink, type Flushing } from "./file-sink.ts";
import { defaultWalkMode, type Folder, type WalkMode } from "./folder.ts";
import { checkPath } from "./path.ts";
import { SmallFiles } from "./small-files.ts";
import { smallBytes } from "./small-get.ts";
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
  /** Folders whose names are not known to be durable. */
  readonly unsynced: Set<string>;
}

/** The driver of a file store. `location` is absolute; it is first touched by the first call. */
export function createFileDriver(location: string, options: FileDriverOptions = {}): StoreDriver {
  const walk = options.walk ?? defaultWalkMode;
  const shared = { location, unsynced: new Set<string>(), root: rootOpener(location, walk) };
  const context: Context = {
    ...shared,
    faults: options.faults ?? (() => undefined),
    flushing: { isBusy: false },
    small: walk === "handle" ? new SmallFiles({ ...shared, faults: options.faults }) : undefined,
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
  const { small } = context;
  const alone = () => putAlone(context, request);
  if (small === undefined || (request.sizeBytes ?? 0) > smallBytes) return alone();
  return small.either("put", { alone, together: () => putTogether(context, small, request) });
}

async function putAlone(context: Context, request: Put): Promise<ObjectHead> {
  const { path, signal } = request;
  let written = 0;
  const fill: Fill = async ({ handle }) => {
    written = await writeBody(context, handle, request);
  };
  return compared(await create(context, { path, signal, fill }), request, written);
}

/** The digest is told where it was compared with the bytes, and the file has as many of them. */
function compared(head: ObjectHead, { sha256 }: Put, writtenBytes: number): ObjectHead {
  return sha256 === undefined || head.sizeBytes !== writtenBytes ? head : { ...head, sha256 };
}

/** With others, if it proves to be small. */
async function putTogether(context: Context, small: SmallFiles, request: Put): Promise<ObjectHead> {
  const begun = await beginOf(request.body, smallBytes).catch((error: unknown) => {
    request.signal?.throwIfAborted();
    throw error;
  });
  if ("rest" in begun) return putAlone(context, { ...request, body: begun.rest });
  const { bytes } = begun;
  const { sizeBytes, sha256, signal, path } = request;
  signal?.throwIfAborted();
  if (sizeBytes !== undefined && bytes.length !== sizeBytes)
    throw sizeMismatch(request, bytes.length, bytes.length < sizeBytes);
  const found = sha256 === undefined ? undefined : hash("sha256", bytes, "hex");
  if (found !== sha256) throw digestMismatch(request, found);
  const head = await small.put({ path, bytes });
  await syncPassed(context, path);
  return compared(head, request, bytes.length);
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
    const made = await createIn(context, folder, { path, name, fill });
    await settlePassed(context, path);
    return made;
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
  const partial = folder.entry(partialName());
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
    throw taken(file.path);
  }
  await context.faults("fs.linked");
}

/** Answers the number of bytes. */
async function writeBody(context: Context, handle: FileHandle, request: Put): Promise<number> {
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
  return written;
}

async function* marked(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (cause) {
    throw new BodyError("The body failed.", { cause });
  }
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
