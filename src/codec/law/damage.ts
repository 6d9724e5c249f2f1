/** Laws of damaged bytes. */

import { ok } from "node:assert/strict";
import { isServiceError } from "../../errors.ts";
import type { Codec, DecodeContext, JsonObject } from "../contract.ts";
import { storedValueOf } from "../memory-reader.ts";
import { type Content, decodingOf, encodeWhole } from "./content.ts";
import type { CodecSample } from "./contract.ts";

/** Decoding damaged bytes may take so long, in milliseconds. */
const patienceMs = 5000;
/** Decoding damaged bytes may allocate so much beyond their own size. */
const allowanceBytes = 64 * 2 ** 20;
/** Places that are damaged in a long sample; short ones are damaged everywhere. */
const damagedPlaces = 400;

/** Errors by which a codec may answer damaged bytes. */
const honestCodes = ["CODEC_CORRUPT", "OBJECT_CORRUPT", "LIMIT_EXCEEDED"] as const;

export function* truncations(bytes: Uint8Array): Generator<Uint8Array> {
  for (const length of places(bytes.length)) yield bytes.slice(0, length);
}

export function* bitFlips(bytes: Uint8Array): Generator<Uint8Array> {
  for (const at of places(bytes.length)) {
    const damaged = bytes.slice();
    damaged[at] = (damaged[at] ?? 0) ^ (1 << ((at * 5) % 8));
    yield damaged;
    const replaced = bytes.slice();
    replaced[at] = 0xff;
    yield replaced;
  }
}

/** Every place of short bytes; of long ones the beginning, where lengths stand, and evenly spread ones. */
function places(length: number): number[] {
  const step = Math.max(1, Math.floor((2 * length) / damagedPlaces));
  return Array.from({ length }, (_, at) => at).filter((at) => at < damagedPlaces / 2 || at % step === 0);
}

export async function damage(
  codec: Codec,
  sample: CodecSample,
  kinds: (bytes: Uint8Array) => Iterable<Uint8Array>,
): Promise<void> {
  const { content, meta } = await encodeWhole(codec, sample);
  const size = sizeOf(content);
  for (const damaged of damagedContents(content, kinds)) {
    const started = performance.now();
    const before = memoryBytes();
    await answersHonestly(codec, damaged, { meta, context: decodingOf(sample) });
    ok(performance.now() - started < patienceMs, `decoding damaged bytes took over ${patienceMs} ms`);
    const used = memoryBytes() - before;
    ok(used < size * 2 + allowanceBytes, `decoding ${size} damaged bytes allocated ${used} bytes`);
  }
}

function sizeOf(content: Content): number {
  if (content instanceof Uint8Array) return content.length;
  return Object.values(content).reduce((sum, bytes) => sum + bytes.length, 0);
}

/** Damaged bytes; of a folder each file in turn, and each file gone. */
function* damagedContents(
  content: Content,
  kinds: (bytes: Uint8Array) => Iterable<Uint8Array>,
): Generator<Content> {
  if (content instanceof Uint8Array) {
    yield* kinds(content);
    return;
  }
  for (const [path, bytes] of Object.entries(content)) {
    for (const damaged of kinds(bytes)) yield { ...content, [path]: damaged };
    yield Object.fromEntries(Object.entries(content).filter(([other]) => other !== path));
  }
}

function memoryBytes(): number {
  const { arrayBuffers, heapUsed } = process.memoryUsage();
  return arrayBuffers + heapUsed;
}

/** Without a checksum damage may give another value; it may not give an error of any other kind. */
async function answersHonestly(
  codec: Codec,
  damaged: Content,
  { meta, context }: { readonly meta: JsonObject | undefined; readonly context: DecodeContext },
): Promise<void> {
  try {
    await codec.decode(storedValueOf(damaged, meta), context);
  } catch (error) {
    // A plain Error is thrown on purpose and becomes CODEC_CORRUPT; a TypeError or RangeError is a slip.
    const deliberate = error instanceof Error && error.constructor === Error;
    const honest = deliberate || honestCodes.some((code) => isServiceError(error, code));
    ok(honest, `damaged bytes gave ${String(error)} instead of CODEC_CORRUPT`);
  }
}

/** Cut, and changed, at one place. */
export function* damagedAt(bytes: Uint8Array, fraction: number): Generator<Uint8Array> {
  const at = Math.floor(fraction * bytes.length);
  yield bytes.slice(0, at);
  const changed = bytes.slice();
  if (at < changed.length) changed[at] = (changed[at] ?? 0) ^ 0x81;
  yield changed;
}
