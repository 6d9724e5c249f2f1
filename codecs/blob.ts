/**
 * Values of a scientific language in DataJoint's packed form, in the row or in a store: numbers, text, bytes, lists, dicts, dates, arrays, records
 * and MATLAB structs and cells. `json` is convenient and loses distinctions (int and float, tuple and list); `tagged` keeps them all.
 *
 * @source DataJoint 2.3 `blob.py`, protocols `mYm` and `dj0`; mYm (https://github.com/datajoint/mym)
 */

import {
  type DecodeContext,
  defineCodec,
  type Json,
  type JsonObject,
  type StoredValue,
} from "../src/codec/contract.ts";
import { ServiceError } from "../src/errors.ts";
import { arrayTypeDefs, slicesOf } from "../src/format/array-input.ts";
import { arrayStatistics } from "../src/format/array-statistics.ts";
import { closeEnvelope, openEnvelope, unpackedSize } from "../src/format/blob-envelope.ts";
import { blobKindSql, kindOfPacked } from "../src/format/blob-kind.ts";
import { unpackBlob } from "../src/format/blob-read.ts";
import { packBlob } from "../src/format/blob-write.ts";
import { descrOf, dtypeName } from "../src/format/dtype.ts";
import { arrayFromValues, bytesFromBase64 } from "../src/format/elements-from-json.ts";
import { invalid } from "../src/format/fault.ts";
import { jsonInt8, jsonText } from "../src/format/json-column.ts";
import { statisticsTypeDefs } from "../src/format/statistics.ts";
import { fromTagged } from "../src/format/tagged-value.ts";
import type { Value } from "../src/format/value.ts";
import { valueFromJson, valueToJson } from "../src/format/value-json.ts";
import { toTagged } from "../src/format/value-tagged.ts";

/** Largest packed value that is read or taken, in bytes: packed values are only ever read whole. */
const maxUnpackedBytes = 512 * 2 ** 20;

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

"A value for a field of type Blob: plain JSON, the lossless tagged form, an array, packed bytes as base64, or an upload of packed bytes."
input BlobInput @oneOf { json: JSON tagged: JSON array: ArrayValuesInput base64: String upload: ID }

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
    statistics: {
      type: "ArrayStatistics",
      description:
        "Count, least, largest, mean and deviation of the elements of a slice; null where the value is no array of numbers.",
      args: "slice: [SliceInput!]",
      read: async (value, args, context) => {
        const whole = unpackBlob(await packed(value, context));
        if (whole.t !== "ndarray" || !("array" in whole)) return null;
        return arrayStatistics(whole.array, { slices: slicesOf(args), signal: context.signal });
      },
    },
  },
  async encode(input) {
    const { value, body } = await read(input);
    return { body: body ?? (await closeEnvelope(packBlob(value))), meta: describe(value) };
  },
  upload: {
    begin({ filename, isTree }) {
      if (isTree) throw invalid(`"${filename}" is a folder.`, { remedy: "Upload one file of packed bytes." });
      return {};
    },
    async inspect({ value }, context) {
      const reader = await value.bytes();
      checkSize(reader.sizeBytes);
      const bytes = await reader.read(0, reader.sizeBytes, context.signal);
      return describe((await verified(bytes)).value);
    },
  },
  async decode(value, context): Promise<Value> {
    const reader = await value.bytes();
    checkSize(reader.sizeBytes);
    const bytes = await reader.read(0, reader.sizeBytes, context.signal);
    return unpackBlob(await openEnvelope(bytes, maxUnpackedBytes));
  },
});

async function read(input: Readonly<Record<string, unknown>>): Promise<{ value: Value; body?: Uint8Array }> {
  const { tagged, array, base64, body } = input;
  if (typeof base64 === "string") return verified(bytesFromBase64(base64));
  if (body instanceof Uint8Array) return { value: { t: "bytes", bytes: body } };
  if (tagged !== undefined && tagged !== null) return { value: fromTagged(tagged) };
  if (typeof array === "object" && array !== null) return { value: arrayValue(array) };
  if (Object.hasOwn(input, "json")) return { value: valueFromJson(input["json"]) };
  throw invalid("A blob is given as json, tagged, array, base64 or upload.");
}

function arrayValue(array: object): Value {
  if (!("dtype" in array && "shape" in array && "data" in array))
    throw invalid("An array has dtype, shape and data.");
  const { dtype, shape, data } = array;
  if (typeof dtype !== "string" || !Array.isArray(shape))
    throw invalid("An array has dtype, shape and data.");
  const values = arrayFromValues({ dtype, shape, data });
  if (values.dtype.kind !== "U") return { t: "ndarray", array: values };
  const items = flatTexts(data).map((v): Value => ({ t: "str", v }));
  return { t: "ndarray", dtype: descrOf(values.dtype), shape: values.shape, items };
}

/** Text elements in order; `arrayFromValues` has checked them. */
function flatTexts(data: unknown): string[] {
  return Array.isArray(data) ? data.flatMap(flatTexts) : [String(data)];
}

/** Bytes that a caller has packed, kept as they are once they prove to be a blob. */
async function verified(bytes: Uint8Array): Promise<{ value: Value; body: Uint8Array }> {
  try {
    return { value: unpackBlob(await openEnvelope(bytes, maxUnpackedBytes)), body: bytes };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ServiceError("CODEC_INVALID_VALUE", `The bytes are no packed blob: ${why}`, { cause });
  }
}

function describe(value: Value): JsonObject {
  if (value.t !== "ndarray") return { kind: value.t };
  if ("array" in value)
    return { kind: "ndarray", dtype: dtypeName(value.array.dtype), shape: value.array.shape };
  // Text arrays come back as arrays of values: so the peer stores them.
  return { kind: "ndarray", dtype: "object", shape: value.shape };
}

function arrayOf(value: Value): Json {
  if (value.t !== "ndarray") return null;
  const data = valueToJson(value);
  if ("array" in value) return { dtype: dtypeName(value.array.dtype), shape: value.array.shape, data };
  return { dtype: value.dtype, shape: value.shape, data };
}

function checkSize(sizeBytes: number): void {
  if (sizeBytes <= maxUnpackedBytes) return;
  throw new ServiceError(
    "LIMIT_EXCEEDED",
    `The blob has ${sizeBytes} bytes; at most ${maxUnpackedBytes} are unpacked. Fetch it by url, or keep arrays with the codec npy.`,
    { details: { limit: maxUnpackedBytes } },
  );
}

async function packed(value: StoredValue, context: DecodeContext): Promise<Uint8Array> {
  const reader = await value.bytes();
  checkSize(reader.sizeBytes);
  return openEnvelope(await reader.read(0, reader.sizeBytes, context.signal), maxUnpackedBytes);
}

/** The value, where it is small enough to be answered inline. */
async function unpacked(value: StoredValue, context: DecodeContext): Promise<Value> {
  const reader = await value.bytes();
  const head = await reader.read(0, Math.min(14, reader.sizeBytes), context.signal);
  const sizeBytes = unpackedSize(head, reader.sizeBytes);
  if (sizeBytes > context.inlineLimitBytes) {
    throw new ServiceError(
      "LIMIT_EXCEEDED",
      `The value has ${sizeBytes} bytes; at most ${context.inlineLimitBytes} are answered inline. Fetch the url.`,
      { details: { field: context.field, limit: context.inlineLimitBytes } },
    );
  }
  const bytes = await reader.read(0, reader.sizeBytes, context.signal);
  return unpackBlob(await openEnvelope(bytes, context.inlineLimitBytes));
}
