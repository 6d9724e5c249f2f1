/** JSON documents of Zarr folders, read as if an enemy had written them. */

import { ServiceError } from "../errors.ts";
import { corrupt } from "./fault.ts";

/** A parsed document. Whole numbers that a double cannot hold are bigint. */
export type ZarrJson =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly ZarrJson[]
  | { readonly [key: string]: ZarrJson };
export type ZarrObject = { readonly [key: string]: ZarrJson };

/** Largest document that is read; consolidated metadata of thousands of arrays fit. */
const maxDocumentBytes = 16 * 2 ** 20;
const maxDepth = 64;

/** @throws {CODEC_CORRUPT} naming the file when it is no JSON object. */
export function parseZarrJson(bytes: Uint8Array, path: string): ZarrObject {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw corrupt(`${path} is not UTF-8 text.`, cause);
  }
  const { depth, bare } = lookThrough(text, path);
  if (depth > maxDepth) throw corrupt(`${path} nests deeper than ${maxDepth} levels.`);
  const parsed = parse(quoted(text, bare), path);
  if (!isObject(parsed)) throw corrupt(`${path} is no JSON object.`);
  return parsed;
}

/** @throws {LIMIT_EXCEEDED} */
export function checkDocumentSize(sizeBytes: number, path: string): void {
  if (sizeBytes <= maxDocumentBytes) return;
  throw new ServiceError(
    "LIMIT_EXCEEDED",
    `${path} has ${sizeBytes} bytes; metadata of at most ${maxDocumentBytes} are read. Fetch it by url.`,
    { details: { limit: maxDocumentBytes } },
  );
}

function parse(text: string, path: string): ZarrJson {
  try {
    return JSON.parse(text, exact) as ZarrJson;
  } catch (cause) {
    throw corrupt(`${path} is no JSON.`, cause);
  }
}

interface Looks {
  readonly depth: number;
  /** Where words that JSON does not have begin, outside of texts. */
  readonly bare: readonly number[];
}

const [quote, backslash, openList, closeList, openObject, closeObject] = Buffer.from('"\\[]{}');
const [capitalN, capitalI] = Buffer.from("NI");

/** One look at every character: a pattern for texts would look again and again at what an enemy has written. */
function lookThrough(text: string, path: string): Looks {
  const bare: number[] = [];
  let [depth, deepest] = [0, 0];
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) at = textEnd(text, at, path);
    else if (code === openList || code === openObject) deepest = Math.max(deepest, ++depth);
    else if (code === closeList || code === closeObject) depth -= 1;
    else if (code === capitalN || code === capitalI) bare.push(at);
  }
  return { depth: deepest, bare };
}

/** The quote that ends the text that begins at `start`. */
function textEnd(text: string, start: number, path: string): number {
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) return at;
    if (code === backslash) at += 1;
  }
  throw corrupt(`${path} is no JSON: a text does not end.`);
}

/** Python writes NaN and Infinity bare, which JSON does not have: they become texts. */
function quoted(text: string, bare: readonly number[]): string {
  let out = "";
  let done = 0;
  for (const at of bare) {
    const word = ["NaN", "Infinity"].find((one) => text.startsWith(one, at));
    if (word === undefined || at < done) continue;
    const start = word === "Infinity" && text[at - 1] === "-" ? at - 1 : at;
    out += `${text.slice(done, start)}"${text.slice(start, at)}${word}"`;
    done = at + word.length;
  }
  return out + text.slice(done);
}

function exact(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
  const source = context?.source ?? "";
  return /^-?[0-9]{1,40}$/.test(source) ? BigInt(source) : value;
}

export function isObject(value: unknown): value is ZarrObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An own key of a document; `__proto__` and the like are keys as any. */
export function entryOf(value: ZarrJson | undefined, key: string): ZarrJson | undefined {
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

/** JSON as any reader takes it: whole numbers beyond 2^53 as decimal text. */
export type PlainJson =
  | null
  | boolean
  | number
  | string
  | readonly PlainJson[]
  | { readonly [key: string]: PlainJson };

export function plainJson(value: ZarrJson): PlainJson {
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "object" || value === null) {
    // 1e999 is a number for JSON.parse.
    return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
  }
  if (isObject(value)) return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, plainJson(v)]));
  return value.map(plainJson);
}
