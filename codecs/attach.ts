/**
 * Files with their names, in the row or in a store: the name in UTF-8, a zero byte, the content.
 *
 * @source DataJoint 2.3 `<attach>`, `<attach@store>`
 */

import { createHash } from "node:crypto";
import mime from "mime";
import {
  type ByteReader,
  type DecodeContext,
  defineCodec,
  type JsonObject,
  type StoredValue,
} from "../src/codec/contract.ts";
import { utf8 } from "../src/format/byte-cursor.ts";
import { bytesFromBase64 } from "../src/format/elements-from-json.ts";
import { corrupt, invalid } from "../src/format/fault.ts";
import { baseName, checkFileName } from "../src/format/file-name.ts";
import { fileTypeDefs, textOfRange } from "../src/format/file-value.ts";
import { jsonInt8, jsonText } from "../src/format/json-column.ts";

/** A name ends within this, or the bytes are no attachment. */
const maxPrefixBytes = 4096;

/** UTF-8, two hexadecimal digits a byte: PostgreSQL would fail the whole statement on anything else. */
const utf8Hex =
  "^([0-7].|(c[2-9a-f]|d.)[89ab].|e0[ab].[89ab].|e[1-9a-cef]([89ab].){2}|ed[89].[89ab].|f0[9ab].([89ab].){2}|f[1-3]([89ab].){3}|f48.([89ab].){2})+$";

const rowSql = {
  zero: (column: string) => `position('\\x00'::bytea IN ${column})`,
  name(column: string) {
    const raw = `substr(${column}, 1, greatest(${rowSql.zero(column)} - 1, 0))`;
    const text = `regexp_replace(convert_from(${raw}, 'UTF8'), '^.*[/\\\\]', '')`;
    return `(CASE WHEN encode(${raw}, 'hex') ~ '${utf8Hex}' THEN ${text} END)`;
  },
  sizeBytes: (column: string) =>
    `(CASE WHEN ${rowSql.zero(column)} > 0 THEN (octet_length(${column}) - ${rowSql.zero(column)})::int8 END)`,
  digest: (column: string) =>
    `(CASE WHEN ${rowSql.zero(column)} > 0 THEN 'sha256:' || encode(sha256(substr(${column}, ${rowSql.zero(column)} + 1)), 'hex') END)`,
};

export default defineCodec({
  name: "attach",
  version: 1,
  summary: "Files with their names, in the row or in a store.",
  chain: { row: "bytes", store: "<hash>" },
  apart: "never",
  output: "File",
  input: "FileInput",
  typeDefs: fileTypeDefs,
  fields: {
    name: {
      type: "String",
      description: "File name; null where only the bytes are kept.",
      sql: { row: rowSql.name, store: (column) => jsonText(column, "name") },
      filter: "String",
      read: async (value, _args, context) => (await prefixOf(await value.bytes(), context.signal)).name,
    },
    mediaType: {
      type: "String",
      description: "Media type, from the file name or as the upload gave it.",
      sql: { store: (column) => jsonText(column, "media_type") },
      filter: "String",
      read: async (value, _args, context) =>
        mediaTypeOf((await prefixOf(await value.bytes(), context.signal)).name),
    },
    sizeBytes: {
      type: "BigInt",
      description: "Size of the content in bytes.",
      sql: {
        row: rowSql.sizeBytes,
        store: (column) => `(${jsonInt8(column, "size")} - octet_length(${jsonText(column, "name")}) - 1)`,
      },
      filter: "BigInt",
      read: async (value, _args, context) => {
        const reader = await value.bytes();
        return String(reader.sizeBytes - (await prefixOf(reader, context.signal)).start);
      },
    },
    digest: {
      type: "String",
      description:
        "sha256: and the hexadecimal digest of the content; null where it was never computed and the content is large.",
      sql: {
        row: rowSql.digest,
        store: (column) => `('sha256:' || ${jsonText(column, "content_sha256")})`,
      },
      filter: "String",
      read: readDigest,
    },
    text: {
      type: "String",
      description: "The content as UTF-8 text, cut to maxBytes at a character; null where it is not text.",
      args: "maxBytes: Int = 65536",
      read: async (value, args, context) => {
        const reader = await value.bytes();
        const { start } = await prefixOf(reader, context.signal);
        return textOfRange(reader, { start, args, context });
      },
    },
  },
  encode(input) {
    const { name, content } = fileOf(input);
    const contentSha256 = createHash("sha256").update(content).digest("hex");
    return { body: Buffer.concat([prefixFor(name), content]), meta: describe(name, { contentSha256 }) };
  },
  upload: {
    begin({ filename, isTree }) {
      if (isTree)
        throw invalid(`"${filename}" is a folder.`, { remedy: "Upload one file, or use the codec object." });
      return { prefix: prefixFor(checkFileName(filename)) };
    },
    async inspect({ filename, mediaType, contentSha256 }) {
      return describe(checkFileName(filename), { mediaType, contentSha256 });
    },
  },
  exchange: { file: true },
  async decode(value, context): Promise<{ name: string; content: Uint8Array }> {
    const reader = await value.bytes();
    const { name, start } = await prefixOf(reader, context.signal);
    const bytes = await reader.read(0, reader.sizeBytes, context.signal);
    return { name, content: bytes.subarray(start) };
  },
  async content(reader) {
    const { start, name } = await prefixOf(reader);
    return { start, filename: name };
  },
  contentByMeta({ name }) {
    return typeof name === "string"
      ? { start: Buffer.byteLength(name) + 1, filename: baseName(name) }
      : undefined;
  },
});

function prefixFor(name: string): Uint8Array {
  return Buffer.from(`${name}\0`);
}

/** Name and beginning of the content. */
async function prefixOf(reader: ByteReader, signal?: AbortSignal): Promise<{ name: string; start: number }> {
  const head = await reader.read(0, Math.min(maxPrefixBytes, reader.sizeBytes), signal);
  const zero = head.indexOf(0);
  if (zero < 0) throw corrupt("The bytes are no attachment: no file name stands before a zero byte.");
  return { name: baseName(utf8(head.subarray(0, zero))), start: zero + 1 };
}

async function readDigest(
  value: StoredValue,
  _args: unknown,
  context: DecodeContext,
): Promise<string | null> {
  const reader = await value.bytes();
  const { start } = await prefixOf(reader, context.signal);
  if (reader.sizeBytes - start > context.inlineLimitBytes) return null;
  const content = await reader.read(start, reader.sizeBytes, context.signal);
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}

function mediaTypeOf(name: string): string {
  return mime.getType(name) ?? "application/octet-stream";
}

function describe(
  name: string,
  known: { mediaType?: string | undefined; contentSha256?: string | undefined },
): JsonObject {
  return {
    name,
    media_type: known.mediaType ?? mediaTypeOf(name),
    ...(known.contentSha256 === undefined ? {} : { content_sha256: known.contentSha256 }),
  };
}

function fileOf(input: Readonly<Record<string, unknown>>): { name: string; content: Uint8Array } {
  const text = namedContent(input["text"]);
  if (text !== undefined) {
    if (!text.content.isWellFormed()) throw invalid("The text has half a character (a lone surrogate).");
    return { name: checkFileName(text.name), content: new TextEncoder().encode(text.content) };
  }
  const base64 = namedContent(input["base64"]);
  if (base64 !== undefined)
    return { name: checkFileName(base64.name), content: bytesFromBase64(base64.content) };
  throw invalid("A file is given as text or base64 with its name, or as an upload.");
}

function namedContent(part: unknown): { name: string; content: string } | undefined {
  if (typeof part !== "object" || part === null || !("content" in part)) return undefined;
  const name = "name" in part && typeof part.name === "string" ? part.name : "";
  return typeof part.content === "string" ? { name, content: part.content } : undefined;
}
