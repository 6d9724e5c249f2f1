/** Arrays as GraphQL gives and takes them: the inputs that codecs of arrays share, and answers. */

import { cOrderBytes, type NdArray } from "./array.ts";
import { arrayFromBytes, arrayFromValues, bytesFromBase64 } from "./elements-from-json.ts";
import { isNdArray } from "./exchanged-array.ts";
import { invalid } from "./fault.ts";
import type { Slice } from "./slice.ts";

/** SDL of a slice, the same for every codec that takes one. */
export const sliceTypeDefs = `"One axis of an array, as in numpy: start, stop and step, or one index, which drops the axis. Negative numbers count from the end."
input SliceInput { start: Int stop: Int step: Int index: Int }`;

/** SDL of the inputs, the same for every codec that takes them. */
export const arrayTypeDefs = `${sliceTypeDefs}

"An array by value: elements nested by axis, or flat with the last axis fastest."
input ArrayValuesInput { dtype: String! shape: [Int!]! data: JSON! }

"An array as base64 of its elements, the last axis fastest, in the byte order of dtype."
input ArrayBase64Input { dtype: String! shape: [Int!]! data: String! }`;

/** The array of an input with `values` or `base64`, or of one that another codec has made (`array`). @throws {CODEC_INVALID_VALUE} */
export function arrayOfInput(input: Readonly<Record<string, unknown>>): NdArray {
  const { values, base64, array } = input;
  if (isNdArray(array)) return array;
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

/** Elements as base64, the last axis fastest. */
export function base64Of(array: NdArray): string {
  const bytes = cOrderBytes(array);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

/** The argument `slice: [SliceInput!]` as GraphQL has coerced it; `selectAxes` checks the numbers. */
export function slicesOf(args: Readonly<Record<string, unknown>>): readonly Slice[] {
  return Array.isArray(args["slice"]) ? (args["slice"] as Slice[]) : [];
}
