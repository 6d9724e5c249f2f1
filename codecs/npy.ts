/**
 * Arrays as `.npy` files in a store, one file an array, readable by numpy as they are. Versions 1.0 to 3.0 are read; what is written is
 * what `numpy.save` writes. Arrays of Python objects are never read.
 *
 * @source https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html; DataJoint 2.3 `<npy@store>`
 */

import {
  type ByteReader,
  type DecodeContext,
  defineCodec,
  type JsonObject,
  type StoredValue,
} from "../src/codec/contract.ts";
import { isServiceError, ServiceError } from "../src/errors.ts";
import { cOrderBytes, type NdArray } from "../src/format/array.ts";
import { checkDecodeLimit, type DecodeLimits, defaultDecodeLimits } from "../src/format/decode-limits.ts";
import { dtypeName } from "../src/format/dtype.ts";
import { elementsToJson } from "../src/format/elements.ts";
import { arrayFromBytes, arrayFromValues, bytesFromBase64 } from "../src/format/elements-from-json.ts";
import { invalid } from "../src/format/fault.ts";
import { jsonInt8, jsonList, jsonText } from "../src/format/json-column.ts";
import { type NpyHeader, writeNpyHeader } from "../src/format/npy.ts";
import { openNpy, readNpySlice } from "../src/format/npy-reader.ts";
import type { Slice } from "../src/format/slice.ts";

export default defineCodec({
  name: "npy",
  version: 1,
  summary: "Arrays as .npy files in a store; slices are read by range.",
  chain: { store: "json" },
  addressing: "schema",
  output: "NdArray",
  input: "NdArrayInput",
  typeDefs: `
"One axis of an array, as in numpy: start, stop and step, or one index, which drops the axis. Negative numbers count from the end."
input SliceInput { start: Int stop: Int step: Int index: Int }

"An array by value: elements nested by axis, or flat with the last axis fastest."
input ArrayValuesInput { dtype: String! shape: [Int!]! data: JSON! }

"An array as base64 of its elements, the last axis fastest, in the byte order of dtype."
input ArrayBase64Input { dtype: String! shape: [Int!]! data: String! }

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
      read: async (value, args, context) => {
        const { bytes } = await slice(value, args, context);
        return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
      },
    },
  },
  encode(input) {
    const array = arrayOf(input);
    const header = writeNpyHeader(array);
    return {
      body: Buffer.concat([header, array.bytes]),
      ext: ".npy",
      meta: describe(array),
    };
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
  async decode(value, context): Promise<NdArray> {
    const { reader, header } = await open(value, context);
    const limits = context.limits ?? defaultDecodeLimits;
    const admit = (count: number) => checkDecodeLimit("outputBytes", limits, { count, what: "bytes" });
    return readNpySlice(reader, header, { admit, signal: context.signal });
  },
});

function arrayOf(input: Readonly<Record<string, unknown>>): NdArray {
  const { values, base64 } = input;
  if (isArrayInput(values)) return arrayFromValues(values);
  if (isArrayInput(base64) && typeof base64.data === "string") {
    return arrayFromBytes({ ...base64, bytes: bytesFromBase64(base64.data) });
  }
  throw invalid("An array is given as values or as base64, with dtype, shape and data.");
}

function isArrayInput(value: unknown): value is { dtype: string; shape: unknown[]; data: unknown } {
  if (typeof value !== "object" || value === null) return false;
  if (!("dtype" in value && "shape" in value && "data" in value)) return false;
  return typeof value.dtype === "string" && Array.isArray(value.shape);
}

function describe(array: Pick<NpyHeader, "dtype" | "shape">): JsonObject {
  return { dtype: dtypeName(array.dtype), shape: array.shape };
}

async function open(
  value: StoredValue,
  context: { readonly limits?: DecodeLimits | undefined; readonly signal?: AbortSignal | undefined },
): Promise<{ reader: ByteReader; header: NpyHeader }> {
  const reader = await value.bytes();
  return { reader, header: await openNpy(reader, context.signal) };
}

async function slice(
  value: StoredValue,
  args: Readonly<Record<string, unknown>>,
  context: DecodeContext,
): Promise<NdArray> {
  const { reader, header } = await open(value, context);
  const admit = (sizeBytes: number) => {
    if (sizeBytes <= context.inlineLimitBytes) return;
    throw new ServiceError(
      "LIMIT_EXCEEDED",
      `The answer would hold ${sizeBytes} bytes of elements; at most ${context.inlineLimitBytes} are answered inline. Ask for a smaller slice, or fetch the url.`,
      { details: { field: context.field, limit: context.inlineLimitBytes } },
    );
  };
  const array = await readNpySlice(reader, header, { slices: slicesOf(args), admit, signal: context.signal });
  return { ...array, bytes: cOrderBytes(array) };
}

function slicesOf(args: Readonly<Record<string, unknown>>): readonly Slice[] {
  // Coerced by GraphQL to [SliceInput!]; selectAxes checks the numbers.
  return Array.isArray(args["slice"]) ? (args["slice"] as Slice[]) : [];
}
