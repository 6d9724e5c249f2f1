/** The read side: objects as random access, always by the stored path. */

import type {
  ByteReader,
  JsonObject,
  ReferenceHead,
  StoredValue,
  TreeEntry,
  TreeReader,
} from "../codec/contract.ts";
import { isServiceError, ServiceError } from "../errors.ts";
import type { Store, Stores } from "../store/contract.ts";
import { checkPath } from "../store/path.ts";
import type { ObjectReaderFactory } from "./contract.ts";
import { digestOf } from "./digest.ts";
import { locatorOf } from "./locator.ts";

/** A store that is read from. */
interface ReadStore extends Store {
  readonly onMissing?: OnMissing | undefined;
}

/** Told the locator of an object that was to be read and whose store does not have it; the read has failed all the same. */
export type OnMissing = (locator: string) => void;

/** The read side over `stores`. */
export function createReader(stores: Stores, onMissing?: OnMissing): ObjectReaderFactory {
  // A peer may write no name, or an empty one, for the default store.
  const storeOf = (name: string): ReadStore => {
    const store = stores.get(name === "" ? (stores.defaultName ?? name) : name);
    return onMissing === undefined ? store : { ...store, onMissing };
  };
  const file: ObjectReaderFactory["file"] = (store, path, expected) =>
    openFile(storeOf(store), path, expected);
  const tree: ObjectReaderFactory["tree"] = (store, path) =>
    createTreeReader(storeOf(store), checkPath(path));
  return {
    file,
    tree,
    open: (meta): StoredValue => ({
      meta: metaOf(meta),
      bytes: (first) =>
        meta.sizeBytes === undefined && first !== undefined && first > 0
          ? openByReading(storeOf(meta.store), checkPath(meta.path), first)
          : file(
              meta.store,
              meta.path,
              meta.sizeBytes === undefined ? {} : { sizeBytes: meta.sizeBytes, isRead: true },
            ),
      tree: async () => tree(meta.store, meta.path),
      head: () => look(storeOf(meta.store), checkPath(meta.path)),
    }),
  };
}

/** Stores know no folders, only paths that begin with one. */
async function look(store: ReadStore, path: string): Promise<ReferenceHead | undefined> {
  const file = await store.driver.head(path);
  if (file !== undefined)
    return { isDirectory: false, sizeBytes: file.sizeBytes, modifiedAt: file.modifiedAt };
  for await (const inside of store.driver.list(`${path}/`)) {
    return { isDirectory: true, modifiedAt: inside.modifiedAt };
  }
  return undefined;
}

/** As the row's JSON has it: whoever is given the value finds what it would find there. */
function metaOf({ store, path, isTree, sizeBytes }: Parameters<ObjectReaderFactory["open"]>[0]): JsonObject {
  return {
    store,
    path,
    ...(isTree === undefined ? {} : { is_dir: isTree }),
    ...(sizeBytes === undefined ? {} : { size: sizeBytes }),
  };
}

async function openFile(
  store: ReadStore,
  path: string,
  expected: { readonly sizeBytes?: number; readonly isRead?: boolean } = {},
): Promise<ByteReader> {
  const { sizeBytes, isRead = false } = expected;
  // A read tells the size of the whole object as well. Of no bytes nothing would be read.
  if (isRead && sizeBytes !== undefined && sizeBytes > 0)
    return createByteReader(store, checkPath(path), sizeBytes);
  const head = await store.driver.head(checkPath(path));
  if (head === undefined) throw missing(store, path);
  if (sizeBytes !== undefined) checkSize({ store, path, sizeBytes }, head.sizeBytes);
  return createByteReader(store, path, head.sizeBytes);
}

/** Of an unknown size, which the first read tells. */
async function openByReading(store: ReadStore, path: string, first: number): Promise<ByteReader> {
  let found: Found | undefined;
  try {
    found = await store.driver.get(path, { range: { start: 0, end: first } });
  } catch (error) {
    // Of an empty object some stores have no first byte.
    if (isServiceError(error, "RANGE_NOT_SATISFIABLE")) return openFile(store, path);
    throw error;
  }
  if (found === undefined) throw missing(store, path);
  const { sizeBytes } = found.head;
  const begin = await wholeOf(found.body, Math.min(first, sizeBytes));
  if (begin === undefined) throw corrupt(store, path, "gave other than the bytes that it has");
  return beginningWith(begin, createByteReader(store, path, sizeBytes));
}

/** `undefined`: there were fewer or more. */
async function wholeOf(body: AsyncIterable<Uint8Array>, length: number): Promise<Uint8Array | undefined> {
  const bytes = new Uint8Array(length);
  let filled = 0;
  for await (const chunk of body) {
    if (filled + chunk.length > length) return undefined;
    bytes.set(chunk, filled);
    filled += chunk.length;
  }
  return filled === length ? bytes : undefined;
}

/** The same bytes; of what is known nothing is read again. */
function beginningWith(begin: Uint8Array, reader: ByteReader): ByteReader {
  const isKnown = (start: number, end: number) => start >= 0 && start <= end && end <= begin.length;
  return {
    sizeBytes: reader.sizeBytes,
    async read(start, end, signal) {
      if (!isKnown(start, end)) return reader.read(start, end, signal);
      signal?.throwIfAborted();
      return begin.slice(start, end);
    },
    async *stream(start = 0, end = reader.sizeBytes, signal) {
      if (!isKnown(start, end)) return yield* reader.stream(start, end, signal);
      signal?.throwIfAborted();
      yield begin.slice(start, end);
    },
  };
}

function createByteReader(store: ReadStore, path: string, sizeBytes: number): ByteReader {
  const stream = (start = 0, end = sizeBytes, signal?: AbortSignal): AsyncGenerator<Uint8Array> =>
    streamRange({ store, path, sizeBytes }, { start, end, signal });
  return {
    sizeBytes,
    stream,
    read: async (start, end, signal) => {
      const bytes = new Uint8Array(Math.max(0, end - start));
      let filled = 0;
      for await (const chunk of stream(start, end, signal)) {
        bytes.set(chunk, filled);
        filled += chunk.length;
      }
      return bytes;
    },
  };
}

interface Opened {
  readonly store: ReadStore;
  readonly path: string;
  readonly sizeBytes: number;
}

interface Range {
  readonly start: number;
  readonly end: number;
  readonly signal: AbortSignal | undefined;
}

type Found = NonNullable<Awaited<ReturnType<Store["driver"]["get"]>>>;

async function* streamRange(file: Opened, range: Range): AsyncGenerator<Uint8Array> {
  const { start, end, signal } = range;
  if (start < 0 || end < start || end > file.sizeBytes) {
    throw new ServiceError(
      "RANGE_NOT_SATISFIABLE",
      `Bytes ${start} to ${end} of ${file.path} do not exist.`,
      {
        details: { limit: file.sizeBytes, remedy: `The object has ${file.sizeBytes} bytes.` },
      },
    );
  }
  if (start === end) return;
  const found = await opened(file, { start, end, signal });
  let left = end - start;
  for await (const chunk of found.body) {
    left -= chunk.length;
    if (left < 0) break;
    yield chunk;
  }
  if (left !== 0)
    throw corrupt(file.store, file.path, `gave ${left > 0 ? "fewer" : "more"} bytes than it has`);
}

async function opened(file: Opened, { start, end, signal }: Range): Promise<Found> {
  const { store, path } = file;
  try {
    const found = await store.driver.get(path, { range: { start, end }, signal });
    if (found === undefined) throw missing(store, path);
    checkSize(file, found.head.sizeBytes);
    return found;
  } catch (error) {
    // Within the size that was recorded: then the object is shorter.
    if (isServiceError(error, "RANGE_NOT_SATISFIABLE"))
      checkSize(file, (await store.driver.head(path, signal))?.sizeBytes ?? 0);
    throw error;
  }
}

/** @throws {OBJECT_CORRUPT} when the store has another number of bytes than the object had. */
function checkSize({ store, path, sizeBytes }: Opened, found: number): void {
  if (found !== sizeBytes) throw corrupt(store, path, `has ${found} bytes instead of ${sizeBytes}`);
}

function createTreeReader(store: ReadStore, path: string): TreeReader {
  const root = `${path}/`;
  return {
    entries: (options = {}) => treeEntries(store, root, options),
    file: async (relative, signal) => {
      const inside = root + checkPath(relative);
      const head = await store.driver.head(inside, signal);
      return head === undefined ? undefined : createByteReader(store, inside, head.sizeBytes);
    },
  };
}

async function* treeEntries(
  store: ReadStore,
  root: string,
  options: NonNullable<Parameters<TreeReader["entries"]>[0]>,
): AsyncGenerator<TreeEntry> {
  const list = store.driver.list(root + (options.prefix ?? ""), {
    ...(options.after === undefined ? {} : { after: root + options.after }),
    signal: options.signal,
  });
  let any = false;
  for await (const head of list) {
    any = true;
    yield { path: head.path.slice(root.length), sizeBytes: head.sizeBytes };
  }
  // An empty folder is never written, so a whole listing with nothing in it means that the object is gone.
  if (!any && options.prefix === undefined && options.after === undefined)
    throw missing(store, root.slice(0, -1));
}

/** What the recorded digests of an object are compared with. */
export interface ExpectedDigest {
  /** The peer's `hash`: MD5 in base32. */
  readonly hash?: string | undefined;
  readonly sha256?: string | undefined;
}

/** Reads the whole object and compares its digests, as the peer does on each read. @throws {OBJECT_CORRUPT} naming the digest that differs. */
export async function verifyDigest(
  reader: ByteReader,
  expected: ExpectedDigest,
  signal?: AbortSignal,
): Promise<void> {
  const found = await digestOf(reader.stream(0, reader.sizeBytes, signal), signal);
  for (const name of ["hash", "sha256"] as const) {
    const wanted = expected[name];
    if (wanted === undefined || wanted === found[name]) continue;
    throw new ServiceError(
      "OBJECT_CORRUPT",
      `An object's ${name} is ${found[name]}, but ${wanted} was recorded.`,
      {
        details: {
          field: name,
          value: found[name],
          remedy: "Restore the object from a backup of the store.",
        },
      },
    );
  }
}

function missing(store: ReadStore, path: string): ServiceError {
  store.onMissing?.(locatorOf(store.config.name, path));
  return new ServiceError("OBJECT_MISSING", `The store ${store.config.name} has no object at ${path}.`, {
    details: { store: store.config.name, path, remedy: "Restore the object from a backup of the store." },
  });
}

function corrupt(store: ReadStore, path: string, what: string): ServiceError {
  return new ServiceError("OBJECT_CORRUPT", `The object ${path} in the store ${store.config.name} ${what}.`, {
    details: { store: store.config.name, path, remedy: "Restore the object from a backup of the store." },
  });
}
