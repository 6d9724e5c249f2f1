/**
 * JSON text read strictly and written canonically. Numbers stay the text they are, so that 64-bit integers and long decimals survive.
 *
 * Refused: names that stand twice in one object, half characters (lone surrogates), nesting beyond the limit, anything after the value.
 */

import { ServiceError } from "../errors.ts";
import type { ElementJson } from "./elements.ts";
import { withoutEnd } from "./without-end.ts";

/** Levels of lists and objects in each other. */
const maxJsonDepth = 512;

/** A number as its text. */
export class JsonNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** A JSON value; objects are maps, so that no name means anything to JavaScript. */
export type JsonNode =
  | null
  | boolean
  | string
  | JsonNumber
  | readonly JsonNode[]
  | ReadonlyMap<string, JsonNode>;

/** How a reader says that the text is wrong: of stored bytes, or of a value that a caller gave. */
export type JsonFault = (message: string) => Error;

/** The value of the text. @throws what `fault` makes, naming the place; {LIMIT_EXCEEDED} for nesting beyond {@link maxJsonDepth}. */
export function parseJson(text: string, fault: JsonFault): JsonNode {
  const reader = new Reader(text, fault);
  const value = reader.value(0);
  reader.end();
  return value;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids them in texts.
const plainText = /[^"\\\u0000-\u001f]*/y;
const numberText = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const space = /[ \t\n\r]*/y;
const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};
const words: readonly (readonly [string, JsonNode])[] = [
  ["true", true],
  ["false", false],
  ["null", null],
];

class Reader {
  readonly #text: string;
  readonly #fault: JsonFault;
  #at = 0;

  constructor(text: string, fault: JsonFault) {
    this.#text = text;
    this.#fault = fault;
  }

  value(depth: number): JsonNode {
    this.#skip(space);
    const next = this.#text[this.#at];
    if (next === "{" || next === "[") {
      if (depth >= maxJsonDepth) throw tooDeep();
      this.#at += 1;
      return next === "{" ? this.#object(depth) : this.#list(depth);
    }
    if (next === '"') return this.#string();
    for (const [word, value] of words) {
      if (!this.#text.startsWith(word, this.#at)) continue;
      this.#at += word.length;
      return value;
    }
    const number = this.#skip(numberText);
    if (number === "") throw this.#wrong("a value is expected");
    return new JsonNumber(number);
  }

  end(): void {
    this.#skip(space);
    if (this.#at < this.#text.length) throw this.#wrong("the value ends before");
  }

  #list(depth: number): JsonNode[] {
    const items: JsonNode[] = [];
    if (this.#has("]")) return items;
    for (;;) {
      items.push(this.value(depth + 1));
      if (this.#has("]")) return items;
      this.#expect(",");
    }
  }

  #object(depth: number): Map<string, JsonNode> {
    const items = new Map<string, JsonNode>();
    if (this.#has("}")) return items;
    for (;;) {
      this.#skip(space);
      if (this.#text[this.#at] !== '"') throw this.#wrong("a name in quotes is expected");
      const name = this.#string();
      if (items.has(name)) throw this.#wrong(`the name ${JSON.stringify(name).slice(0, 80)} stands twice`);
      this.#expect(":");
      items.set(name, this.value(depth + 1));
      if (this.#has("}")) return items;
      this.#expect(",");
    }
  }

  #string(): string {
    this.#at += 1;
    let found = "";
    for (;;) {
      found += this.#skip(plainText);
      const next = this.#text[this.#at];
      this.#at += 1;
      if (next === '"') break;
      if (next !== "\\") throw this.#wrong("a text does not end, or holds a control character");
      found += this.#escape();
    }
    if (!found.isWellFormed()) throw this.#wrong("a text holds half a character (a lone surrogate)");
    return found;
  }

  #escape(): string {
    const kind = this.#text[this.#at] ?? "";
    this.#at += 1;
    if (kind !== "u") {
      const plain = Object.hasOwn(escapes, kind) ? escapes[kind] : undefined;
      if (plain === undefined) throw this.#wrong("an escape is unknown");
      return plain;
    }
    const digits = this.#text.slice(this.#at, this.#at + 4);
    if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw this.#wrong("an escape needs four hexadecimal digits");
    this.#at += 4;
    return String.fromCharCode(Number.parseInt(digits, 16));
  }

  #has(mark: string): boolean {
    this.#skip(space);
    if (this.#text[this.#at] !== mark) return false;
    this.#at += 1;
    return true;
  }

  #expect(mark: string): void {
    if (!this.#has(mark)) throw this.#wrong(`"${mark}" is expected`);
  }

  #skip(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? "";
    this.#at += found.length;
    return found;
  }

  #wrong(what: string): Error {
    return this.#fault(`The text is no JSON at character ${Math.min(this.#at, this.#text.length)}: ${what}.`);
  }
}

function tooDeep(): ServiceError {
  return new ServiceError("LIMIT_EXCEEDED", `The JSON is nested more than ${maxJsonDepth} levels deep.`, {
    details: { limit: maxJsonDepth },
  });
}

/** The one text of a value: no spaces, names in the order of their UTF-16 units, as few escapes as can be, numbers as they are. */
export function canonicalJson(node: JsonNode): string {
  if (node === null || typeof node !== "object") return JSON.stringify(node);
  if (node instanceof JsonNumber) return node.text;
  if (isList(node)) return `[${node.map(canonicalJson).join(",")}]`;
  const names = [...node.keys()].sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonicalJson(node.get(name) ?? null)}`).join(",")}}`;
}

/** The value as plain JSON. A number that a 64-bit float does not carry as it is written becomes its text. */
export function plainJson(node: JsonNode): ElementJson {
  if (node === null || typeof node !== "object") return node;
  if (node instanceof JsonNumber) return plainNumber(node.text);
  if (isList(node)) return node.map(plainJson);
  return Object.fromEntries([...node].map(([name, item]) => [name, plainJson(item)]));
}

function plainNumber(text: string): number | string {
  const value = Number(text);
  if (!Number.isFinite(value)) return text;
  return sameNumber(decimalParts(text), decimalParts(String(value))) ? value : text;
}

/** A number as digits and a power of ten. */
export interface Decimal {
  readonly digits: string;
  /** Power of ten of the last digit, as text arithmetic could overflow. */
  readonly exponent: bigint;
}

/** Whether two texts mean one number. */
export function sameNumber(a: Decimal, b: Decimal): boolean {
  return a.digits === b.digits && a.exponent === b.exponent;
}

/** Digits without zeros at either end. */
export function decimalParts(text: string): Decimal {
  const match = /^(-?)([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?$/.exec(text);
  const fraction = match?.[3] ?? "";
  const all = `${match?.[2] ?? ""}${fraction}`.replace(/^0+/, "");
  const digits = withoutEnd(all, "0");
  if (digits === "") return { digits: "0", exponent: 0n };
  const exponent = BigInt(match?.[4] ?? 0) - BigInt(fraction.length) + BigInt(all.length - digits.length);
  return { digits: `${match?.[1] ?? ""}${digits}`, exponent };
}

/** Kind of a value: `object`, `array`, `string`, `number`, `boolean`, `null`. */
export function jsonKind(node: JsonNode): string {
  if (node === null) return "null";
  if (node instanceof JsonNumber) return "number";
  if (typeof node !== "object") return typeof node;
  return isList(node) ? "array" : "object";
}

/**
 * The part that a JSON Pointer names; `undefined`: there is none.
 * @source RFC 6901
 */
export function atPointer(node: JsonNode, pointer: string): JsonNode | undefined {
  let found: JsonNode | undefined = node;
  for (const part of pointer.split("/").slice(1)) {
    const name = part.replaceAll("~1", "/").replaceAll("~0", "~");
    if (found instanceof Map) found = found.get(name);
    else if (Array.isArray(found))
      found = /^(?:0|[1-9][0-9]{0,15})$/.test(name) ? found[Number(name)] : undefined;
    else return undefined;
  }
  return found;
}

/** JSON that GraphQL has read, as a node. @throws what `fault` makes for whole numbers beyond 2^53, which may have been rounded already. */
export function nodeOfJson(json: unknown, fault: JsonFault, depth = 0): JsonNode {
  if (depth > maxJsonDepth) throw tooDeep();
  if (json === null || json === undefined) return null;
  if (typeof json === "boolean") return json;
  if (typeof json === "bigint") return new JsonNumber(String(json));
  if (typeof json === "number") return numberNode(json, fault);
  if (typeof json === "string") {
    if (!json.isWellFormed()) throw fault("A text holds half a character (a lone surrogate).");
    return json;
  }
  if (Array.isArray(json)) return json.map((item) => nodeOfJson(item, fault, depth + 1));
  if (typeof json !== "object") throw fault("The value is not JSON.");
  const entries = Object.entries(json);
  if (!entries.every(([name]) => name.isWellFormed()))
    throw fault("A name holds half a character (a lone surrogate).");
  return new Map(entries.map(([name, item]) => [name, nodeOfJson(item, fault, depth + 1)]));
}

function numberNode(value: number, fault: JsonFault): JsonNumber {
  if (!Number.isFinite(value)) throw fault(`${value} is no number of JSON.`);
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
    throw fault(`${value} is beyond 2^53, where it may have been rounded already. Give the text as raw.`);
  }
  return new JsonNumber(Object.is(value, -0) ? "-0" : String(value));
}

function isList(node: JsonNode): node is readonly JsonNode[] {
  return Array.isArray(node);
}
