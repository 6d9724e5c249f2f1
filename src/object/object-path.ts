/**
 * Where objects lie in a store: the peer's layout, so that its readers, listings and garbage reports understand ours.
 * @source DataJoint-Python 2.3: `hash_registry.py`, `builtin_codecs/schema.py`, `storage.py` (`build_object_path`); see `docs/reference/stores.md`.
 */

import { createHash, randomBytes } from "node:crypto";
import { ServiceError } from "../errors.ts";
import type { StoreConfig } from "../store/contract.ts";
import { checkPath } from "../store/path.ts";
import type { StageRequest } from "./contract.ts";
import { base32 } from "./digest.ts";

/** Longest path of an object, so that a folder has room for its files and their manifest. */
const maxObjectPathBytes = 700;

/** `{hash_prefix}/{schema}/[folds/]{hash}`: the key that a peer derives from the bytes. */
export function canonicalHashPath(config: StoreConfig, schema: string, hash: string): string {
  const folds: string[] = [];
  let at = 0;
  for (const length of config.subfolding ?? []) {
    folds.push(hash.slice(at, at + length));
    at += length;
  }
  return checkPath(join([config.hashPrefix, schema, ...folds, hash]));
}

/** `{hash_prefix}/{schema}/{token}/{hash}`, a key that nobody else uses; without a hash the last segment is random. */
export function tokenHashPath(config: StoreConfig, schema: string, hash?: string): string {
  const last = hash ?? base32(randomBytes(17)).slice(0, 26);
  return checkPath(join([config.hashPrefix, schema, randomToken(config.tokenLength), last]));
}

type SchemaTarget = Pick<StageRequest, "schema" | "table" | "column" | "key" | "ext">;

/** `{schema_prefix}/[partition/]{schema}/{table}/{key parts/}{field}_{token}{ext}` with a new token. */
export function schemaPath(config: StoreConfig, target: SchemaTarget): string {
  const file = `${target.column}_${randomToken(config.tokenLength)}${extensionOf(target.ext)}`;
  for (const encode of [encodeKeyText, shortKeyText]) {
    const { partition, rest } = keyParts(config, target.key, encode);
    const path = join([config.schemaPrefix, ...partition, target.schema, target.table, ...rest, file]);
    if (Buffer.byteLength(path) <= maxObjectPathBytes) return checkPath(path);
  }
  const key = `key=${md5(JSON.stringify(target.key))}`;
  return checkPath(join([config.schemaPrefix, target.schema, target.table, key, file]));
}

function keyParts(
  config: StoreConfig,
  key: StageRequest["key"],
  encode: (text: string) => string,
): { partition: string[]; rest: string[] } {
  const parts = new Map(key.map(([column, text]) => [column, `${column}=${encode(text)}`]));
  const partition: string[] = [];
  for (const [, column = ""] of (config.partitionPattern ?? "").matchAll(/\{([^{}]+)\}/g)) {
    const part = parts.get(column);
    if (part === undefined) continue;
    partition.push(part);
    parts.delete(column);
  }
  return { partition, rest: [...parts.values()] };
}

function join(parts: readonly string[]): string {
  return parts.filter((part) => part !== "").join("/");
}

/**
 * One key value as a path has it: raw, or percent-encoded where it holds `/ \ : * ? " < > |` or is over 100 characters (then its first 50
 * and a digest). Beyond the peer, control characters are encoded too, and what would be over 200 bytes is cut: our paths must be canonical.
 */
export function encodeKeyText(text: string): string {
  const characters = [...text];
  const long = characters.length > 100;
  if (!long && !/[/\\:*?"<>|\p{Cc}]/u.test(text) && Buffer.byteLength(text) <= 200) return text;
  const encoded = percentEncode(long ? `${characters.slice(0, 50).join("")}_${md5(text).slice(0, 8)}` : text);
  return encoded.length <= 200 ? encoded : cut(characters, { text, bytes: 200 });
}

function shortKeyText(text: string): string {
  const encoded = encodeKeyText(text);
  return Buffer.byteLength(encoded) <= 40 ? encoded : cut([...text], { text, bytes: 40 });
}

/** As many leading characters as leave room for `_` and 8 digits of the digest. */
function cut(characters: readonly string[], limit: { text: string; bytes: number }): string {
  let head = "";
  for (const character of characters) {
    const next = head + percentEncode(character);
    if (next.length > limit.bytes - 9) break;
    head = next;
  }
  return `${head}_${md5(limit.text).slice(0, 8)}`;
}

function percentEncode(text: string): string {
  let encoded = "";
  for (const byte of Buffer.from(text)) {
    const character = String.fromCharCode(byte);
    encoded += /[A-Za-z0-9_.~-]/.test(character)
      ? character
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return encoded;
}

function md5(text: string): string {
  return createHash("md5").update(text).digest("hex");
}

function extensionOf(ext: string | undefined): string {
  if (ext === undefined || ext === "" || ext === ".") return "";
  const dotted = ext.startsWith(".") ? ext : `.${ext}`;
  if (/^\.[^/\\\p{Cc}]+$/u.test(dotted) && Buffer.byteLength(dotted) <= 64) return dotted;
  throw new ServiceError("BAD_USER_INPUT", `${JSON.stringify(ext.slice(0, 80))} is no file extension.`, {
    details: {
      field: "ext",
      value: ext.slice(0, 80),
      remedy: "Use at most 63 ordinary characters after a dot.",
    },
  });
}

/** Random text of `A–Z a–z 0–9 - _`, the peer's alphabet. */
function randomToken(length: number): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return Array.from(randomBytes(length), (byte) => alphabet[byte & 63]).join("");
}
