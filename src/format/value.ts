/**
 * Values of a scientific language, with the distinctions that JSON loses: int and float, tuple, list and set, bytes, Decimal, arrays.
 *
 * This is the form in memory; `value-tagged.ts` gives its JSON.
 */

import type { NdArray } from "./array.ts";

/** A value. `t` is its kind, named as in the tagged JSON form. */
export type Value =
  | { readonly t: "null" }
  | { readonly t: "bool"; readonly v: boolean }
  | { readonly t: "int"; readonly v: bigint }
  /** `bits`: IEEE 754 binary64, so that the payload of a NaN is kept. */
  | { readonly t: "float"; readonly bits: bigint }
  | { readonly t: "complex"; readonly re: bigint; readonly im: bigint }
  | { readonly t: "str"; readonly v: string }
  | { readonly t: "bytes"; readonly bytes: Uint8Array }
  /** ISO text without a zone, microseconds at most. */
  | { readonly t: "date" | "time" | "datetime"; readonly v: string }
  /** As Python prints it: `-123.4500`, `1E+20`, `NaN`. */
  | { readonly t: "decimal"; readonly v: string }
  | { readonly t: "uuid"; readonly v: string }
  | { readonly t: "list" | "tuple" | "set"; readonly items: readonly Value[] }
  | { readonly t: "dict"; readonly items: readonly (readonly [Value, Value])[] }
  | ArrayValue
  | RecordValue
  | { readonly t: "matcell"; readonly shape: readonly number[]; readonly items: readonly Value[] }
  | {
      readonly t: "matstruct";
      readonly shape: readonly number[];
      /** Values of one field in C order. */
      readonly fields: readonly (readonly [name: string, items: readonly Value[]])[];
    };

/** An array: of numbers and the like (`array`, C order, little-endian), or of values (`items`, C order). */
export type ArrayValue =
  | { readonly t: "ndarray"; readonly array: NdArray }
  | {
      readonly t: "ndarray";
      /** `object`, or `<U3` for text: then every item is a str. */
      readonly dtype: string;
      readonly shape: readonly number[];
      readonly items: readonly Value[];
    };

/** A record array: every field has the whole shape. */
export interface RecordValue {
  readonly t: "recarray";
  readonly shape: readonly number[];
  readonly fields: readonly (readonly [name: string, values: ArrayValue | RecordValue])[];
}

/** The one null. */
export const nullValue: Value = { t: "null" };

const scratch = new DataView(new ArrayBuffer(8));

/** Bits of a number. */
export function bitsOf(value: number): bigint {
  scratch.setFloat64(0, value);
  return scratch.getBigUint64(0);
}

/** The number of bits; the payload of a NaN may be lost. */
export function numberOfBits(bits: bigint): number {
  scratch.setBigUint64(0, bits);
  return scratch.getFloat64(0);
}
