/**
 * JSON values as canonical text, in the row or in a store; in gzip where that is smaller. Every digit of a number is kept.
 *
 * An upload is kept as it was sent, once it proves to be JSON.
 */

import { type DecodeContext, defineCodec, type Json, type StoredValue } from "../src/codec/contract.ts";
import { isServiceError, ServiceError } from "../src/errors.ts";
import { utf8 } from "../src/format/byte-cursor.ts";
import { exchangedJson } from "../src/format/exchanged-json.ts";
import { corrupt, invalid } from "../src/format/fault.ts";
import { packText, unfoldedText, unpackText } from "../src/format/gzip-text.ts";
import { jsonInt8, jsonText } from "../src/format/json-column.ts";
import {
  atPointer,
  canonicalJson,
  type JsonNode,
  jsonKind,
  nodeOfJson,
  parseJson,
  plainJson,
} from "../src/format/json-text.ts";

/** Largest text that is kept and read, in bytes: JSON is only ever read whole. */
const maxTextBytes = 32 * 2 ** 20;

/** First byte of a text → its kind. Gzip and leading spaces are told by reading. */
const kindSql = (column: string) => {
  const first = `get_byte(${column}, 0)`;
  const numbers = `${first} = 45 OR ${first} BETWEEN 48 AND 57`;
  const kinds = `CASE ${first} WHEN 123 THEN 'object' WHEN 91 THEN 'array' WHEN 34 THEN 'string' WHEN 110 THEN 'null' WHEN 116 THEN 'boolean' WHEN 102 THEN 'boolean' ELSE CASE WHEN ${numbers} THEN 'number' END END`;
  return `(CASE WHEN octet_length(${column}) > 0 THEN ${kinds} END)`;
};

export default defineCodec({
  name: "json",
  version: 1,
  summary: "JSON values with every digit, compressed where that is smaller, in the row or in a store.",
  chain: { row: "bytes", store: "<hash>" },
  peer: { row: "bytes", store: "hash" },
  output: "JsonDocument",
  input: "JsonDocumentInput",
  typeDefs: `
"A value for a field of type JsonDocument: plain JSON, JSON text whose every digit counts, or an upload of a JSON file."
input JsonDocumentInput @oneOf { json: JSON raw: String upload: ID }
`,
  fields: {
    kind: {
      type: "String",
      description: "What the value is: object array string number boolean null.",
      sql: { row: kindSql, store: (column) => jsonText(column, "kind") },
      filter: "String",
      read: async (value, _args, context) => jsonKind(await node(value, context)),
    },
    sizeBytes: {
      type: "BigInt",
      description: "Size as stored, in bytes.",
      sql: { row: (column) => `octet_length(${column})::int8`, store: (column) => jsonInt8(column, "size") },
      filter: "BigInt",
      read: async (value) => String((await value.bytes()).sizeBytes),
    },
    value: {
      type: "JSON",
      description: "The value. A number that a 64-bit float cannot carry as it is written is its text.",
      read: async (value, _args, context) => inline(await node(value, context), context),
    },
    at: {
      type: "JSON",
      description: "The part that a JSON Pointer names, such as /channels/0/name; null where there is none.",
      args: "path: String!",
      read: async (value, args, context) => {
        const found = await part(value, args, context);
        return found === undefined ? null : inline(found, context);
      },
    },
    raw: {
      type: "String",
      description:
        "The value, or the part that a JSON Pointer names, as canonical text with every digit; null where there is none.",
      args: 'path: String = ""',
      read: async (value, args, context) => {
        const found = await part(value, args, context);
        return found === undefined ? null : fitting(canonicalJson(found), context);
      },
    },
  },
  unfoldedBytes: async (value, { atOnceBytes, signal }) => {
    const reader = await value.bytes();
    if (reader.sizeBytes > atOnceBytes) return reader.sizeBytes;
    return unfoldedText(await reader.read(0, reader.sizeBytes, signal), atOnceBytes);
  },
  async encode(input) {
    const { json, raw, body } = input;
    const value = body instanceof Uint8Array ? given(utf8(body)) : read(json, raw, input);
    const text = new TextEncoder().encode(canonicalJson(value));
    checkSize(text.length);
    return { body: await packText(text), meta: { kind: jsonKind(value) } };
  },
  upload: {
    begin({ filename, isTree }) {
      if (isTree) throw invalid(`"${filename}" is a folder.`, { remedy: "Upload one JSON file." });
      return {};
    },
    async inspect({ value }, context) {
      try {
        return { kind: jsonKind(await parsed(value, context.signal)) };
      } catch (cause) {
        if (!isServiceError(cause, "CODEC_CORRUPT")) throw cause;
        throw new ServiceError("CODEC_INVALID_VALUE", `The upload is no JSON: ${cause.message}`, { cause });
      }
    },
  },
  exchange: {
    json: {
      field: "raw",
      give: (raw) => (typeof raw === "string" ? exchangedJson(raw) : undefined),
      take: (text) => ({ raw: text }),
    },
  },
  async decode(value, context): Promise<Json> {
    return plainJson(await parsed(value, context.signal));
  },
});

function read(json: unknown, raw: unknown, input: Readonly<Record<string, unknown>>): JsonNode {
  if (typeof raw === "string") {
    checkSize(Buffer.byteLength(raw));
    return given(raw);
  }
  if (!Object.hasOwn(input, "json"))
    throw invalid("A JSON value is given as json, as raw text, or as an upload.");
  return nodeOfJson(json, (message) => invalid(message));
}

function given(text: string): JsonNode {
  return parseJson(text, (message) => invalid(message));
}

async function parsed(value: StoredValue, signal: AbortSignal | undefined): Promise<JsonNode> {
  const reader = await value.bytes();
  checkSize(reader.sizeBytes);
  const bytes = await unpackText(await reader.read(0, reader.sizeBytes, signal), maxTextBytes);
  return parseJson(utf8(bytes), (message) => corrupt(message));
}

function node(value: StoredValue, context: DecodeContext): Promise<JsonNode> {
  return parsed(value, context.signal);
}

async function part(
  value: StoredValue,
  args: Readonly<Record<string, unknown>>,
  context: DecodeContext,
): Promise<JsonNode | undefined> {
  const pointer = typeof args["path"] === "string" ? args["path"] : "";
  if (pointer !== "" && (!pointer.startsWith("/") || /~(?![01])/.test(pointer))) {
    throw new ServiceError("BAD_USER_INPUT", `The path ${JSON.stringify(pointer)} is no JSON Pointer.`, {
      details: { field: "path", value: pointer, remedy: 'Write "/" before each name: /channels/0/name.' },
    });
  }
  return atPointer(await node(value, context), pointer);
}

function inline(found: JsonNode, context: DecodeContext): Json {
  fitting(canonicalJson(found), context);
  return plainJson(found);
}

function fitting(text: string, context: DecodeContext): string {
  const sizeBytes = Buffer.byteLength(text);
  if (sizeBytes <= context.inlineLimitBytes) return text;
  throw new ServiceError(
    "LIMIT_EXCEEDED",
    `The value has ${sizeBytes} bytes; at most ${context.inlineLimitBytes} are answered inline. Ask for a part with at, or fetch the url.`,
    { details: { field: context.field, limit: context.inlineLimitBytes } },
  );
}

function checkSize(sizeBytes: number): void {
  if (sizeBytes <= maxTextBytes) return;
  throw new ServiceError(
    "LIMIT_EXCEEDED",
    `The JSON has ${sizeBytes} bytes; at most ${maxTextBytes} are kept. Keep larger files with the codec text or object.`,
    { details: { limit: maxTextBytes } },
  );
}
