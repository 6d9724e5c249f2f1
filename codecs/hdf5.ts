/**
 * HDF5 files in a store, read in place: datasets and attributes by name, slices without the rest. To DataJoint they are plain objects.
 *
 * @source https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t4.html; DataJoint 2.3 `<object@store>`
 */

import {
  type ByteReader,
  type DecodeContext,
  defineCodec,
  type Json,
  type StoredValue,
} from "../src/codec/contract.ts";
import { isServiceError, ServiceError } from "../src/errors.ts";
import { answerLimit } from "../src/format/answer-limit.ts";
import { elementCount } from "../src/format/array.ts";
import { slicesOf, sliceTypeDefs } from "../src/format/array-input.ts";
import { checkDecodeLimit, type DecodeLimits, defaultDecodeLimits } from "../src/format/decode-limits.ts";
import { invalid } from "../src/format/fault.ts";
import { datasetAt, type Hdf5Dataset, readableType, withElements } from "../src/format/hdf5-dataset.ts";
import { fileBytes, type Hdf5Elements, hdf5ToJson } from "../src/format/hdf5-elements.ts";
import { type Hdf5File, openHdf5, type SyncSource } from "../src/format/hdf5-library.ts";
import { attributesOf, listDatasets } from "../src/format/hdf5-list.ts";
import { datasetStatistics } from "../src/format/hdf5-statistics.ts";
import { hasPointers, nameOf } from "../src/format/hdf5-type.ts";
import { jsonInt8 } from "../src/format/json-column.ts";
import { objectRow } from "../src/format/object-row.ts";
import { type AxisSelection, selectAxes } from "../src/format/slice.ts";
import { statisticsTypeDefs } from "../src/format/statistics.ts";

/** Datasets that one answer may list. */
const maxDatasets = 1000;

export default defineCodec({
  name: "hdf5",
  version: 1,
  summary: "HDF5 files in a store; slices of their datasets are read by range.",
  chain: { store: "json" },
  addressing: "schema",
  peer: { store: "object" },
  // The library is native and cannot wait for bytes.
  apart: "always",
  output: "Hdf5",
  input: "Hdf5Input",
  typeDefs: `
${sliceTypeDefs}

"A value for a field of type Hdf5: an upload of an HDF5 file."
input Hdf5Input @oneOf { upload: ID }

"A dataset of an HDF5 file."
type Hdf5Dataset {
  "Path within the file, with /."
  path: String!
  "Element type as numpy prints it; str for text of variable length; null where it is not read."
  dtype: String
  "Length of each axis; null for a dataset without values, or with an axis longer than Int can say."
  shape: [Int!]
  "Lengths of a chunk; null where the dataset has none."
  chunks: [Int!]
  "What its chunks went through, in order: gzip, shuffle, fletcher32 and the like; null for nothing."
  compression: [String!]
  "Names of the numbers of an enumeration; null for other types."
  names: JSON
  "Why values are not read; null where they are."
  unreadable: String
}

"An attribute of a group or dataset of an HDF5 file."
type Hdf5Attribute {
  name: String!
  "Element type as numpy prints it; null where it is not read."
  dtype: String
  shape: [Int!]
  "The value, nested by axis."
  value: JSON
  "Why the value is not read; null where it is."
  unreadable: String
}

${statisticsTypeDefs}
`,
  fields: {
    sizeBytes: {
      type: "BigInt",
      description: "Size of the file in bytes.",
      sql: { store: (column) => jsonInt8(column, "size") },
      filter: "BigInt",
      read: async (value) => String((await value.bytes()).sizeBytes),
    },
    datasets: {
      type: "[Hdf5Dataset!]",
      description:
        "Datasets in byte order of their paths, after a path and below a prefix. Links are not followed.",
      args: 'prefix: String = "", first: Int = 100, after: String',
      read: readDatasets,
    },
    attributes: {
      type: "[Hdf5Attribute!]",
      description: "Attributes of the group or dataset at a path; of the file itself without one.",
      args: 'path: String = ""',
      read: (value, { path }, context) =>
        inFile(value, context, (file) =>
          attributesOf(file, String(path ?? ""), answerLimit(context)).map((one) => ({ ...one })),
        ),
    },
    values: {
      type: "JSON",
      description: "Elements of a dataset, nested by axis. Only what holds the slice is read.",
      args: "path: String!, slice: [SliceInput!]",
      read: (value, args, context) =>
        inFile(value, context, (file) => readSlice(file, { args, context }, hdf5ToJson)),
    },
    base64: {
      type: "String",
      description:
        "Elements of a dataset as base64, the last axis fastest, in the byte order of its dtype. Only what holds the slice is read.",
      args: "path: String!, slice: [SliceInput!]",
      read: (value, args, context) =>
        inFile(value, context, (file) => readSlice(file, { args, context }, base64Of)),
    },
    statistics: {
      type: "ArrayStatistics",
      description: "What the numbers of a dataset are like.",
      args: "path: String!, slice: [SliceInput!]",
      read: (value, args, context) =>
        inFile(value, context, (file) => {
          const dataset = datasetAt(file, String(args["path"]));
          const axes = axesOf(dataset, args);
          const counts = (axes ?? []).map((axis) => axis.count);
          checkDecodeLimit("elements", file.limits, { count: elementCount(counts), what: "elements" });
          return axes === undefined ? null : { ...datasetStatistics(file, dataset, axes) };
        }),
    },
  },
  encode() {
    throw invalid("An HDF5 file is given as an upload.", {
      remedy: "Call createUpload and send its id as upload.",
    });
  },
  upload: {
    begin({ filename, isTree }) {
      if (isTree) throw invalid(`"${filename}" is a folder.`, { remedy: "Upload one HDF5 file." });
      return { ext: /\.(?:h5|hdf5|nwb|he5|nxs)$/i.exec(filename)?.[0] ?? ".h5" };
    },
    async inspect({ value }, context) {
      try {
        await inFile(value, context, (file) =>
          listDatasets(file, { prefix: "", first: 1, after: undefined }),
        );
        return {};
      } catch (cause) {
        if (!isServiceError(cause, "CODEC_CORRUPT")) throw cause;
        throw new ServiceError("CODEC_INVALID_VALUE", `The upload is no HDF5 file: ${cause.message}`, {
          cause,
        });
      }
    },
  },
  metadata: objectRow,
  /** All datasets, as `datasets` tells them. */
  exchange: { file: true },
  decode: (value, context): Promise<Json> =>
    inFile(value, context, (file) =>
      listDatasets(file, { prefix: "", first: Number.POSITIVE_INFINITY, after: undefined }).map(told),
    ),
});

/** Opens the file, does something with it, closes it. */
async function inFile<T>(
  value: StoredValue,
  context: { readonly limits?: DecodeLimits | undefined; readonly signal?: AbortSignal | undefined },
  use: (file: Hdf5File) => T,
): Promise<T> {
  context.signal?.throwIfAborted();
  const limits = context.limits ?? defaultDecodeLimits;
  const file = await openHdf5(await sourceOf(await value.bytes(), limits, context.signal), limits);
  try {
    return use(file);
  } finally {
    file.close();
  }
}

/** Ranges at once; where that cannot be, as in programs without worker threads, the whole file in memory. */
async function sourceOf(
  reader: ByteReader,
  limits: DecodeLimits,
  signal: AbortSignal | undefined,
): Promise<SyncSource> {
  const { sizeBytes, readSync } = reader;
  if (readSync !== undefined) return { sizeBytes, readSync: (start, end) => readSync(start, end) };
  checkDecodeLimit("outputBytes", limits, { count: sizeBytes, what: "bytes" });
  const bytes = await reader.read(0, sizeBytes, signal);
  return { sizeBytes, readSync: (start, end) => bytes.subarray(start, end) };
}

function readDatasets(
  value: StoredValue,
  args: Readonly<Record<string, unknown>>,
  context: DecodeContext,
): Promise<Json> {
  const { prefix, first, after } = args;
  const wanted = typeof first === "number" ? first : 100;
  if (wanted < 0 || wanted > maxDatasets) {
    const message = `first is ${wanted}; from 0 to ${maxDatasets} datasets are listed at once.`;
    const details = { field: "first", value: wanted, limit: maxDatasets };
    throw new ServiceError("LIMIT_EXCEEDED", message, { details });
  }
  return inFile(value, context, (file) =>
    listDatasets(file, {
      prefix: typeof prefix === "string" ? prefix : "",
      first: wanted,
      after: typeof after === "string" ? after : undefined,
    }).map(told),
  );
}

function told({ path, type, shape, filters, metadata, unreadable }: Hdf5Dataset): Json {
  const isLong = shape?.some((length) => length > 2 ** 31 - 1) === true;
  return {
    path,
    dtype: type === undefined ? null : nameOf(type),
    shape: isLong ? null : shape,
    chunks: metadata.chunks ?? null,
    compression: filters.length === 0 ? null : filters,
    names: metadata.enum_type === undefined || isBool(type) ? null : { ...metadata.enum_type.members },
    unreadable: unreadable ?? null,
  };
}

function isBool(type: Hdf5Dataset["type"]): boolean {
  return type?.kind === "number" && type.file.kind === "b";
}

/** Axes as asked for; `undefined` for a dataset without values. */
function axesOf(dataset: Hdf5Dataset, args: Readonly<Record<string, unknown>>): AxisSelection[] | undefined {
  return dataset.shape === null ? undefined : selectAxes(dataset.shape, slicesOf(args));
}

function readSlice<T>(
  file: Hdf5File,
  asked: { readonly args: Readonly<Record<string, unknown>>; readonly context: DecodeContext },
  use: (elements: Hdf5Elements) => T,
): T | null {
  const dataset = datasetAt(file, String(asked.args["path"]));
  const type = readableType(dataset);
  const axes = axesOf(dataset, asked.args);
  if (axes === undefined) return null;
  const counts = axes.map((axis) => axis.count);
  const admit = answerLimit(asked.context);
  const sizeBytes = Number(elementCount(counts)) * type.sizeBytes;
  admit(sizeBytes);
  checkDecodeLimit("elements", file.limits, { count: elementCount(counts), what: "elements" });
  // What elements point to counts as they do.
  const admitText = (textBytes: number): void => admit(sizeBytes + textBytes);
  return withElements(file, { dataset, type, axes, admitText }, use);
}

function base64Of(elements: Hdf5Elements): string {
  if (hasPointers(elements.type)) {
    const remedy = "Ask for values.";
    throw invalid("Text of variable length has no base64.", { remedy });
  }
  return Buffer.from(fileBytes(elements)).toString("base64");
}
