/** Text in UTF-8, in the row or in a store: the bytes are the text, nothing before and nothing after it. */

import { createHash } from "node:crypto";
import { type ByteReader, type DecodeContext, defineCodec, type StoredValue } from "../src/codec/contract.ts";
import { isServiceError, ServiceError } from "../src/errors.ts";
import { utf8 } from "../src/format/byte-cursor.ts";
import { corrupt, invalid } from "../src/format/fault.ts";
import { textOfRange } from "../src/format/file-value.ts";
import { jsonInt8, jsonText } from "../src/format/json-column.ts";
import { characterStart, measureText, readLines } from "../src/format/utf8-text.ts";

/** Lines that one answer may hold. */
const maxLines = 10_000;

export default defineCodec({
  name: "text",
  version: 1,
  summary: "Text in UTF-8, in the row or in a store; read in parts and by lines.",
  chain: { row: "bytes", store: "<hash>" },
  peer: { row: "bytes", store: "hash" },
  output: "TextFile",
  input: "TextFileInput",
  typeDefs: `
"A value for a field of type TextFile: the text, or an upload of a file in UTF-8."
input TextFileInput @oneOf { text: String upload: ID }
`,
  fields: {
    sizeBytes: {
      type: "BigInt",
      description: "Size of the text in bytes.",
      sql: { row: (column) => `octet_length(${column})::int8`, store: (column) => jsonInt8(column, "size") },
      filter: "BigInt",
      read: async (value) => String((await value.bytes()).sizeBytes),
    },
    length: {
      type: "BigInt",
      description: "Characters (Unicode code points). Filters match texts in a store only.",
      sql: { store: (column) => jsonInt8(column, "length") },
      filter: "BigInt",
      read: async (value, _args, context) => String((await facts(value, context)).length),
    },
    lineCount: {
      type: "BigInt",
      description: "Lines; a last one without its end counts. Filters match texts in a store only.",
      sql: { store: (column) => jsonInt8(column, "line_count") },
      filter: "BigInt",
      read: async (value, _args, context) => String((await facts(value, context)).lineCount),
    },
    digest: {
      type: "String",
      description:
        "sha256: and the hexadecimal digest of the bytes; null where it was never computed and the text is large.",
      sql: {
        row: (column) => `('sha256:' || encode(sha256(${column}), 'hex'))`,
        store: (column) => `('sha256:' || ${jsonText(column, "sha256")})`,
      },
      filter: "String",
      read: async (value, _args, context) => {
        const reader = await value.bytes();
        if (reader.sizeBytes > context.inlineLimitBytes) return null;
        return `sha256:${createHash("sha256")
          .update(await reader.read(0, reader.sizeBytes, context.signal))
          .digest("hex")}`;
      },
    },
    text: {
      type: "String",
      description: "The text from the byte offset on, at most maxBytes, cut at characters.",
      args: "maxBytes: Int = 65536, offset: BigInt = 0",
      read: async (value, args, context) => readText(await value.bytes(), args, context),
    },
    lines: {
      type: "[String!]",
      description: "Lines without their ends, from the line offset (0 is the first) on.",
      args: "first: Int = 100, offset: BigInt = 0",
      read: async (value, args, context) => linesOf(await value.bytes(), args, context),
    },
  },
  async encode(input) {
    const body = bytesOf(input);
    return { body, meta: metaOf(await measureText([body])) };
  },
  upload: {
    begin({ filename, isTree }) {
      if (isTree) throw invalid(`"${filename}" is a folder.`, { remedy: "Upload one file in UTF-8." });
      return {};
    },
    async inspect({ value }, { signal }) {
      const reader = await value.bytes();
      try {
        return metaOf(await measureText(reader.stream(0, reader.sizeBytes, signal)));
      } catch (cause) {
        if (!isServiceError(cause, "CODEC_CORRUPT")) throw cause;
        throw invalid(cause.message, { remedy: "Convert it to UTF-8, or use the codec attach." });
      }
    },
  },
  exchange: { file: true },
  async decode(value, context): Promise<string> {
    const reader = await value.bytes();
    return utf8(await reader.read(0, reader.sizeBytes, context.signal));
  },
});

function bytesOf({ text, body }: Readonly<Record<string, unknown>>): Uint8Array {
  if (body instanceof Uint8Array) return body;
  if (typeof text !== "string") throw invalid("A text is given as text or as an upload.");
  if (!text.isWellFormed()) throw invalid("The text has half a character (a lone surrogate).");
  return new TextEncoder().encode(text);
}

function metaOf({ length, lineCount }: { length: number; lineCount: number }) {
  return { length, line_count: lineCount };
}

async function facts(value: StoredValue, context: DecodeContext) {
  const reader = await value.bytes();
  return measureText(reader.stream(0, reader.sizeBytes, context.signal));
}

async function readText(
  reader: ByteReader,
  args: Readonly<Record<string, unknown>>,
  context: DecodeContext,
): Promise<string> {
  const asked = Math.min(offsetOf(args), reader.sizeBytes);
  // The offset may fall into a character: the text begins with the next one.
  const head = await reader.read(asked, Math.min(asked + 4, reader.sizeBytes), context.signal);
  const start = asked + (asked === 0 ? 0 : characterStart(head, 0));
  const found = await textOfRange(reader, { start, args, context });
  if (found === null) throw corrupt("The text is not UTF-8.");
  return found;
}

async function linesOf(
  reader: ByteReader,
  args: Readonly<Record<string, unknown>>,
  context: DecodeContext,
): Promise<string[]> {
  const first = typeof args["first"] === "number" ? args["first"] : 100;
  if (first < 0 || first > maxLines) {
    throw new ServiceError(
      "LIMIT_EXCEEDED",
      `first is ${first}; from 0 to ${maxLines} lines are answered at once.`,
      {
        details: { field: "first", value: first, limit: maxLines },
      },
    );
  }
  return readLines(reader.stream(0, reader.sizeBytes, context.signal), {
    offset: offsetOf(args),
    first,
    limitBytes: context.inlineLimitBytes,
    tooLong: () =>
      new ServiceError(
        "LIMIT_EXCEEDED",
        `The lines hold more than ${context.inlineLimitBytes} bytes, the most that is answered inline. Ask for fewer, or fetch the url.`,
        { details: { field: context.field, limit: context.inlineLimitBytes } },
      ),
  });
}

function offsetOf(args: Readonly<Record<string, unknown>>): number {
  const offset = Number(args["offset"] ?? 0);
  if (Number.isSafeInteger(offset) && offset >= 0) return offset;
  throw new ServiceError(
    "BAD_USER_INPUT",
    `offset is ${String(args["offset"])}; give a whole number from 0 on.`,
    {
      details: { field: "offset", value: String(args["offset"]), remedy: "Give 0 for the beginning." },
    },
  );
}
