/** How values of one codec become values of another: as they are, as files, as folders, as arrays, or as JSON. */

import { createHash } from "node:crypto";
import {
  type ChainUse,
  type CodecLookup,
  chainOf,
  contentOf,
  decodeChain,
  readField,
  unwrapChain,
  uploadOf,
} from "../codec/chain.ts";
import type { ByteReader, EncodedFile, ExchangedArray, StoredValue } from "../codec/contract.ts";
import { type ChainEncoded, encodeChain, encodeRest } from "../codec/encode-chain.ts";
import { ServiceError } from "../errors.ts";
import type { CopiedFile } from "../object/contract.ts";
import { digestOf } from "../object/digest.ts";
import { copiedFolder, sumOfFolder } from "./folder.ts";

/**
 * The way of a value. `packed`: the same codec elsewhere, its bytes as they are; `file`: the content, or the files of a folder; `folder`: folders alone;
 * `array`: elements, shape and type; `json`: JSON text.
 */
export interface Conversion {
  readonly kind: "packed" | "file" | "folder" | "array" | "json";
  readonly from: ChainUse;
  readonly to: ChainUse;
}

/** What is to be written, and how. */
export interface Converted extends Omit<ChainEncoded, "files"> {
  /** Of a folder, instead of the body. */
  readonly files?: readonly EncodedFile[] | readonly CopiedFile[];
  /** True where the codec has yet to look at the bytes, as it does at an upload. */
  readonly isUpload: boolean;
  readonly filename: string;
  /** What {@link sumOf} tells of the value, from what was read of it to be written; `undefined` where not all of it was. */
  readonly sum: () => string | undefined;
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
  if (a.exchange?.json !== undefined && b.exchange?.json !== undefined && a !== b) return way("json");
  // What has no bytes has nothing that could move.
  const hasBytes = [source, target].every((chain) => chain.placement === "store" || chain.ends === "bytes");
  if (!hasBytes) return undefined;
  if (a === b) return way("packed");
  if (b.upload === undefined) return undefined;
  if (a.exchange?.file === true && b.exchange?.file === true) return way("file");
  return a.acceptsTree === true && b.acceptsTree === true ? way("folder") : undefined;
}

/** What the new codec writes for a value of the old one. @throws {CODEC_INVALID_VALUE} when it cannot keep it. */
export async function convert(
  codecs: CodecLookup,
  conversion: Conversion,
  at: { readonly value: StoredValue; readonly context: ConvertContext },
): Promise<Converted> {
  const { kind } = conversion;
  if (kind === "array" || kind === "json") return convertDecoded(codecs, conversion, at);
  const isFolder = at.value.meta?.["is_dir"] === true;
  if (isFolder) return convertFolder(codecs, conversion, at);
  if (kind === "folder") throw unfit(at.context, "The value is a file, and the new codec keeps folders.");
  return convertContent(codecs, conversion, at);
}

async function convertDecoded(
  codecs: CodecLookup,
  { kind, from, to }: Conversion,
  at: { readonly value: StoredValue; readonly context: ConvertContext },
): Promise<Converted> {
  const { context } = at;
  const [codec] = chainOf(codecs, to).codecs;
  const isArray = kind === "array";
  const found = isArray
    ? inputOf(await arrayOf(codecs, from, at), codec.exchange?.array?.take, sumOfArray)
    : inputOf(await jsonOf(codecs, from, at), codec.exchange?.json?.take, sumOfText);
  const encoded = await encodeChain(codecs, to, { input: found.input, context });
  return { ...encoded, isUpload: false, filename: "", sum: () => found.sum };
}

function inputOf<T>(
  value: T,
  take: ((value: T) => Readonly<Record<string, unknown>>) | undefined,
  sum: (value: T) => string,
) {
  if (take === undefined)
    throw new ServiceError("INTERNAL_SERVER_ERROR", "The codec takes nothing of the kind.");
  return { input: take(value), sum: sum(value) };
}

/** The files as they are, each read once. */
async function convertFolder(
  codecs: CodecLookup,
  { to, from }: Conversion,
  { value, context }: { readonly value: StoredValue; readonly context: ConvertContext },
): Promise<Converted> {
  const [codec] = chainOf(codecs, to).codecs;
  if (codec.acceptsTree !== true)
    throw unfit(context, "The value is a folder, and the new codec keeps files.");
  const { files, sum } = await copiedFolder(unwrapChain(codecs, from, value), context.signal);
  checkCount(value, files);
  const side = uploadOf(codecs, to)?.begin({ filename: nameIn(value, context), isTree: true });
  return {
    ...{ body: new Uint8Array(), meta: {}, files, sum, filename: "" },
    ...(side?.ext === undefined ? {} : { ext: side.ext }),
    isUpload: uploadOf(codecs, to) !== undefined,
  };
}

/** A folder that has lost a file would be copied as if it never had it. @throws {OBJECT_CORRUPT} */
function checkCount({ meta }: StoredValue, files: readonly CopiedFile[]): void {
  const [count, size] = [meta?.["item_count"], meta?.["size"]];
  const found = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const isWhole =
    (typeof count !== "number" || count === files.length) && (typeof size !== "number" || size === found);
  if (isWhole) return;
  throw new ServiceError(
    "OBJECT_CORRUPT",
    `The folder has ${files.length} files of ${found} bytes in all; its row tells of ${String(count)} files of ${String(size)} bytes.`,
    { details: { remedy: "Look for what is missing: holdfast fsck." } },
  );
}

async function convertContent(
  codecs: CodecLookup,
  conversion: Conversion,
  at: { readonly value: StoredValue; readonly context: ConvertContext },
): Promise<Converted> {
  const { kind, from, to } = conversion;
  const { context } = at;
  const { reader, start, filename } = await contentIn(codecs, conversion, at);
  const side = uploadOf(codecs, to)?.begin({ filename, isTree: false });
  const prefix = kind === "file" ? side?.prefix : undefined;
  let sum: string | undefined;
  const body = async function* (): AsyncGenerator<Uint8Array> {
    if (prefix !== undefined) yield prefix;
    const digest = createHash("sha256");
    for await (const chunk of reader.stream(start, reader.sizeBytes, context.signal)) {
      digest.update(chunk);
      yield chunk;
    }
    sum = digest.digest("hex");
  };
  const outer = { body, meta: {}, ...(side?.ext === undefined ? {} : { ext: side.ext }) };
  const encoded = await encodeRest(codecs, to, { outer, context });
  // Users may write to their own files while they are read: what was read at two moments must be one.
  const isOurs = chainOf(codecs, from).addressing !== "external";
  const told = (): string | undefined => (isOurs ? sum : undefined);
  return { ...encoded, isUpload: uploadOf(codecs, to) !== undefined, filename, sum: told };
}

/** Equal for equal values of the old and the new codec: a digest of what is exchanged between them. */
export async function sumOf(
  codecs: CodecLookup,
  conversion: Conversion,
  at: { readonly use: ChainUse; readonly value: StoredValue; readonly context: ConvertContext },
): Promise<string> {
  const { kind } = conversion;
  const { signal } = at.context;
  if (kind === "array") return sumOfArray(await arrayOf(codecs, at.use, at));
  if (kind === "json") return sumOfText(await jsonOf(codecs, at.use, at));
  if (at.value.meta?.["is_dir"] === true) return sumOfFolder(unwrapChain(codecs, at.use, at.value), signal);
  const { reader, start } = await contentIn(codecs, { ...conversion, from: at.use }, at);
  return (await digestOf(reader.stream(start, reader.sizeBytes, signal), signal)).sha256;
}

function sumOfText(text: string): string {
  return createHash("sha256").update(text).digest("hex");
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
  const filename = content.filename ?? nameIn(value, context);
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

async function jsonOf(
  codecs: CodecLookup,
  use: ChainUse,
  {
    value,
    context: { field, signal },
    context,
  }: { readonly value: StoredValue; readonly context: ConvertContext },
): Promise<string> {
  const exchange = chainOf(codecs, use).codecs[0].exchange?.json;
  const at = { field, inlineLimitBytes: 2 ** 31, signal };
  const found =
    exchange?.field === undefined
      ? await decodeChain(codecs, use, { value, context: at })
      : await readField(codecs, use, { name: exchange.field, value, args: {}, context: at });
  const text = exchange?.give(found);
  if (text === undefined) throw unfit(context, "The value is no JSON, which would lose what it is.");
  return text;
}

/** A name for what has none: that of the field, with the extension of its key. */
function nameIn({ meta }: StoredValue, { field }: ConvertContext): string {
  const path = meta?.["path"];
  const ext = typeof path === "string" ? (/\.[A-Za-z0-9]{1,16}$/.exec(path)?.[0] ?? "") : "";
  return `${field.split(".").at(-1) ?? "value"}${ext}`;
}

function unfit(context: ConvertContext, message: string): ServiceError {
  return new ServiceError("CODEC_INVALID_VALUE", message, {
    details: {
      field: context.field,
      remedy: "Change or delete the value, then run holdfast migrate again; or keep the codec.",
    },
  });
}
