/**
 * Values as JSON without loss: every value is an object whose `t` names its kind. `tagged-value.ts` reads it back.
 *
 * `int` v (decimal text); `float` v (Python's text) and bits (binary64, hexadecimal); `complex` re, im; `str` v; `bytes` size, hex;
 * `date`, `time`, `datetime` v (ISO); `decimal`, `uuid` v; `list`, `tuple`, `set` items; `dict` items as pairs; `ndarray` dtype, shape and
 * data {size, hex} (C order, little-endian) or items; `recarray` and `matstruct` shape, fields as pairs; `matcell` shape, items.
 */

import type { NdArray } from "./array.ts";
import { cOrderBytes } from "./array.ts";
import { descrOf } from "./dtype.ts";
import { pythonFloat } from "./python-float.ts";
import { numberOfBits, type Value } from "./value.ts";

/** JSON of the tagged form. */
type TaggedJson =
  | null
  | boolean
  | number
  | string
  | readonly TaggedJson[]
  | { readonly [key: string]: TaggedJson };

/** The tagged form of a value. Elements of sets stay in their stored order. */
export function toTagged(value: Value): TaggedJson {
  switch (value.t) {
    case "null":
      return { t: "null" };
    case "int":
      return { t: "int", v: String(value.v) };
    case "float":
      return taggedFloat(value.bits);
    case "complex":
      return { t: "complex", re: taggedFloat(value.re), im: taggedFloat(value.im) };
    case "bytes":
      return { t: "bytes", ...taggedBytes(value.bytes) };
    case "list":
    case "tuple":
    case "set":
      return { t: value.t, items: value.items.map(toTagged) };
    case "dict":
      return { t: "dict", items: value.items.map(([key, item]) => [toTagged(key), toTagged(item)]) };
    case "ndarray":
      return "array" in value ? taggedArray(value.array) : taggedItems(value);
    case "recarray":
      return {
        t: "recarray",
        shape: value.shape,
        fields: value.fields.map(([name, f]) => [name, toTagged(f)]),
      };
    case "matcell":
      return { t: "matcell", shape: value.shape, items: value.items.map(toTagged) };
    case "matstruct":
      return {
        t: "matstruct",
        shape: value.shape,
        fields: value.fields.map(([name, items]) => [name, items.map(toTagged)]),
      };
    default:
      return { t: value.t, v: value.v };
  }
}

function taggedFloat(bits: bigint): TaggedJson {
  return { t: "float", v: pythonFloat(numberOfBits(bits)), bits: bits.toString(16).padStart(16, "0") };
}

function taggedBytes(bytes: Uint8Array): { size: number; hex: string } {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
  return { size: bytes.length, hex };
}

function taggedArray(array: NdArray): TaggedJson {
  return {
    t: "ndarray",
    dtype: descrOf(array.dtype),
    shape: array.shape,
    data: taggedBytes(cOrderBytes(array)),
  };
}

function taggedItems(value: {
  dtype: string;
  shape: readonly number[];
  items: readonly Value[];
}): TaggedJson {
  const isText = value.dtype !== "object";
  const items = value.items.map((item) => (isText && item.t === "str" ? item.v : toTagged(item)));
  return { t: "ndarray", dtype: value.dtype, shape: value.shape, items };
}
