/**
 * Arrays as `.npy` files in a store, one file an array, readable by numpy as they are. Versions 1.0 to 3.0 are read; what is written is
 * what `numpy.save` writes. Arrays of Python objects are never read.
 *
 * @source https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html; DataJoint 2.3 `<npy@store>`
 */

import { type DecodeContext, defineCodec, type JsonObject, type StoredValue } from "../src/codec/contract.ts";
import { isServiceError, ServiceError } from "../src/errors.ts";
import { answerLimit } from "../src/format/answer-limit.ts";
import type { NdArray } from "../src/format/array.ts";
import { arrayOfInput, arrayTypeDefs, base64Of, slicesOf } from "../src/format/array-input.ts";
import { checkDecodeLimit, type DecodeLimits, defaultDecodeLimits } from "../src/format/decode-limits.ts";
import { dtypeName } from "../src/format/dtype.ts";
import { elementsToJson } from "../src/format/elements.ts";
import { arrayOfExchanged, exchangedOf, isNdArray } from "../src/format/exchanged-array.ts";
import { invalid } from "../src/format/fault.ts";
import { jsonInt8, jsonList, jsonText } from "../src/format/json-column.ts";
import { type NpyHeader, writeNpy } from "../src/format/npy.ts";
import { atHand, type NpySource, npyStatistics, openNpy, readNpySlice } from "../src/format/npy-reader.ts";
import { statisticsTypeDefs } from "../src/format/statistics.ts";

/** The header, and small arrays whole. DataJoint's rows do not tell the size: this read does, beside a slice of a large array it is nothing. */
const firstBytes = 4096;

export default defineCodec({
  name: "npy",
  version: 1,
  summary: "Arrays as .npy files in a store; slices are read by range.",
  chain: { store: "json" },
  addressing: "schema",
  output: "NdArray",
  input: "NdArrayInput",
  typeDefs: `
${arrayTypeDefs}

${statisticsTypeDefs}

"A value for a field of type NdArray: by value, as base64, or an upload of a .npy file."
input NdArrayInput @oneOf { values: ArrayValuesInput base64: ArrayBase64Input upload: ID }
`,
  fields: {
    dtype: {
      type: "String",
      description: "Element type as numpy prints it: float64, uint16, <U12, datetime64[ms].",
      sql: { store: (column) => jsonText(column, "dtype") },
      filter: "String",
      read: async (value, _args, context) => dtypeName((await open(value, context)).header.dtype),
    },
    shape: {
      type: "[Int!]",
      description: "Length of each axis; empty for a single value.",
      sql: { store: (column) => jsonList(column, "shape") },
      filter: "IntList",
      read: async (value, _args, context) => (await open(value, context)).header.shape,
    },
    sizeBytes: {
      type: "BigInt",
      description: "Size of the file in bytes.",
      sql: { store: (column) => jsonInt8(column, "size") },
      filter: "BigInt",
      read: async (value) => String((await value.bytes()).sizeBytes),
    },
    values: {
      type: "JSON",
      description: "Elements, nested by axis. Only the bytes of the slice are read.",
      args: "slice: [SliceInput!]",
      read: async (value, args, context) => elementsToJson(await slice(value, args, context)),
    },
    base64: {
      type: "String",
      description:
        "Elements as base64, the last axis fastest, in the byte order of dtype. Only the bytes of the slice are read.",
      args: "slice: [SliceInput!]",
      read: async (value, args, context) => base64Of(await slice(value, args, context)),
    },
    statistics: {
      type: "ArrayStatistics",
      description:
        "Count, least, largest, mean and deviation of the elements of a slice, however large it is.",
      args: "slice: [SliceInput!]",
      read: async (value, args, context) => {
        const { reader, header } = await open(value, context);
        return npyStatistics(reader, header, { slices: slicesOf(args), signal: context.signal });
      },
    },
  },
  encode(input) {
    const array = arrayOfInput(input);
    return { body: writeNpy(array), ext: ".npy", meta: describe(array) };
  },
  upload: {
    begin({ filename, isTree }) {
      if (isTree) throw invalid(`"${filename}" is a folder.`, { remedy: "Upload one .npy file." });
      return { ext: ".npy" };
    },
    async inspect({ value }, context) {
      try {
        return describe((await open(value, context)).header);
      } catch (cause) {
        if (!isServiceError(cause, "CODEC_CORRUPT")) throw cause;
        throw new ServiceError("CODEC_INVALID_VALUE", `The upload is no .npy file: ${cause.message}`, {
          cause,
        });
      }
    },
  },
  metadata(object, meta) {
    return {
      path: object.path,
      store: object.store,
      dtype: meta["dtype"] ?? null,
      shape: meta["shape"] ?? null,
      size: object.sizeBytes,
      ...(object.sha256 === undefined ? {} : { sha256: object.sha256 }),
    };
  },
  exchange: {
    file: true,
    array: {
      give: (decoded) => (isNdArray(decoded) ? exchangedOf(decoded) : undefined),
      take: (array) => ({ array: arrayOfExchanged(array) }),
    },
  },
  unfoldedBytes: async (value, { field }) =>
    (await value.bytes(field === "sizeBytes" ? undefined : firstBytes)).sizeBytes,
  async decode(value, context): Promise<NdArray> {
    const { reader, header } = await open(value, context);
    const limits = context.limits ?? defaultDecodeLimits;
    const admit = (count: number) => checkDecodeLimit("outputBytes", limits, { count, what: "bytes" });
    return readNpySlice(reader, header, { admit, signal: context.signal });
  },
});

function describe(array: Pick<NpyHeader, "dtype" | "shape">): JsonObject {
  return { dtype: dtypeName(array.dtype), shape: array.shape };
}

async function open(
  value: StoredValue,
  context: { readonly limits?: DecodeLimits | undefined; readonly signal?: AbortSignal | undefined },
): Promise<{ reader: NpySource; header: NpyHeader }> {
  const reader = await atHand(await value.bytes(firstBytes), context.signal);
  return { reader, header: await openNpy(reader, context.signal) };
}

async function slice(
  value: StoredValue,
  args: Readonly<Record<string, unknown>>,
  context: DecodeContext,
): Promise<NdArray> {
  const { reader, header } = await open(value, context);
  const options = { slices: slicesOf(args), admit: answerLimit(context), signal: context.signal };
  return readNpySlice(reader, header, options);
}
