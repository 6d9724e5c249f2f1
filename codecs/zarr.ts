/**
 * Zarr folders in a store, versions 2 and 3: arrays in chunks, and groups of arrays. A slice reads only its chunks. By value an array is written as
 * one array of version 3. To DataJoint a value is a folder of the codec `object`.
 *
 * @source https://zarr-specs.readthedocs.io/en/latest/v3/core/index.html; DataJoint 2.3 `<object@store>`
 */

import {
  type DecodeContext,
  defineCodec,
  type JsonObject,
  type StoredValue,
  type TreeReader,
} from "../src/codec/contract.ts";
import { isServiceError, ServiceError } from "../src/errors.ts";
import { answerLimit } from "../src/format/answer-limit.ts";
import type { NdArray } from "../src/format/array.ts";
import { arrayOfInput, arrayTypeDefs, base64Of, slicesOf } from "../src/format/array-input.ts";
import { elementsToJson } from "../src/format/elements.ts";
import { arrayOfExchanged, exchangedOf, isNdArray } from "../src/format/exchanged-array.ts";
import { corrupt, invalid } from "../src/format/fault.ts";
import { pathFault } from "../src/format/file-name.ts";
import { jsonInt4, jsonInt8, jsonList, jsonText } from "../src/format/json-column.ts";
import { objectRow } from "../src/format/object-row.ts";
import { statisticsTypeDefs } from "../src/format/statistics.ts";
import type { ZarrArray } from "../src/format/zarr-array.ts";
import { checkZarr } from "../src/format/zarr-check.ts";
import { openZarrNode, readHierarchy, type ZarrNode } from "../src/format/zarr-folder.ts";
import { plainJson } from "../src/format/zarr-json.ts";
import { readZarrSlice, zarrStatistics } from "../src/format/zarr-read.ts";
import { zarrUnfolded } from "../src/format/zarr-size.ts";
import { writeZarr } from "../src/format/zarr-write.ts";

/** Arrays that a row's JSON lists; folders with more are looked at when they are asked for. */
const listedArrays = 100;

/** Fields that chunks are unfolded for. */
const unfolding: ReadonlySet<string> = new Set(["values", "base64", "statistics"]);

const pathArgument = 'path: String = ""';

export default defineCodec({
  name: "zarr",
  version: 1,
  summary: "Zarr folders in a store, versions 2 and 3; a slice reads only its chunks.",
  chain: { store: "json" },
  addressing: "schema",
  peer: { store: "object" },
  acceptsTree: true,
  output: "Zarr",
  input: "ZarrInput",
  typeDefs: `
${arrayTypeDefs}

${statisticsTypeDefs}

"A value for a field of type Zarr: one array by value or as base64, or an upload of a Zarr folder."
input ZarrInput @oneOf { values: ArrayValuesInput base64: ArrayBase64Input upload: ID }

"An array of a Zarr folder."
type ZarrArray {
  "Path in the folder; empty for the folder itself."
  path: String!
  "Element type as numpy prints it, or Zarr's name of a type that numpy does not have."
  dtype: String!
  "Length of each axis; empty for a single value."
  shape: [Int!]!
  "Elements of a chunk along each axis."
  chunks: [Int!]!
}
`,
  fields: {
    dtype: {
      type: "String",
      description: "Element type of an array, as numpy prints it; null for a group.",
      sql: { store: (column) => jsonText(column, "dtype") },
      filter: "String",
      read: (value, _args, context) => ofRoot(value, context, ({ dtypeName }) => dtypeName),
    },
    shape: {
      type: "[Int!]",
      description: "Length of each axis of an array, empty for a single value; null for a group.",
      sql: { store: (column) => jsonList(column, "shape") },
      filter: "IntList",
      read: (value, _args, context) => ofRoot(value, context, ({ shape }) => shape),
    },
    chunks: {
      type: "[Int!]",
      description: "Elements of a chunk along each axis of an array; null for a group.",
      sql: { store: (column) => jsonList(column, "chunks") },
      read: (value, _args, context) => ofRoot(value, context, ({ chunks }) => chunks),
    },
    zarrFormat: {
      type: "Int",
      description: "Version of the format, 2 or 3.",
      sql: { store: (column) => jsonInt4(column, "zarr_format") },
      filter: "Int",
      read: async (value, _args, context) => {
        const root = await node(await value.tree(), "", context);
        return root.kind === "array" ? root.array.format : root.format;
      },
    },
    arrays: {
      type: "[ZarrArray!]",
      description: "The arrays of the folder, in byte order of their paths.",
      sql: { store: (column) => jsonList(column, "arrays") },
      read: async (value, _args, context) => {
        const found = await readHierarchy(await value.tree(), { isTrusting: true, signal: context.signal });
        return (found?.arrays ?? []).map(described);
      },
    },
    sizeBytes: {
      type: "BigInt",
      description: "Size of all files in bytes.",
      sql: { store: (column) => jsonInt8(column, "size") },
      filter: "BigInt",
      read: async (value, _args, context) => String((await sumOf(value, context)).sizeBytes),
    },
    itemCount: {
      type: "Int",
      description: "Files in the folder.",
      sql: { store: (column) => jsonInt4(column, "item_count") },
      filter: "Int",
      read: async (value, _args, context) => (await sumOf(value, context)).itemCount,
    },
    attributes: {
      type: "JSON",
      description: "Attributes of an array or a group; whole numbers beyond 2^53 are decimal text.",
      args: pathArgument,
      read: async (value, args, context) => {
        const found = await node(await value.tree(), pathOf(args), context);
        return plainJson(found.kind === "array" ? found.array.attributes : found.attributes);
      },
    },
    values: {
      type: "JSON",
      description: "Elements of an array, nested by axis. Only the chunks of the slice are read.",
      args: `slice: [SliceInput!], ${pathArgument}`,
      read: async (value, args, context) => elementsToJson(await sliceOf(value, args, context)),
    },
    base64: {
      type: "String",
      description:
        "Elements of an array as base64, the last axis fastest, in the byte order of dtype. Only the chunks of the slice are read.",
      args: `slice: [SliceInput!], ${pathArgument}`,
      read: async (value, args, context) => base64Of(await sliceOf(value, args, context)),
    },
    statistics: {
      type: "ArrayStatistics",
      description:
        "Count, least, largest, mean and deviation of the elements of a slice, however large it is.",
      args: `slice: [SliceInput!], ${pathArgument}`,
      read: async (value, args, context) => {
        const tree = await value.tree();
        const array = await arrayAt(tree, pathOf(args), context);
        return zarrStatistics(tree, array, { slices: slicesOf(args), signal: context.signal });
      },
    },
  },
  unfoldedBytes: async (value, { field, args, signal }) => {
    const size = Number(value.meta?.["size"] ?? 0);
    // Other fields are told by the folder's documents.
    if (field !== undefined && !unfolding.has(field)) return size;
    const path = field === undefined ? "" : pathOf(args);
    return Math.max(size, await zarrUnfolded(await value.tree(), path, signal));
  },
  async encode(input) {
    const { files, dtype, shape, chunks } = await writeZarr(arrayOfInput(input));
    return {
      body: new Uint8Array(),
      files,
      ext: ".zarr",
      meta: metaOf({ format: 3, arrays: [{ path: "", dtypeName: dtype, shape, chunks }] }),
    };
  },
  upload: {
    begin({ filename, isTree }) {
      if (isTree) return { ext: ".zarr" };
      throw invalid(`"${filename}" is a file.`, { remedy: "Upload a Zarr folder: kind TREE." });
    },
    async inspect({ value }, context) {
      try {
        return metaOf(await checkZarr(await value.tree(), context.signal));
      } catch (cause) {
        if (!isServiceError(cause, "CODEC_CORRUPT")) throw cause;
        throw new ServiceError("CODEC_INVALID_VALUE", `The upload is no Zarr folder: ${cause.message}`, {
          cause,
        });
      }
    },
  },
  metadata(object, meta) {
    // The name of a folder says nothing of what is in it.
    return { ...objectRow(object), ext: null, ...meta };
  },
  exchange: {
    array: {
      give: (decoded) => (isNdArray(decoded) ? exchangedOf(decoded) : undefined),
      take: (array) => ({ array: arrayOfExchanged(array) }),
    },
  },
  async decode(value, context): Promise<NdArray | ReadonlyMap<string, NdArray>> {
    const tree = await value.tree();
    const read = (array: ZarrArray) =>
      readZarrSlice(tree, array, { admit: () => {}, signal: context.signal });
    const root = await node(tree, "", context);
    if (root.kind === "array") return read(root.array);
    const found = await readHierarchy(tree, { isTrusting: false, signal: context.signal });
    const arrays = new Map<string, NdArray>();
    for (const array of found?.arrays ?? []) arrays.set(array.path, await read(array));
    return arrays;
  },
});

type Described = Pick<ZarrArray, "path" | "dtypeName" | "shape" | "chunks">;

function described({ path, dtypeName, shape, chunks }: Described): JsonObject {
  return { path, dtype: dtypeName, shape, chunks };
}

/** Keys of the row's JSON beyond those that DataJoint writes. */
function metaOf({
  format,
  arrays,
}: {
  readonly format: 2 | 3;
  readonly arrays: readonly Described[];
}): JsonObject {
  const root = arrays.find(({ path }) => path === "");
  return {
    zarr_format: format,
    ...(root === undefined ? {} : { dtype: root.dtypeName, shape: root.shape, chunks: root.chunks }),
    ...(arrays.length > listedArrays ? {} : { arrays: arrays.map(described) }),
  };
}

/** What is told of an array at the root. A row that we wrote tells by itself that there is none. */
async function ofRoot<T>(
  value: StoredValue,
  context: DecodeContext,
  tell: (array: ZarrArray) => T,
): Promise<T | null> {
  if (typeof value.meta?.["zarr_format"] === "number") return null;
  const root = await node(await value.tree(), "", context);
  return root.kind === "array" ? tell(root.array) : null;
}

async function node(tree: TreeReader, path: string, context: DecodeContext): Promise<ZarrNode> {
  const found = await openZarrNode(tree, path, context.signal);
  if (found !== undefined) return found;
  if (path !== "") {
    throw badPath(path, "there is no array or group", "Give a path as arrays lists it.");
  }
  // A folder that is gone is told so by its listing.
  for await (const _ of tree.entries()) break;
  throw corrupt("The folder has no zarr.json, .zarray or .zgroup.");
}

async function arrayAt(tree: TreeReader, path: string, context: DecodeContext): Promise<ZarrArray> {
  const found = await node(tree, path, context);
  if (found.kind === "array") return found.array;
  throw badPath(path, "it is a group", "Give the path of one of its arrays, as arrays lists them.");
}

async function sliceOf(
  value: StoredValue,
  args: Readonly<Record<string, unknown>>,
  context: DecodeContext,
): Promise<NdArray> {
  const tree = await value.tree();
  const array = await arrayAt(tree, pathOf(args), context);
  const options = { slices: slicesOf(args), admit: answerLimit(context), signal: context.signal };
  return readZarrSlice(tree, array, options);
}

async function sumOf(
  value: StoredValue,
  context: DecodeContext,
): Promise<{ readonly sizeBytes: bigint; readonly itemCount: number }> {
  let sizeBytes = 0n;
  let itemCount = 0;
  const options = context.signal === undefined ? {} : { signal: context.signal };
  for await (const entry of (await value.tree()).entries(options)) {
    sizeBytes += BigInt(entry.sizeBytes);
    itemCount += 1;
  }
  return { sizeBytes, itemCount };
}

function pathOf(args: Readonly<Record<string, unknown>>): string {
  const path = args["path"] ?? "";
  const fault = typeof path === "string" ? (path === "" ? undefined : pathFault(path)) : "it is not text";
  if (typeof path === "string" && fault === undefined) return path;
  throw badPath(path, fault ?? "", "Give a path as arrays lists it.");
}

function badPath(path: unknown, fault: string, remedy: string): ServiceError {
  return new ServiceError("BAD_USER_INPUT", `The path ${JSON.stringify(path)}: ${fault}. ${remedy}`, {
    details: { field: "path", value: path, remedy },
  });
}
