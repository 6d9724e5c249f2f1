/** Bytes and folders in memory, read as if they lay in a store: for values in the row and for tests. */

import { ServiceError } from "../errors.ts";
import type { ByteReader, JsonObject, StoredValue, TreeReader } from "./contract.ts";

/** Reads a piece of memory. */
export function readerOf(bytes: Uint8Array): ByteReader {
  const readSync = (start: number, end: number): Uint8Array => {
    if (start < 0 || end < start || end > bytes.length) {
      throw new ServiceError("OBJECT_CORRUPT", `Bytes ${start} to ${end} were asked of ${bytes.length}.`);
    }
    return bytes.subarray(start, end);
  };
  return {
    sizeBytes: bytes.length,
    async read(start, end, signal) {
      signal?.throwIfAborted();
      return readSync(start, end);
    },
    readSync,
    async *stream(start = 0, end = bytes.length, signal) {
      for (let at = start; at < end; at += 65_536) {
        signal?.throwIfAborted();
        yield bytes.subarray(at, Math.min(end, at + 65_536));
      }
    },
  };
}

/** A folder in memory; paths are relative, with `/`. */
function treeOf(files: Readonly<Record<string, Uint8Array>>): TreeReader {
  const paths = Object.keys(files).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return {
    async *entries({ prefix = "", after, signal } = {}) {
      for (const path of paths) {
        signal?.throwIfAborted();
        const late = after === undefined || Buffer.compare(Buffer.from(path), Buffer.from(after)) > 0;
        if (path.startsWith(prefix) && late) yield { path, sizeBytes: files[path]?.length ?? 0 };
      }
    },
    async file(path) {
      const bytes = Object.hasOwn(files, path) ? files[path] : undefined;
      return bytes === undefined ? undefined : readerOf(bytes);
    },
  };
}

/** A stored value in memory: bytes, or a folder's files. */
export function storedValueOf(
  content: Uint8Array | Readonly<Record<string, Uint8Array>>,
  meta?: JsonObject,
): StoredValue {
  return {
    meta,
    async bytes() {
      if (content instanceof Uint8Array) return readerOf(content);
      throw new ServiceError("CODEC_CORRUPT", "The value is a folder, not a file.");
    },
    async tree() {
      if (!(content instanceof Uint8Array)) return treeOf(content);
      throw new ServiceError("CODEC_CORRUPT", "The value is a file, not a folder.");
    },
  };
}
