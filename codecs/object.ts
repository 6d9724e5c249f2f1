/**
 * Files and folders of any format, in a store, under a path that names table, key and field. A folder keeps its inner paths, so that Zarr,
 * HDF5, movies and the like are read in place.
 *
 * @source DataJoint 2.3 `<object@store>`
 */

import {
  type DecodeContext,
  defineCodec,
  type Json,
  type StoredValue,
  type TreeEntry,
  type TreeReader,
} from "../src/codec/contract.ts";
import { ServiceError } from "../src/errors.ts";
import { answerLimit } from "../src/format/answer-limit.ts";
import type { NdArray } from "../src/format/array.ts";
import { slicesOf, sliceTypeDefs } from "../src/format/array-input.ts";
import { dtypeName } from "../src/format/dtype.ts";
import { elementsToJson } from "../src/format/elements.ts";
import { invalid } from "../src/format/fault.ts";
import { pathFault, suffixOf } from "../src/format/file-name.ts";
import { jsonFlag, jsonInt4, jsonInt8 } from "../src/format/json-column.ts";
import { openNpy, readNpySlice } from "../src/format/npy-reader.ts";
import { objectRow } from "../src/format/object-row.ts";
import { openZarrNode } from "../src/format/zarr-folder.ts";
import { readZarrSlice } from "../src/format/zarr-read.ts";
import { zarrUnfolded } from "../src/format/zarr-size.ts";

/** Entries that one answer may list. */
const maxEntries = 1000;

export default defineCodec({
  name: "object",
  version: 1,
  summary: "Files and folders of any format, in a store, under readable paths.",
  chain: { store: "json" },
  addressing: "schema",
  acceptsTree: true,
  output: "Tree",
  input: "TreeInput",
  typeDefs: `
${sliceTypeDefs}

"A value for a field of type Tree: an upload of a file or of a folder."
input TreeInput @oneOf { upload: ID }

"One file of a folder."
type TreeEntry {
  "Path within the folder, with /."
  path: String!
  sizeBytes: BigInt!
}

"An array inside a folder."
type TreeArray {
  dtype: String!
  shape: [Int!]!
  "Elements, nested by axis."
  data: JSON
}
`,
  fields: {
    sizeBytes: {
      type: "BigInt",
      description: "Size in bytes; of a folder, of all its files.",
      sql: { store: (column) => jsonInt8(column, "size") },
      filter: "BigInt",
      read: readSize,
    },
    itemCount: {
      type: "Int",
      description: "Files in the folder; null for a single file.",
      sql: { store: (column) => jsonInt4(column, "item_count") },
      filter: "Int",
    },
    isDirectory: {
      type: "Boolean",
      description: "True for a folder.",
      sql: { store: (column) => jsonFlag(column, "is_dir") },
      filter: "Boolean",
    },
    entries: {
      type: "[TreeEntry!]",
      description:
        "Files of the folder in byte order of their paths, after a path and below a prefix; null for a single file.",
      args: 'prefix: String = "", first: Int = 100, after: String',
      read: (value, args, context) => readEntries(value, args, context.signal),
    },
    file: {
      type: "TreeEntry",
      description:
        "One file of the folder; null where there is none. Its bytes are at the folder's url, a slash, and its path.",
      args: "path: String!",
      read: async (value, args, context) => {
        const path = checkedPath(args["path"]);
        if (!isTree(value)) return null;
        const reader = await (await value.tree()).file(path, context.signal);
        return reader === undefined ? null : { path, sizeBytes: String(reader.sizeBytes) };
      },
    },
    array: {
      type: "TreeArray",
      description:
        "An array in a .npy file of the folder, or in a Zarr array of it (an empty path is the folder itself); of a slice, only its bytes or chunks are read. Null where there is none.",
      args: "path: String!, slice: [SliceInput!]",
      read: readArray,
    },
  },
  unfoldedBytes: async (value, { field, args, signal }) => {
    // Nothing but an array is unfolded: what is told otherwise costs the same however large the value is.
    if (field !== "array" || !isTree(value)) return 0;
    const path = args["path"] === "" ? "" : checkedPath(args["path"]);
    const tree = await value.tree();
    if (!path.endsWith(".npy")) return zarrUnfolded(tree, path, signal);
    return (await tree.file(path, signal))?.sizeBytes ?? 0;
  },
  encode() {
    throw invalid("An object is given as an upload.", {
      remedy: "Call createUpload and send its id as upload.",
    });
  },
  upload: {
    begin({ filename }) {
      const ext = suffixOf(filename);
      return ext === "" ? {} : { ext };
    },
    async inspect() {
      return {};
    },
  },
  metadata: objectRow,
  exchange: { file: true },
  async decode(value, context): Promise<Uint8Array | readonly TreeEntry[]> {
    if (isTree(value)) {
      const entries: TreeEntry[] = [];
      for await (const entry of (await value.tree()).entries(signalOf(context))) entries.push(entry);
      return entries;
    }
    const reader = await value.bytes();
    return reader.read(0, reader.sizeBytes, context.signal);
  },
});

function isTree(value: StoredValue): boolean {
  return value.meta?.["is_dir"] === true;
}

function signalOf(context: { readonly signal?: AbortSignal | undefined }): { signal?: AbortSignal } {
  return context.signal === undefined ? {} : { signal: context.signal };
}

async function readSize(value: StoredValue): Promise<string> {
  if (!isTree(value)) return String((await value.bytes()).sizeBytes);
  let sum = 0n;
  for await (const entry of (await value.tree()).entries()) sum += BigInt(entry.sizeBytes);
  return String(sum);
}

async function readEntries(
  value: StoredValue,
  args: Readonly<Record<string, unknown>>,
  signal: AbortSignal | undefined,
): Promise<Json> {
  const { prefix, first, after } = args;
  const wanted = typeof first === "number" ? first : 100;
  if (wanted < 0 || wanted > maxEntries) {
    throw new ServiceError(
      "LIMIT_EXCEEDED",
      `first is ${wanted}; from 0 to ${maxEntries} entries are listed at once.`,
      {
        details: { field: "first", value: wanted, limit: maxEntries },
      },
    );
  }
  if (!isTree(value)) return null;
  const found: Json[] = [];
  if (wanted === 0) return found;
  const options = {
    ...(typeof prefix === "string" ? { prefix } : {}),
    ...(typeof after === "string" ? { after } : {}),
    ...signalOf({ signal }),
  };
  for await (const { path, sizeBytes } of (await value.tree()).entries(options)) {
    found.push({ path, sizeBytes: String(sizeBytes) });
    if (found.length === wanted) break;
  }
  return found;
}

async function readArray(
  value: StoredValue,
  args: Readonly<Record<string, unknown>>,
  context: DecodeContext,
): Promise<Json> {
  const path = args["path"] === "" ? "" : checkedPath(args["path"]);
  if (!isTree(value)) return null;
  const tree = await value.tree();
  const options = { slices: slicesOf(args), admit: answerLimit(context), signal: context.signal };
  const found = path.endsWith(".npy") ? await npyAt(tree, path, options) : await zarrAt(tree, path, options);
  if (found === undefined) return null;
  return { dtype: dtypeName(found.dtype), shape: found.shape, data: elementsToJson(found) };
}

type ArrayOptions = Parameters<typeof readNpySlice>[2];

async function npyAt(tree: TreeReader, path: string, options: ArrayOptions): Promise<NdArray | undefined> {
  const reader = await tree.file(path, options.signal);
  if (reader === undefined) return undefined;
  return readNpySlice(reader, await openNpy(reader, options.signal), options);
}

async function zarrAt(tree: TreeReader, path: string, options: ArrayOptions): Promise<NdArray | undefined> {
  const node = await openZarrNode(tree, path, options.signal);
  if (node?.kind === "array") return readZarrSlice(tree, node.array, options);
  const isFile = node === undefined && path !== "" && (await tree.file(path, options.signal)) !== undefined;
  if (node === undefined && !isFile) return undefined;
  throw badPath(
    path,
    isFile ? "only .npy files and Zarr arrays are read as arrays here" : "it is a Zarr group",
    isFile ? "Fetch the url: h5py reads it in place." : "Give the path of one of its arrays.",
  );
}

function checkedPath(path: unknown): string {
  const fault = typeof path === "string" ? pathFault(path) : "it is not text";
  if (typeof path !== "string" || fault !== undefined) {
    throw badPath(path, fault ?? "", "Give a path as entries lists it.");
  }
  return path;
}

function badPath(path: unknown, fault: string, remedy: string): ServiceError {
  return new ServiceError("BAD_USER_INPUT", `The path ${JSON.stringify(path)}: ${fault}. ${remedy}`, {
    details: { field: "path", value: path, remedy },
  });
}
