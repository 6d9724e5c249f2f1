/** How values of one codec become values of another: as they are, as files, or as arrays. */

import { createHash } from "node:crypto";
import {
  type ChainUse,
  type CodecLookup,
  chainOf,
  contentOf,
  decodeChain,
  unwrapChain,
  uploadOf,
} from "../codec/chain.ts";
import type { ByteReader, Codec, ExchangedArray, StoredValue } from "../codec/contract.ts";
import { type ChainEncoded, encodeChain, encodeRest } from "../codec/encode-chain.ts";
import { ServiceError } from "../errors.ts";
import { digestOf } from "../object/digest.ts";

/** The way of a value. `packed`: the same codec elsewhere, its bytes as they are; `file`: the content; `array`: elements, shape and type. */
export interface Conversion {
  readonly kind: "packed" | "file" | "array";
  readonly from: ChainUse;
  readonly to: ChainUse;
}

/** What is to be written, and how. */
export interface Converted extends ChainEncoded {
  /** True where the codec has yet to look at the bytes, as it does at an upload. */
  readonly isUpload: boolean;
  readonly filename: string;
  /** As {@link sumOf} tells it of the value, where converting has told it already. */
  readonly sum?: string;
}

/** Where a value is, for messages. */
export interface ConvertContext {
  readonly schema: string;
  readonly table: string;
  readonly field: string;
  readonly signal?: AbortSignal | undefined;
}

/** The way from one codec to another; `undefined`: they have nothing in common. @throws {CODEC_UNKNOWN} */
export function conversionOf(codecs: CodecLookup, from: ChainUse, to: ChainUse): Conversion | undefined {
  const [source, target] = [chainOf(codecs, from), chainOf(codecs, to)];
  const [a, b] = [source.codecs[0], target.codecs[0]];
  const way = (kind: Conversion["kind"]): Conversion => ({ kind, from, to });
  if (target.addressing === "external") return undefined;
  if (a.exchange?.array !== undefined && b.exchange?.array !== undefined && a !== b) return way("array");
  // What has no bytes has nothing that could move.
  const hasBytes = [source, target].every((chain) => chain.placement === "store" || chain.ends === "bytes");
  if (!hasBytes) return undefined;
  if (a === b) return way("packed");
  return a.exchange?.file === true && b.exchange?.file === true && b.upload !== undefined
    ? way("file")
    : undefined;
}

/** What the new codec writes for a value of the old one. @throws {CODEC_INVALID_VALUE} when it cannot keep it. */
export async function convert(
  codecs: CodecLookup,
  conversion: Conversion,
  { value, context }: { readonly value: StoredValue; readonly context: ConvertContext },
): Promise<Converted> {
  const { kind, to } = conversion;
  if (value.meta?.["is_dir"] === true && kind !== "array")
    throw unfit(context, "The value is a folder, which only its own codec keeps.");
  if (kind === "array") {
    const { codecs: chain } = chainOf(codecs, to);
    const array = await arrayOf(codecs, conversion.from, { value, context });
    const encoded = await encodeChain(codecs, to, { input: taken(chain[0], array), context });
    return { ...encoded, isUpload: false, filename: "", sum: sumOfArray(array) };
  }
  const { reader, start, filename } = await contentIn(codecs, conversion, { value, context });
  const side = uploadOf(codecs, to)?.begin({ filename, isTree: false });
  const prefix = kind === "file" ? side?.prefix : undefined;
  const body = async function* (): AsyncGenerator<Uint8Array> {
    if (prefix !== undefined) yield prefix;
    yield* reader.stream(start, reader.sizeBytes, context.signal);
  };
  const outer = { body, meta: {}, ...(side?.ext === undefined ? {} : { ext: side.ext }) };
  const encoded = await encodeRest(codecs, to, { outer, context });
  return { ...encoded, isUpload: uploadOf(codecs, to) !== undefined, filename };
}

/** Equal for equal values of the old and the new codec: a digest of what is exchanged between them. */
export async function sumOf(
  codecs: CodecLookup,
  conversion: Conversion,
  at: { readonly use: ChainUse; readonly value: StoredValue; readonly context: ConvertContext },
): Promise<string> {
  if (conversion.kind === "array") return sumOfArray(await arrayOf(codecs, at.use, at));
  const { reader, start } = await contentIn(codecs, { ...conversion, from: at.use }, at);
  const { signal } = at.context;
  return (await digestOf(reader.stream(start, reader.sizeBytes, signal), signal)).sha256;
}

function sumOfArray({ dtype, shape, bytes }: ExchangedArray): string {
  const form = JSON.stringify([dtype, shape]);
  return createHash("sha256").update(form).update(bytes).digest("hex");
}

interface Opened {
  readonly reader: ByteReader;
  /** Where what is exchanged begins. */
  readonly start: number;
  readonly filename: string;
}

async function contentIn(
  codecs: CodecLookup,
  { kind, from }: Pick<Conversion, "kind" | "from">,
  { value, context }: { readonly value: StoredValue; readonly context: ConvertContext },
): Promise<Opened> {
  const reader = await unwrapChain(codecs, from, value).bytes();
  const content = await contentOf(codecs, from, value);
  const path = value.meta?.["path"];
  const ext = typeof path === "string" ? (/\.[A-Za-z0-9]{1,16}$/.exec(path)?.[0] ?? "") : "";
  const filename = content.filename ?? `${context.field.split(".").at(-1) ?? "value"}${ext}`;
  return { reader, start: kind === "file" ? content.start : 0, filename };
}

async function arrayOf(
  codecs: CodecLookup,
  use: ChainUse,
  { value, context }: { readonly value: StoredValue; readonly context: ConvertContext },
): Promise<ExchangedArray> {
  const { field, signal } = context;
  const decoded = await decodeChain(codecs, use, {
    value,
    context: { field, inlineLimitBytes: 2 ** 31, signal },
  });
  const array = chainOf(codecs, use).codecs[0].exchange?.array?.give(decoded);
  if (array === undefined) throw unfit(context, "The value is no array of numbers.");
  return array;
}

function taken(codec: Codec, array: ExchangedArray): Readonly<Record<string, unknown>> {
  const take = codec.exchange?.array?.take;
  if (take === undefined)
    throw new ServiceError("INTERNAL_SERVER_ERROR", `The codec ${codec.name} takes no arrays.`);
  return take(array);
}

function unfit(context: ConvertContext, message: string): ServiceError {
  return new ServiceError("CODEC_INVALID_VALUE", message, {
    details: {
      field: context.field,
      remedy: "Change or delete the value, then run holdfast migrate again; or keep the codec.",
    },
  });
}
