/**
 * Values as plain JSON, for convenience: distinctions are lost.
 *
 * To JSON: integers beyond 2^53 become decimal text; NaN and infinities `"NaN"`, `"Infinity"`, `"-Infinity"`; complex `{re, im}`; bytes base64;
 * dates, Decimal and UUID text; tuples and sets lists; a dict an object where its keys are distinct plain values, else a list of pairs;
 * arrays nested lists; records and structs objects of lists, one for each field.
 *
 * From JSON: a whole number is an int and any other a float; true, false, text, lists and objects (as dicts of str) are what they look like.
 */

import { maxBlobDepth } from "./blob-read.ts";
import { type ElementJson, elementsToJson, numberToJson } from "./elements.ts";
import { invalid, shown } from "./fault.ts";
import { pythonFloat } from "./python-float.ts";
import { bitsOf, nullValue, numberOfBits, type Value } from "./value.ts";

/** The convenient, lossy JSON of a value. */
export function valueToJson(value: Value): ElementJson {
  switch (value.t) {
    case "null":
      return null;
    case "int":
      return Number.isSafeInteger(Number(value.v)) ? Number(value.v) : String(value.v);
    case "float":
      return numberToJson(numberOfBits(value.bits));
    case "complex":
      return { re: numberToJson(numberOfBits(value.re)), im: numberToJson(numberOfBits(value.im)) };
    case "bytes":
      return Buffer.from(value.bytes).toString("base64");
    case "list":
    case "tuple":
    case "set":
      return value.items.map(valueToJson);
    case "dict":
      return dictToJson(value.items);
    case "ndarray":
      return "array" in value ? elementsToJson(value.array) : nestItems(value.items, value.shape);
    case "recarray":
      return Object.fromEntries(value.fields.map(([name, column]) => [name, valueToJson(column)]));
    case "matcell":
      return nestItems(value.items, value.shape);
    case "matstruct":
      return Object.fromEntries(value.fields.map(([name, items]) => [name, nestItems(items, value.shape)]));
    default:
      return value.v;
  }
}

function dictToJson(items: readonly (readonly [Value, Value])[]): ElementJson {
  const keys = items.map(([key]) => plainKey(key));
  if (keys.includes(undefined) || new Set(keys).size !== keys.length) {
    return items.map(([key, item]) => [valueToJson(key), valueToJson(item)]);
  }
  return Object.fromEntries(items.map(([, item], i) => [keys[i] ?? "", valueToJson(item)]));
}

/** Text of a key as Python's own json module writes it. */
function plainKey(key: Value): string | undefined {
  if (key.t === "str") return key.v;
  if (key.t === "int" || key.t === "bool") return String(key.v);
  if (key.t === "float") return pythonFloat(numberOfBits(key.bits));
  return key.t === "null" ? "null" : undefined;
}

function nestItems(items: readonly Value[], shape: readonly number[]): ElementJson {
  if (items.length === 0) return [];
  const [length, ...rest] = shape;
  if (length === undefined) return valueToJson(items[0] ?? nullValue);
  const size = items.length / length;
  return Array.from({ length }, (_, i) => nestItems(items.slice(i * size, (i + 1) * size), rest));
}

/** The value that plain JSON means. @throws {CODEC_INVALID_VALUE} for whole numbers beyond 2^53, which may have been rounded already. */
export function valueFromJson(json: unknown, depth = 0): Value {
  if (depth > maxBlobDepth) throw invalid(`The value is nested more than ${maxBlobDepth} levels deep.`);
  if (json === null || json === undefined) return nullValue;
  if (typeof json === "boolean") return { t: "bool", v: json };
  if (typeof json === "bigint") return { t: "int", v: json };
  if (typeof json === "number") return numberValue(json);
  if (typeof json === "string") {
    if (!json.isWellFormed()) throw invalid("The text has half a character (a lone surrogate).");
    return { t: "str", v: json };
  }
  if (Array.isArray(json)) return { t: "list", items: json.map((item) => valueFromJson(item, depth + 1)) };
  if (typeof json === "object") {
    const items = Object.entries(json).map(
      ([key, item]) => [valueFromJson(key), valueFromJson(item, depth + 1)] as const,
    );
    return { t: "dict", items };
  }
  throw invalid(`${shown(json)} is not JSON.`);
}

function numberValue(value: number): Value {
  if (!Number.isInteger(value) || Object.is(value, -0)) return { t: "float", bits: bitsOf(value) };
  if (Number.isSafeInteger(value)) return { t: "int", v: BigInt(value) };
  throw invalid(`${value} is beyond 2^53, where JSON does not tell an integer from a rounded one.`, {
    value,
    remedy: 'Give it as tagged: {t: "int", v: "…"} or {t: "float", v: "…"}.',
  });
}
