/**
 * Values of a scientific language in DataJoint's packed form, in the row or in a store: numbers, text, bytes, lists, dicts, dates, arrays, records
 * and MATLAB structs and cells. `json` is convenient and loses distinctions (int and float, tuple and list); `tagged` keeps them all.
 *
 * @source DataJoint 2.3 `blob.py`, protocols `mYm` and `dj0`; mYm (https://github.com/datajoint/mym)
 */

import {
  type ByteReader,
  type DecodeContext,
  defineCodec,
  type Json,
  type JsonObject,
  type StoredValue,
} from "../src/codec/contract.ts";
import { ServiceError } from "../src/errors.ts";
import { answerLimit } from "../src/format/answer-limit.ts";
import type { NdArray } from "../src/format/array.ts";
import { arrayTypeDefs, base64Of, slicesOf } from "../src/format/array-input.ts";
import { sliceArray } from "../src/format/array-slice.ts";
import { arrayStatistics } from "../src/format/array-statistics.ts";
import { closeEnvelope, openEnvelope, unpackedSize } from "../src/format/blob-envelope.ts";
import { blobOfInput, verifiedBlob } from "../src/format/blob-input.ts";
import { blobKindSql, kindOfPacked } from "../src/format/blob-kind.ts";
import { unpackBlob } from "../src/format/blob-read.ts";
import { packBlob } from "../src/format/blob-write.ts";
import { checkDecodeLimit, type DecodeLimits, defaultDecodeLimits } from "../src/format/decode-limits.ts";
import { dtypeName } from "../src/format/dtype.ts";
import { elementsToJson } from "../src/format/elements.ts";
import { arrayOfExchanged, exchangedOf, isNdArray } from "../src/format/exchanged-array.ts";
import { jsonOfValue } from "../src/format/exchanged-json.ts";
import { invalid } from "../src/format/fault.ts";
import { jsonInt8, jsonList, jsonText } from "../src/format/json-column.ts";
import { statisticsTypeDefs } from "../src/format/statistics.ts";
import type { Value } from "../src/format/value.ts";
import { valueToJson } from "../src/format/value-json.ts";
import { toTagged } from "../src/format/value-tagged.ts";

/** Packed values are read whole; up to this size in one go, so that looking at the head costs no request of its own. */
const oneReadBytes = 65_536;

export default defineCodec({
  name: "blob",
  version: 1,
  summary: "Values of Python and MATLAB in DataJoint's packed form, in the row or in a store.",
  chain: { row: "bytes", store: "<hash>" },
  output: "Blob",
  input: "BlobInput",
  typeDefs: `
${arrayTypeDefs}

${statisticsTypeDefs}

"A value for a field of type Blob: plain JSON, the lossless tagged form, an array by value or as base64 of its elements, packed bytes as base64, or an upload of packed bytes."
input BlobInput @oneOf { json: JSON tagged: JSON array: ArrayValuesInput arrayBase64: ArrayBase64Input base64: String upload: ID }

"An array inside a blob."
type BlobArray {
  "Element type as numpy prints it; object where the elements are values of any kind."
  dtype: String!
  shape: [Int!]!
  "Elements, nested by axis."
  data: JSON
}
`,
  fields: {
    kind: {
      type: "String",
      description:
        "What the value is: null bool int float complex str bytes date time datetime decimal uuid list tuple set dict ndarray recarray matstruct matcell.",
      sql: { row: blobKindSql, store: (column) => jsonText(column, "kind") },
      filter: "String",
      read: async (value, _args, context) => kindOfPacked(await packed(value, context)),
    },
    sizeBytes: {
      type: "BigInt",
      description: "Size as stored, in bytes.",
      sql: { row: (column) => `octet_length(${column})::int8`, store: (column) => jsonInt8(column, "size") },
      filter: "BigInt",
      read: async (value) => String((await value.bytes()).sizeBytes),
    },
    json: {
      type: "JSON",
      description: "The value as plain JSON, convenient and lossy.",
      read: async (value, _args, context) => valueToJson(await unpacked(value, context)),
    },
    tagged: {
      type: "JSON",
      description: "The value as JSON without loss: every part is an object whose t names its kind.",
      read: async (value, _args, context) => toTagged(await unpacked(value, context)),
    },
    array: {
      type: "BlobArray",
      description: "The value as an array; null where it is none.",
      read: async (value, _args, context) => arrayOf(await unpacked(value, context)),
    },
    dtype: {
      type: "String",
      description:
        "Element type of an array as numpy prints it; object where the elements are values of any kind; null where the value is no array.",
      sql: { store: (column) => jsonText(column, "dtype") },
      read: async (value, _args, context) => (await described(value, context))["dtype"] ?? null,
    },
    shape: {
      type: "[Int!]",
      description: "Length of each axis of an array; null where the value is none.",
      sql: { store: (column) => jsonList(column, "shape") },
      read: async (value, _args, context) => (await described(value, context))["shape"] ?? null,
    },
    values: {
      type: "JSON",
      description:
        "Elements of a slice, nested by axis; null where the value is no array of elements of one size.",
      args: "slice: [SliceInput!]",
      read: async (value, args, context) => {
        const found = await slice(value, args, context);
        return found === undefined ? null : elementsToJson(found);
      },
    },
    base64: {
      type: "String",
      description:
        "Elements of a slice as base64, the last axis fastest, little-endian; null where the value is no array of elements of one size.",
      args: "slice: [SliceInput!]",
      read: async (value, args, context) => {
        const found = await slice(value, args, context);
        return found === undefined ? null : base64Of(found);
      },
    },
    statistics: {
      type: "ArrayStatistics",
      description:
        "Count, least, largest, mean and deviation of the elements of a slice; null where the value is no array of numbers.",
      args: "slice: [SliceInput!]",
      read: async (value, args, context) => {
        const array = await wholeArray(value, context);
        if (array === undefined) return null;
        return arrayStatistics(array, { slices: slicesOf(args), signal: context.signal });
      },
    },
  },
  unfoldedBytes: async (value, { signal }) => sizeUnfolded(await value.bytes(), signal),
  async encode(input, context) {
    const { value, body } = await blobOfInput(input, limitsIn(context));
    return { body: body ?? (await closeEnvelope(packBlob(value))), meta: describe(value) };
  },
  upload: {
    begin({ filename, isTree }) {
      if (isTree) throw invalid(`"${filename}" is a folder.`, { remedy: "Upload one file of packed bytes." });
      return {};
    },
    async inspect({ value }, context) {
      const limits = limitsIn(context);
      const bytes = await wholeOf(value, limits, context.signal);
      return describe((await verifiedBlob(bytes, limits)).value);
    },
  },
  exchange: {
    array: {
      give: (decoded) => (isArrayValue(decoded) ? exchangedOf(decoded.array) : undefined),
      take: (array) => ({ ndarray: arrayOfExchanged(array) }),
    },
    json: {
      // What `decode` answers is a value.
      give: (decoded) => jsonOfValue(decoded as Value),
      take: (text) => ({ exchanged: text }),
    },
  },
  async decode(value, context): Promise<Value> {
    const limits = limitsIn(context);
    return unpackBlob(await openEnvelope(await wholeOf(value, limits, context.signal), limits), limits);
  },
});

/** Of what `decode` answers, an array of numbers. */
function isArrayValue(value: unknown): value is { readonly array: NdArray } {
  return typeof value === "object" && value !== null && "array" in value && isNdArray(value.array);
}

function describe(value: Value): JsonObject {
  if (value.t !== "ndarray") return { kind: value.t };
  if ("array" in value)
    return { kind: "ndarray", dtype: dtypeName(value.array.dtype), shape: value.array.shape };
  // Text arrays come back as arrays of values: so the peer stores them.
  return { kind: "ndarray", dtype: "object", shape: value.shape };
}

async function described(value: StoredValue, context: DecodeContext): Promise<JsonObject> {
  return describe(await whole(value, context));
}

function arrayOf(value: Value): Json {
  if (value.t !== "ndarray") return null;
  const data = valueToJson(value);
  if ("array" in value) return { dtype: dtypeName(value.array.dtype), shape: value.array.shape, data };
  return { dtype: value.dtype, shape: value.shape, data };
}

function limitsIn(context: { readonly limits?: DecodeLimits | undefined }): DecodeLimits {
  return context.limits ?? defaultDecodeLimits;
}

/** The bytes as stored. @throws {LIMIT_EXCEEDED} before more than the limit is read. */
async function wholeOf(
  value: StoredValue,
  limits: DecodeLimits,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const reader = await value.bytes();
  checkDecodeLimit("outputBytes", limits, { count: reader.sizeBytes, what: "bytes" });
  return reader.read(0, reader.sizeBytes, signal);
}

const [packedOnce, wholeOnce] = [Symbol("packed"), Symbol("whole")];

/** What `make` gives, once for all fields of a value that are asked together. */
function once<Made>(value: StoredValue, key: symbol, make: () => Promise<Made>): Promise<Made> {
  return value.shared === undefined ? make() : value.shared(key, make);
}

function packed(value: StoredValue, context: DecodeContext): Promise<Uint8Array> {
  const limits = limitsIn(context);
  return once(value, packedOnce, async () =>
    openEnvelope(await wholeOf(value, limits, context.signal), limits),
  );
}

function whole(value: StoredValue, context: DecodeContext): Promise<Value> {
  return once(value, wholeOnce, async () => unpackBlob(await packed(value, context), limitsIn(context)));
}

/** `undefined`: the value is no array of elements of one size. */
async function wholeArray(value: StoredValue, context: DecodeContext): Promise<NdArray | undefined> {
  const found = await whole(value, context);
  return isArrayValue(found) ? found.array : undefined;
}

async function slice(
  value: StoredValue,
  args: Readonly<Record<string, unknown>>,
  context: DecodeContext,
): Promise<NdArray | undefined> {
  const array = await wholeArray(value, context);
  return array === undefined ? undefined : sliceArray(array, slicesOf(args), answerLimit(context));
}

/** Size of the packed bytes, as the first ones declare it. */
async function sizeUnfolded(reader: ByteReader, signal?: AbortSignal): Promise<number> {
  const head = await reader.read(0, Math.min(14, reader.sizeBytes), signal);
  return unpackedSize(head, { totalBytes: reader.sizeBytes });
}

/** The value, where it is small enough to be answered inline. */
async function unpacked(value: StoredValue, context: DecodeContext): Promise<Value> {
  const reader = await value.bytes();
  const limits = limitsIn(context);
  const first = await reader.read(
    0,
    reader.sizeBytes <= oneReadBytes ? reader.sizeBytes : 14,
    context.signal,
  );
  const sizeBytes = unpackedSize(first, { totalBytes: reader.sizeBytes, ratio: limits.ratio });
  if (sizeBytes > context.inlineLimitBytes) {
    throw new ServiceError(
      "LIMIT_EXCEEDED",
      `The value has ${sizeBytes} bytes; at most ${context.inlineLimitBytes} are answered inline. Fetch the url.`,
      { details: { field: context.field, limit: context.inlineLimitBytes } },
    );
  }
  return whole(value, context);
}
