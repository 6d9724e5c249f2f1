/**
 * Chains of codecs: `blob` in a store stands on `hash`, which ends in the row's JSON. Encoding runs outermost to innermost, decoding
 * the reverse; a fault of a codec is told with its name, its direction and the field.
 */

import { ServiceError } from "../errors.ts";
import type { Apart } from "./apart-contract.ts";
import { blameAsync } from "./blame.ts";
import type {
  Codec,
  CodecField,
  DecodeContext,
  EncodeContext,
  Json,
  JsonObject,
  ReferContext,
  StoredObject,
  StoredValue,
  UploadSide,
} from "./contract.ts";
import { asFits, limitsOf, withoutSignal } from "./decode-place.ts";
import { readerOf } from "./memory-reader.ts";
import type { MovedJson } from "./moved-json.ts";
import { sharedView } from "./shared-value.ts";

/** A codec as a field uses it; the model's `CodecUse` fits. */
export interface ChainUse {
  readonly name: string;
  /** Resolved store name; absent = in the row. */
  readonly store?: string | undefined;
  readonly args?: Readonly<Record<string, unknown>>;
}

/** What a chain needs of the registry. */
export interface CodecLookup {
  /** @throws {CODEC_UNKNOWN} naming the codecs there are. */
  get(name: string): Codec;
  /** Worker threads for what is large. Absent: everything is decoded at once, as in commands that serve nobody. */
  readonly apart?: Apart;
}

/** Codecs of a use, outermost first, and what the last one stands on. */
export interface Chain {
  readonly codecs: readonly [Codec, ...Codec[]];
  readonly placement: "row" | "store";
  /** The column: `bytes` is bytea, `json` is jsonb. */
  readonly ends: "bytes" | "json";
  readonly addressing: "hash" | "schema" | "external" | undefined;
}

/**
 * Follows a codec to its core type.
 * @throws {CODEC_UNKNOWN} when a codec is not loaded; {CONFIG_INVALID} when it has no such placement or stands on itself.
 */
export function chainOf(codecs: CodecLookup, use: ChainUse): Chain {
  const placement = use.store === undefined ? "row" : "store";
  const outer = codecs.get(use.name);
  const found: [Codec, ...Codec[]] = [outer];
  for (let codec = outer; ; ) {
    const next = codec.chain[placement];
    if (next === undefined) throw noPlacement(codec, placement);
    if (next === "bytes" || next === "json") {
      const addressing = placement === "store" ? codec.addressing : undefined;
      return { codecs: found, placement, ends: next, addressing };
    }
    codec = codecs.get(next.slice(1, -1));
    if (found.includes(codec)) {
      throw new ServiceError(
        "CONFIG_INVALID",
        `Codec "${use.name}" stands on itself through "${codec.name}".`,
      );
    }
    found.push(codec);
  }
}

function noPlacement(codec: Codec, placement: "row" | "store"): ServiceError {
  const message =
    placement === "row"
      ? `Codec "${codec.name}" keeps its values in a store. Name one: @codec(name: "${codec.name}", store: "default").`
      : `Codec "${codec.name}" keeps its values in the row. Leave out the store: @codec(name: "${codec.name}").`;
  return new ServiceError("CONFIG_INVALID", message, { details: { field: "codec", value: codec.name } });
}

/** Where objects of this use lie: by hash, by schema, or the user's own; `undefined` in the row. */
export function addressingOf(codecs: CodecLookup, use: ChainUse): Chain["addressing"] {
  return chainOf(codecs, use).addressing;
}

/** Context of an operation on one field; placement and arguments come from the use. */
export type ChainEncodeContext = Omit<EncodeContext, "inStore" | "args">;
type ChainDecodeContext = Omit<DecodeContext, "args">;

/** The context as codecs have it. */
export function encodeContext(use: ChainUse, context: ChainEncodeContext): EncodeContext {
  return { ...context, inStore: use.store !== undefined, args: use.args ?? {} };
}

/** The row's JSON for an object that was written; `meta` is that of {@link encodeChain} or of the upload's inspection. */
export function metadataOf(
  codecs: CodecLookup,
  use: ChainUse,
  written: { object: StoredObject; meta: JsonObject },
): JsonObject {
  const codec = innermost(chainOf(codecs, use));
  if (codec.metadata === undefined) {
    throw new ServiceError("CONFIG_INVALID", `Codec "${codec.name}" gives no metadata for stored objects.`);
  }
  return codec.metadata(written.object, written.meta);
}

/** The row's JSON for a reference to the user's own file. @throws {CODEC_INVALID_VALUE} when path or file are not fit. */
export function referChain(
  codecs: CodecLookup,
  use: ChainUse,
  options: { input: Readonly<Record<string, unknown>>; context: Omit<ReferContext, "inStore" | "args"> },
): Promise<JsonObject> {
  const codec = innermost(chainOf(codecs, use));
  const { input, context } = options;
  return blameAsync({ codec, direction: "encode", field: context.field }, async () => {
    if (codec.refer === undefined) {
      throw new ServiceError("CONFIG_INVALID", `Codec "${codec.name}" does not take references to files.`);
    }
    const full = { ...context, inStore: true, args: use.args ?? {} };
    codec.validate?.(input, full);
    return codec.refer(input, full);
  });
}

/** How this use takes uploads: the outermost codec's way, or `undefined` where it takes none. */
export function uploadOf(codecs: CodecLookup, use: ChainUse): UploadSide | undefined {
  return chainOf(codecs, use).codecs[0].upload;
}

/** The stored value as the outermost codec of the use sees it. */
export function unwrapChain(codecs: CodecLookup, use: ChainUse, value: StoredValue): StoredValue {
  const inner = chainOf(codecs, use).codecs.slice(1).reverse();
  return inner.reduce<StoredValue>((seen, codec) => unwrap(codec, seen), value);
}

function unwrap(codec: Codec, value: StoredValue): StoredValue {
  if (codec.unwrap !== undefined) return codec.unwrap(value);
  return {
    meta: value.meta,
    tree: () => value.tree(),
    async bytes() {
      const decoded = await codec.decode(value, { field: codec.name, args: {}, inlineLimitBytes: 2 ** 31 });
      if (decoded instanceof Uint8Array) return readerOf(decoded);
      throw new ServiceError("CONFIG_INVALID", `Codec "${codec.name}" gives no bytes to stand on.`);
    },
  };
}

/** The whole value in the outermost codec's neutral form. @throws {CODEC_CORRUPT} when the bytes are not in its format. */
export function decodeChain(
  codecs: CodecLookup,
  use: ChainUse,
  options: { value: StoredValue; context: ChainDecodeContext },
): Promise<unknown> {
  const [codec] = chainOf(codecs, use).codecs;
  const value = unwrapChain(codecs, use, options.value);
  const context = { ...options.context, limits: limitsOf(codecs), args: use.args ?? {} };
  return blameAsync({ codec, direction: "decode", field: context.field }, () =>
    asFits(codecs.apart, {
      codec,
      value,
      call: { kind: "decode", context: withoutSignal(context) },
      signal: context.signal,
      atOnce: (opened) => codec.decode(opened, context),
    }),
  );
}

/** A field of the codec's output type as this use answers it; `sql` is chosen by placement. `undefined`: the codec has no such field. */
export function fieldOf(
  codecs: CodecLookup,
  use: ChainUse,
  name: string,
): { readonly field: CodecField; readonly sql: ((column: string) => string) | undefined } | undefined {
  const chain = chainOf(codecs, use);
  const { fields } = chain.codecs[0];
  const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (field === undefined) return undefined;
  return { field, sql: field.sql?.[chain.placement] };
}

/** A question to a field of one value. */
interface FieldQuestion {
  readonly name: string;
  readonly value: StoredValue;
  readonly args: Readonly<Record<string, unknown>>;
  readonly context: ChainDecodeContext;
  /** Whether a large answer of a worker thread may be the text that it has written. */
  readonly asJson?: boolean;
}

/** Asks a field of one value where SQL cannot tell it. A field that the codec does not have, or that only SQL knows, is null. */
export function readField(
  codecs: CodecLookup,
  use: ChainUse,
  options: FieldQuestion & { readonly asJson?: never },
): Promise<Json>;
export function readField(
  codecs: CodecLookup,
  use: ChainUse,
  options: FieldQuestion,
): Promise<Json | MovedJson>;
export async function readField(
  codecs: CodecLookup,
  use: ChainUse,
  options: FieldQuestion,
): Promise<Json | MovedJson> {
  const read = fieldOf(codecs, use, options.name)?.field.read;
  if (read === undefined) return null;
  const [codec] = chainOf(codecs, use).codecs;
  const value = await sharedView(options.value, (stored) => unwrapChain(codecs, use, stored));
  const context = { ...options.context, limits: limitsOf(codecs), args: use.args ?? {} };
  const { name, args, asJson = false } = options;
  return blameAsync({ codec, direction: "decode", field: context.field }, () =>
    asFits<Json | MovedJson>(codecs.apart, {
      codec,
      value,
      call: { kind: "field", name, args, asJson, context: withoutSignal(context) },
      signal: context.signal,
      atOnce: (opened) => read(opened, args, context),
    }),
  );
}

/** What the outermost codec says of bytes that were uploaded; `undefined` where it takes no uploads. */
export async function inspectChain(
  codecs: CodecLookup,
  use: ChainUse,
  options: {
    upload: Parameters<UploadSide["inspect"]>[0];
    context: ChainEncodeContext;
  },
): Promise<JsonObject | undefined> {
  const [codec] = chainOf(codecs, use).codecs;
  const context = { ...encodeContext(use, options.context), limits: limitsOf(codecs) };
  const { value, ...facts } = options.upload;
  const seen = unwrapChain(codecs, use, value);
  return asFits(codecs.apart, {
    codec,
    value: seen,
    call: { kind: "inspect", upload: facts, context: withoutSignal(context) },
    signal: context.signal,
    atOnce: async (opened) => codec.upload?.inspect({ ...facts, value: opened }, context),
  });
}

/** Where the content begins that `url` serves, and its file name if the bytes carry one. */
export async function contentOf(
  codecs: CodecLookup,
  use: ChainUse,
  value: StoredValue,
): Promise<{ readonly start: number; readonly filename?: string }> {
  const [codec] = chainOf(codecs, use).codecs;
  const known = value.meta === undefined ? undefined : codec.contentByMeta?.(value.meta);
  if (known !== undefined) return known;
  if (codec.content === undefined) return { start: 0 };
  return codec.content(await unwrapChain(codecs, use, value).bytes());
}

function innermost(chain: Chain): Codec {
  return chain.codecs.at(-1) ?? chain.codecs[0];
}
