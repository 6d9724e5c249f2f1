/** Laws of whole values. */

import { deepStrictEqual, ok } from "node:assert/strict";
import type { Codec } from "../contract.ts";
import { storedValueOf } from "../memory-reader.ts";
import { decodingOf, encodeWhole, mapped, plain } from "./content.ts";
import type { CodecSample } from "./contract.ts";

export async function roundTrip(codec: Codec, sample: CodecSample): Promise<void> {
  const { content, meta } = await encodeWhole(codec, sample);
  deepStrictEqual(
    plain(await codec.decode(storedValueOf(content, meta), decodingOf(sample))),
    plain(sample.decoded),
  );
}

export async function determinism(codec: Codec, sample: CodecSample): Promise<void> {
  const first = await encodeWhole(codec, sample);
  deepStrictEqual(await encodeWhole(codec, { ...sample, input: structuredClone(sample.input) }), first);
}

export async function untouchedInput(codec: Codec, sample: CodecSample): Promise<void> {
  const before = structuredClone(sample.input);
  const { content, meta } = await encodeWhole(codec, sample);
  // Copied like the one before: inputs may be without a prototype.
  deepStrictEqual(structuredClone(sample.input), before);
  const stored = mapped(content, (bytes) => Uint8Array.from(bytes));
  await codec.decode(storedValueOf(stored, meta), decodingOf(sample));
  deepStrictEqual(stored, content, "decode has written into the stored bytes");
}

export async function viewEqualsCopy(codec: Codec, sample: CodecSample): Promise<void> {
  const { content, meta } = await encodeWhole(codec, sample);
  const view = mapped(content, (bytes) => {
    const around = new Uint8Array(bytes.length + 13).fill(0xa5);
    around.set(bytes, 7);
    return around.subarray(7, 7 + bytes.length);
  });
  const copied = await codec.decode(storedValueOf(content, meta), decodingOf(sample));
  deepStrictEqual(plain(await codec.decode(storedValueOf(view, meta), decodingOf(sample))), plain(copied));
}

export async function plainFields(codec: Codec, sample: CodecSample): Promise<void> {
  const { content, meta } = await encodeWhole(codec, sample);
  for (const [name, field] of Object.entries(codec.fields)) {
    if (field.read === undefined || /!/.test(field.args ?? "")) continue;
    const answer = await field.read(storedValueOf(content, meta), {}, decodingOf(sample));
    ok(isJson(answer), `the field ${name} is not plain JSON`);
  }
}

function isJson(value: unknown): boolean {
  if (value === null || typeof value === "boolean" || typeof value === "string") return true;
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value !== "object") return false;
  return Array.isArray(value) ? value.every(isJson) : Object.values(value).every(isJson);
}

export async function stopsWhenAborted(codec: Codec, sample: CodecSample): Promise<void> {
  const { content, meta } = await encodeWhole(codec, sample);
  const reason = new Error("aborted by the test");
  const signal = AbortSignal.abort(reason);
  const outcome = await codec.decode(storedValueOf(content, meta), { ...decodingOf(sample), signal }).then(
    () => "a value",
    (error: unknown) => error,
  );
  ok(outcome !== "a value", "decode went on after its signal was aborted");
}
