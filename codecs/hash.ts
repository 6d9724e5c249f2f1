/**
 * Bytes in a store, addressed by their digest, so that equal bytes are kept once in a schema. `blob` and `attach` stand on it.
 *
 * The digest in the path and in `hash` is MD5 in lower-case base32; it only names the bytes. `sha256` is what they are checked by.
 *
 * @source DataJoint 2.3 `<hash@store>`
 */

import { createHash } from "node:crypto";
import { type ByteReader, defineCodec, type JsonObject, type StoredValue } from "../src/codec/contract.ts";
import { ServiceError } from "../src/errors.ts";
import { base32Lower } from "../src/format/base32.ts";
import { bytesFromBase64 } from "../src/format/elements-from-json.ts";
import { invalid } from "../src/format/fault.ts";
import { fileTypeDefs, textOfRange } from "../src/format/file-value.ts";
import { jsonInt8, jsonText } from "../src/format/json-column.ts";

export default defineCodec({
  name: "hash",
  version: 1,
  summary: "Bytes in a store, kept once however often they are written.",
  chain: { store: "json" },
  addressing: "hash",
  apart: "never",
  output: "File",
  input: "FileInput",
  typeDefs: fileTypeDefs,
  fields: {
    name: {
      type: "String",
      description: "File name; null where only the bytes are kept.",
      sql: { store: () => "NULL::text" },
      filter: "String",
    },
    mediaType: {
      type: "String",
      description: "Media type, from the file name or as the upload gave it.",
      sql: { store: (column) => jsonText(column, "media_type") },
      filter: "String",
    },
    sizeBytes: {
      type: "BigInt",
      description: "Size of the content in bytes.",
      sql: { store: (column) => jsonInt8(column, "size") },
      filter: "BigInt",
      read: async (value) => String((await value.bytes()).sizeBytes),
    },
    digest: {
      type: "String",
      description:
        "sha256: and the hexadecimal digest of the content; null where it was never computed and the content is large.",
      sql: { store: (column) => `('sha256:' || ${jsonText(column, "sha256")})` },
      filter: "String",
      read: async (value, _args, context) => {
        const reader = checked(await value.bytes(), value.meta);
        if (reader.sizeBytes > context.inlineLimitBytes) return null;
        const bytes = await reader.read(0, reader.sizeBytes, context.signal);
        return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
      },
    },
    text: {
      type: "String",
      description: "The content as UTF-8 text, cut to maxBytes at a character; null where it is not text.",
      args: "maxBytes: Int = 65536",
      read: async (value, args, context) =>
        textOfRange(checked(await value.bytes(), value.meta), { start: 0, args, context }),
    },
  },
  encode(input) {
    const { body } = input;
    if (body instanceof Uint8Array) return { body };
    // A repeatable stream from the codec that stands on this one.
    if (typeof body === "function") return { body: body as () => AsyncIterable<Uint8Array> };
    return { body: contentOf(input) };
  },
  upload: {
    begin({ filename, isTree }) {
      if (isTree)
        throw invalid(`"${filename}" is a folder.`, { remedy: "Upload one file, or use the codec object." });
      return {};
    },
    async inspect({ mediaType }): Promise<JsonObject> {
      return mediaType === undefined ? {} : { media_type: mediaType };
    },
  },
  metadata(object, meta) {
    if (object.hash === undefined) {
      throw new ServiceError(
        "INTERNAL_SERVER_ERROR",
        `The object ${object.path} was stored without its hash.`,
      );
    }
    return {
      ...meta,
      hash: object.hash,
      path: object.path,
      schema: object.schema,
      store: object.store,
      size: object.sizeBytes,
      ...(object.sha256 === undefined ? {} : { sha256: object.sha256 }),
    };
  },
  unwrap(value) {
    return {
      meta: value.meta,
      bytes: async () => checked(await value.bytes(), value.meta),
      tree: () => value.tree(),
    };
  },
  exchange: { file: true },
  async decode(value, context): Promise<Uint8Array> {
    const reader = checked(await value.bytes(), value.meta);
    return reader.read(0, reader.sizeBytes, context.signal);
  },
});

function contentOf(input: Readonly<Record<string, unknown>>): Uint8Array {
  const content = (part: unknown) =>
    typeof part === "object" && part !== null && "content" in part && typeof part.content === "string"
      ? part.content
      : undefined;
  const text = content(input["text"]);
  if (text !== undefined) return new TextEncoder().encode(text);
  const base64 = content(input["base64"]);
  if (base64 !== undefined) return bytesFromBase64(base64);
  throw invalid("Bytes are given as text, as base64, or as an upload.");
}

/** Checks the digest whenever the whole is read at once; ranges cannot be checked. */
function checked(reader: ByteReader, meta: StoredValue["meta"]): ByteReader {
  const expected = meta?.["hash"];
  if (typeof expected !== "string") return reader;
  return {
    sizeBytes: reader.sizeBytes,
    stream: (start, end, signal) => reader.stream(start, end, signal),
    async read(start, end, signal) {
      const bytes = await reader.read(start, end, signal);
      if (start !== 0 || end !== reader.sizeBytes) return bytes;
      const found = base32Lower(createHash("md5").update(bytes).digest());
      if (found === expected) return bytes;
      throw new ServiceError(
        "OBJECT_CORRUPT",
        `The bytes have the hash ${found}, but ${expected} is recorded.`,
      );
    },
  };
}
