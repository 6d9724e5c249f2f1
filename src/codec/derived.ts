/** Asks a codec for what is derived of an object. */

import { ServiceError } from "../errors.ts";
import { blameAsync } from "./blame.ts";
import { type ChainUse, type CodecLookup, chainOf, unwrapChain } from "./chain.ts";
import type { Codec, Derived, JsonObject, StoredValue } from "./contract.ts";
import { asFits, limitsOf, withoutSignal } from "./decode-place.ts";

/** What a codec derives by a name. @throws {NOT_FOUND} when it does not, as after a change of the codec. */
export function derivedOf(codec: Codec, name: string): Derived {
  const found =
    codec.derived !== undefined && Object.hasOwn(codec.derived, name) ? codec.derived[name] : undefined;
  if (found !== undefined) return found;
  throw new ServiceError("NOT_FOUND", `The codec ${codec.name} makes no ${name} any more.`, {
    details: { value: name, remedy: "Ask for a new URL." },
  });
}

/**
 * Makes it, in a worker thread where the codec or the size wants it.
 * @throws {CODEC_CORRUPT}, {LIMIT_EXCEEDED} as decoding does.
 */
export function makeDerived(
  codecs: CodecLookup,
  use: ChainUse,
  wish: {
    readonly name: string;
    readonly args: JsonObject;
    readonly value: StoredValue;
    /** Bytes that the file may have. */
    readonly mostBytes: number;
    readonly signal: AbortSignal;
  },
): Promise<Uint8Array> {
  const [codec] = chainOf(codecs, use).codecs;
  const { name, args, signal, mostBytes } = wish;
  const field = `${codec.name}.${name}`;
  const limits = limitsOf(codecs);
  const context = { field, args: use.args ?? {}, limits, inlineLimitBytes: mostBytes, signal };
  return blameAsync({ codec, direction: "decode", field }, async () => {
    const made = await asFits(codecs.apart, {
      codec,
      value: unwrapChain(codecs, use, wish.value),
      call: { kind: "derived", name, args, context: withoutSignal(context) },
      signal,
      atOnce: (opened) => derivedOf(codec, name).make(opened, args, context),
    });
    if (made.length <= mostBytes) return made;
    throw new ServiceError(
      "LIMIT_EXCEEDED",
      `${field} has ${made.length} bytes; at most ${mostBytes} are made.`,
      {
        details: { limit: mostBytes },
      },
    );
  });
}
