/** A value that is asked twice, first how large it is, then for what it holds: what the first look has read is not read again. */

import type { ByteReader, StoredValue, TreeReader } from "./contract.ts";

/** Files of a folder that are remembered. */
const maxFiles = 16;
/** Larger bytes are not kept. */
const maxKeptBytes = 2 ** 20;
/** A second request costs more than so many bytes more. */
const maxWholeBytes = 64 * 1024;

/** The same value; its bytes and the first small files of its folder are opened and read once, whoever asks. `keep`: what of its bytes is kept. */
export function openedOnce(
  value: StoredValue,
  keep: (reader: ByteReader) => ByteReader = readOnce,
): StoredValue {
  let opened: Promise<ByteReader> | undefined;
  let folder: Promise<TreeReader> | undefined;
  return {
    ...value,
    bytes: (first) => {
      opened ??= value.bytes(first).then(keep);
      return opened;
    },
    tree: () => {
      folder ??= value.tree().then(remembering);
      return folder;
    },
  };
}

function remembering(tree: TreeReader): TreeReader {
  const files = new Map<string, Promise<ByteReader | undefined>>();
  return {
    entries: (options) => tree.entries(options),
    file(path, signal) {
      const known = files.get(path);
      if (known !== undefined) return known;
      const found = tree.file(path, signal).then((reader) => reader && readOnce(reader));
      if (files.size < maxFiles) files.set(path, found);
      return found;
    },
  };
}

/** What is small and read as a whole stays; parts of it are read as they were. */
function readOnce(reader: ByteReader): ByteReader {
  if (reader.sizeBytes > maxKeptBytes) return reader;
  let whole: Promise<Uint8Array> | undefined;
  const { sizeBytes } = reader;
  return {
    ...reader,
    sizeBytes,
    read(start, end, signal) {
      if (start !== 0 || end !== sizeBytes) return reader.read(start, end, signal);
      whole ??= reader.read(start, end, signal);
      return whole;
    },
    stream: (start, end, signal) => reader.stream(start, end, signal),
  };
}

/** What is that small is read whole, whatever part of it is asked first. */
export function readWhole(reader: ByteReader): ByteReader {
  const { sizeBytes } = reader;
  if (sizeBytes > maxWholeBytes || reader.readSync !== undefined) return readOnce(reader);
  let whole: Promise<Uint8Array> | undefined;
  const part = async (start: number, end: number, signal?: AbortSignal): Promise<Uint8Array> => {
    // Elsewhere it is refused by its own words.
    if (start < 0 || end < start || end > sizeBytes) return reader.read(start, end, signal);
    whole ??= reader.read(0, sizeBytes, signal);
    const bytes = await whole;
    signal?.throwIfAborted();
    return bytes.subarray(start, end);
  };
  return {
    sizeBytes,
    read: part,
    async *stream(start = 0, end = sizeBytes, signal) {
      yield await part(start, end, signal);
    },
  };
}
