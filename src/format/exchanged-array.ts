/** Arrays as codecs hand them to one another: in C order, little-endian, the type as numpy prints it. */

import { cOrderBytes, littleEndianBytes, type NdArray } from "./array.ts";
import { dtypeName } from "./dtype.ts";
import { arrayFromBytes } from "./elements-from-json.ts";

interface Exchanged {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** `undefined` for records, whose fields have byte orders of their own. */
export function exchangedOf(array: NdArray): Exchanged | undefined {
  if (array.dtype.kind === "V") return undefined;
  const dtype = { ...array.dtype, littleEndian: true };
  const bytes = littleEndianBytes(array.dtype, cOrderBytes(array));
  return { dtype: dtypeName(dtype), shape: array.shape, bytes };
}

/** @throws {CODEC_INVALID_VALUE} where we have no such type. */
export function arrayOfExchanged({ dtype, shape, bytes }: Exchanged): NdArray {
  return arrayFromBytes({ dtype, shape: [...shape], bytes });
}

/** Whether a decoded value is an array, and no map of arrays. */
export function isNdArray(value: unknown): value is NdArray {
  return (
    typeof value === "object" && value !== null && "dtype" in value && "bytes" in value && "shape" in value
  );
}
