/** What a codec writes for a sample, gathered. */

import type { Codec, DecodeContext, EncodeContext, Encoded, JsonObject } from "../contract.ts";
import type { CodecSample } from "./contract.ts";

const encoding: EncodeContext = { schema: "lab", table: "sample", field: "value", inStore: true, args: {} };
const decoding: DecodeContext = { field: "value", args: {}, inlineLimitBytes: 2 ** 20 };

export function decodingOf({ args = {} }: CodecSample): DecodeContext {
  return { ...decoding, args };
}

/** Bytes of a file, or of the files of a folder by their paths. */
export type Content = Uint8Array | Readonly<Record<string, Uint8Array>>;

export interface Whole {
  readonly content: Content;
  readonly meta: JsonObject | undefined;
  readonly ext: string | undefined;
}

export async function encodeWhole(codec: Codec, { input, args = {} }: CodecSample): Promise<Whole> {
  const context = { ...encoding, args };
  codec.validate?.(input, context);
  const encoded = await codec.encode(input, context);
  return { content: await collect(encoded), meta: encoded.meta, ext: encoded.ext };
}

async function collect({ body, files }: Encoded): Promise<Content> {
  if (files !== undefined) {
    return Object.fromEntries(files.map(({ path, bytes }) => [path, Uint8Array.from(bytes)]));
  }
  if (typeof body !== "function") return Uint8Array.from(body);
  const parts: Uint8Array[] = [];
  for await (const part of body()) parts.push(Uint8Array.from(part));
  return Uint8Array.from(Buffer.concat(parts));
}

/** The content with the bytes of each file as `change` makes them. */
export function mapped(content: Content, change: (bytes: Uint8Array) => Uint8Array): Content {
  if (content instanceof Uint8Array) return change(content);
  return Object.fromEntries(Object.entries(content).map(([path, bytes]) => [path, change(bytes)]));
}

/** Buffers compare as the bytes they are. */
export function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Uint8Array.from(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype)
    return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, plain(part)]));
}
