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
  const tokens = text.replace(/"(?:[^"\\]|\\.)*"/gs, '""');
  if (depthOf(tokens) > maxDepth) throw corrupt(`${path} nests deeper than ${maxDepth} levels.`);
  const parsed = parse(text, tokens, path);
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

function parse(text: string, tokens: string, path: string): ZarrJson {
  try {
    // Python writes NaN and Infinity bare, which JSON does not have.
    const strict = /NaN|Infinity/.test(tokens) ? quoted(text) : text;
    return JSON.parse(strict, exact) as ZarrJson;
  } catch (cause) {
    throw corrupt(`${path} is no JSON.`, cause);
  }
}

function quoted(text: string): string {
  return text.replace(/"(?:[^"\\]|\\.)*"|-?Infinity|NaN/gs, (token) =>
    token.startsWith('"') ? token : `"${token}"`,
  );
}

function exact(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
  const source = context?.source ?? "";
  return /^-?[0-9]{1,40}$/.test(source) ? BigInt(source) : value;
}

function depthOf(tokens: string): number {
  let depth = 0;
  let deepest = 0;
  for (const [bracket] of tokens.matchAll(/[[\]{}]/g)) {
    depth += bracket === "[" || bracket === "{" ? 1 : -1;
    deepest = Math.max(deepest, depth);
  }
  return deepest;
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
