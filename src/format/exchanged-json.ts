/**
 * JSON as codecs hand it to one another: one text for equal values, with every digit. Whole numbers are digits, numbers that a 64-bit float carries are
 * as Python prints it (`0.5`, `1e-07`), and longer ones are digits with a power of ten behind a capital `E`.
 */

import { corrupt, invalid } from "./fault.ts";
import {
  canonicalJson,
  decimalParts,
  type JsonNode,
  JsonNumber,
  parseJson,
  sameNumber,
} from "./json-text.ts";
import { pythonFloat } from "./python-float.ts";
import { bitsOf, nullValue, numberOfBits, type Value } from "./value.ts";

/** As many digits as Python reads from text. */
const maxDigits = 4300;
const whole = /^-?(?:0|[1-9][0-9]*)$/;
const decimal = /^-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;

/** The one text of JSON text. @throws {CODEC_CORRUPT} when it is none. */
export function exchangedJson(text: string): string {
  return canonicalJson(settled(parseJson(text, corrupt)));
}

function settled(node: JsonNode): JsonNode {
  if (node instanceof JsonNumber) return new JsonNumber(settledNumber(node.text));
  if (node instanceof Map) return new Map([...node].map(([name, item]) => [name, settled(item)]));
  return Array.isArray(node) ? node.map(settled) : node;
}

function settledNumber(text: string): string {
  if (whole.test(text) && text !== "-0") return text;
  const value = Number(text);
  const parts = decimalParts(text);
  if (Number.isFinite(value) && sameNumber(parts, decimalParts(String(value)))) return pythonFloat(value);
  return `${parts.digits}E${parts.exponent < 0n ? "" : "+"}${parts.exponent}`;
}

/** A value as such text. `undefined`: JSON could not give it back, as a tuple, bytes, an array, or a Decimal that a float would carry. */
export function jsonOfValue(value: Value): string | undefined {
  const node = nodeOf(value);
  return node === undefined ? undefined : canonicalJson(node);
}

function nodeOf(value: Value): JsonNode | undefined {
  switch (value.t) {
    case "null":
      return null;
    case "bool":
    case "str":
      return value.v;
    case "int":
      return new JsonNumber(String(value.v));
    case "float": {
      const number = numberOfBits(value.bits);
      return Number.isFinite(number) ? new JsonNumber(pythonFloat(number)) : undefined;
    }
    case "decimal": {
      const text = decimal.test(value.v) ? settledNumber(value.v) : "";
      return text.includes("E") ? new JsonNumber(text) : undefined;
    }
    case "list": {
      const items = value.items.map(nodeOf);
      return items.every((item) => item !== undefined) ? items : undefined;
    }
    case "dict":
      return objectOf(value.items);
    default:
      return undefined;
  }
}

function objectOf(items: readonly (readonly [Value, Value])[]): JsonNode | undefined {
  const found = new Map<string, JsonNode>();
  for (const [key, item] of items) {
    const node = nodeOf(item);
    if (key.t !== "str" || found.has(key.v) || node === undefined) return undefined;
    found.set(key.v, node);
  }
  return found;
}

/** The value of such text: whole numbers are ints, others floats, and Decimals where a float would lose digits. */
export function valueOfJson(text: string): Value {
  return valueIn(parseJson(text, (message) => invalid(message)));
}

function valueIn(node: JsonNode): Value {
  if (node === null) return nullValue;
  if (typeof node === "boolean") return { t: "bool", v: node };
  if (typeof node === "string") return { t: "str", v: node };
  if (node instanceof JsonNumber) return numberOf(node.text);
  if (node instanceof Map)
    return { t: "dict", items: [...node].map(([name, item]) => [{ t: "str", v: name }, valueIn(item)]) };
  return { t: "list", items: Array.from(node as readonly JsonNode[], valueIn) };
}

function numberOf(text: string): Value {
  if (text.length > maxDigits)
    throw invalid(`A number has ${text.length} digits; numbers of at most ${maxDigits} are taken over.`);
  if (whole.test(text)) return { t: "int", v: BigInt(text) };
  return text.includes("E") ? { t: "decimal", v: text } : { t: "float", bits: bitsOf(Number(text)) };
}
