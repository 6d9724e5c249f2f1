/** Decides where a codec is asked: at once, or in a worker thread. */

import { type DecodeLimits, defaultDecodeLimits } from "../format/decode-limits.ts";
import type { Apart, ApartCall } from "./apart-contract.ts";
import { fileOf } from "./codec-file.ts";
import type { Codec, StoredValue, UnfoldQuestion } from "./contract.ts";
import { openedOnce } from "./opened-once.ts";

/** One question to a codec, both ways. */
interface Question<Answer> {
  readonly codec: Codec;
  readonly value: StoredValue;
  readonly call: ApartCall;
  readonly signal: AbortSignal | undefined;
  readonly atOnce: (value: StoredValue) => Promise<Answer>;
}

/** The answer, from a worker thread where the value is large or the codec wants it. */
export async function asFits<Answer>(
  apart: Apart | undefined,
  { codec, value, call, signal, atOnce }: Question<Answer>,
): Promise<Answer> {
  const file = fileOf(codec);
  // A codec that a program made itself is nowhere to be loaded from; none of a service is.
  if (apart === undefined || file === undefined || codec.apart === "never") return atOnce(value);
  const opened = openedOnce(value);
  const { apartBytes } = apart.limits;
  const question = { ...askedBy(call), atOnceBytes: apartBytes, signal };
  if (codec.apart !== "always" && (await workBytes(codec, opened, question)) <= apartBytes)
    return atOnce(opened);
  // What a codec answers here it answers there: the file is the same.
  return (await apart.run({ file, call, value: opened, signal })) as Answer;
}

function askedBy(call: ApartCall): Pick<UnfoldQuestion, "field" | "args"> {
  return call.kind === "field" ? { field: call.name, args: call.args } : { args: {} };
}

async function workBytes(codec: Codec, value: StoredValue, question: UnfoldQuestion): Promise<number> {
  if (codec.unfoldedBytes !== undefined) return codec.unfoldedBytes(value, question);
  const size = value.meta?.["size"];
  if (typeof size === "number") return size;
  return value.meta?.["is_dir"] === true ? 0 : (await value.bytes()).sizeBytes;
}

/** Limits of decoding, in this service. */
export function limitsOf({ apart }: { readonly apart?: Apart }): DecodeLimits {
  return apart?.limits ?? defaultDecodeLimits;
}

/** The context without its signal, which cannot go to another thread. */
export function withoutSignal<Context extends { readonly signal?: AbortSignal | undefined }>(
  context: Context,
): Omit<Context, "signal"> {
  const { signal: _signal, ...rest } = context;
  return rest;
}
