/**
 * The laws every codec keeps, as functions for any test runner; public as `holdfast/codec/testing`.
 *
 * ```ts
 * for (const law of testCodec(myCodec, inputs, vectors)) test(law.name, law.check);
 * ```
 */

import { deepStrictEqual, ok } from "node:assert/strict";
import type { Arbitrary } from "fast-check";
import { isServiceError } from "../errors.ts";
import type { Codec, DecodeContext, EncodeContext, Encoded, JsonObject } from "./contract.ts";
import { storedValueOf } from "./memory-reader.ts";

/** A value that the codec must keep. */
export interface CodecSample {
  readonly name: string;
  /** As GraphQL coerces it: `{values: {dtype: "int8", shape: [1], data: [3]}}`. */
  readonly input: Readonly<Record<string, unknown>>;
  /** What `decode` must give for it. */
  readonly decoded: unknown;
  /** `args` of `@codec`, as the schema file's checks would give them: defaults filled in. */
  readonly args?: Readonly<Record<string, unknown>>;
}

/** A sample whose bytes are known, from the format's reference implementation at best. */
export interface CodecVector extends CodecSample {
  /** What `encode` must write, byte for byte, in hexadecimal; blanks do not count. */
  readonly bytes: string;
}

/** How inputs that a machine has made are tried. */
export interface TryOptions {
  /** What `decode` must give for an input. Absent: decoding is tried, and not compared. */
  readonly decodedOf?: (input: CodecSample["input"]) => unknown;
  /** 100 unless told. */
  readonly runs?: number;
  readonly seed?: number;
  readonly args?: CodecSample["args"];
}

/** One law; `check` throws where it is broken. */
export interface CodecLaw {
  readonly name: string;
  readonly check: () => Promise<void>;
}

/** Decoding damaged bytes may take so long, in milliseconds. */
const patienceMs = 5000;
/** Decoding damaged bytes may allocate so much beyond their own size. */
const allowanceBytes = 64 * 2 ** 20;
/** Places that are damaged in a long sample; short ones are damaged everywhere. */
const damagedPlaces = 400;

/** Errors by which a codec may answer damaged bytes. */
const honestCodes = ["CODEC_CORRUPT", "OBJECT_CORRUPT", "LIMIT_EXCEEDED"] as const;

const encoding: EncodeContext = { schema: "lab", table: "sample", field: "value", inStore: true, args: {} };
const decoding: DecodeContext = { field: "value", args: {}, inlineLimitBytes: 2 ** 20 };

function decodingOf({ args = {} }: CodecSample): DecodeContext {
  return { ...decoding, args };
}

/** The laws for one codec and its samples. The samples should hold edges: empty, zero axes, NaN, −0, foreign byte order, long text. */
export function codecLaws(codec: Codec, samples: readonly CodecSample[]): CodecLaw[] {
  return samples.flatMap((sample) => [
    law(codec, sample, "decodes what it encodes", roundTrip),
    law(codec, sample, "encodes to the same bytes each time", determinism),
    law(codec, sample, "leaves its input alone", untouchedInput),
    law(codec, sample, "decodes a view as its copy", viewEqualsCopy),
    law(codec, sample, "answers every field with plain JSON", plainFields),
    law(codec, sample, "survives truncation", (c, s) => damage(c, s, truncations)),
    law(codec, sample, "survives flipped bits", (c, s) => damage(c, s, bitFlips)),
    law(codec, sample, "stops when aborted", stopsWhenAborted),
  ]);
}

/**
 * The laws for one codec: on each vector, its exact bytes included, and on inputs that fast-check makes. fast-check 4 has to be
 * installed beside Holdfast where `inputs` is given.
 */
export function testCodec(
  codec: Codec,
  inputs: Arbitrary<CodecSample["input"]> | undefined,
  vectors: readonly CodecVector[],
  options: TryOptions = {},
): CodecLaw[] {
  const exact = vectors.flatMap((vector) => [
    law(codec, vector, "writes exactly these bytes", () => writesExactly(codec, vector)),
    law(codec, vector, "reads exactly these bytes", () => readsExactly(codec, vector)),
  ]);
  const tried = inputs === undefined ? [] : triedLaws(codec, inputs, options);
  return [...codecLaws(codec, vectors), ...exact, ...tried];
}

async function writesExactly(codec: Codec, vector: CodecVector): Promise<void> {
  const { content } = await encodeWhole(codec, vector);
  ok(content instanceof Uint8Array, "the value is a folder, which no one text of bytes can be");
  deepStrictEqual(Buffer.from(content).toString("hex"), vector.bytes.replaceAll(/\s/g, "").toLowerCase());
}

async function readsExactly(codec: Codec, vector: CodecVector): Promise<void> {
  const { meta } = await encodeWhole(codec, vector);
  const bytes = Uint8Array.from(Buffer.from(vector.bytes.replaceAll(/\s/g, ""), "hex"));
  const decoded = await codec.decode(storedValueOf(bytes, meta), decodingOf(vector));
  deepStrictEqual(plain(decoded), plain(vector.decoded));
}

function triedLaws(
  codec: Codec,
  inputs: Arbitrary<CodecSample["input"]>,
  { decodedOf, runs = 100, seed, args = {} }: TryOptions,
): CodecLaw[] {
  const sampleOf = (input: CodecSample["input"]): CodecSample => ({
    name: "made",
    // A copy: a codec that writes into it must not lead the search for a smaller one astray.
    input: structuredClone(input),
    args,
    decoded: decodedOf?.(structuredClone(input)),
  });
  const tried = (name: string, check: Check): CodecLaw => ({
    name: `${codec.name}: ${name}: inputs made by machine`,
    check: async () => {
      const fc = await fastCheck();
      const property = fc.asyncProperty(
        inputs,
        fc.double({ min: 0, max: 1, noNaN: true }),
        async (input, at) => check(codec, sampleOf(input), at),
      );
      await fc.assert(property, { numRuns: runs, ...(seed === undefined ? {} : { seed }) });
    },
  });
  return [
    ...(decodedOf === undefined ? [] : [tried("decodes what it encodes", roundTrip)]),
    tried("encodes to the same bytes each time", determinism),
    tried("leaves its input alone", untouchedInput),
    tried("decodes a view as its copy", viewEqualsCopy),
    tried("answers every field with plain JSON", plainFields),
    tried("survives damage", (c, s, at = 0) => damage(c, s, (bytes) => damagedAt(bytes, at))),
  ];
}

async function fastCheck(): Promise<typeof import("fast-check")> {
  try {
    return await import("fast-check");
  } catch (cause) {
    throw new Error("Inputs are made by fast-check: npm install --save-dev fast-check", { cause });
  }
}

/** Cut, and changed, at one place. */
function* damagedAt(bytes: Uint8Array, fraction: number): Generator<Uint8Array> {
  const at = Math.floor(fraction * bytes.length);
  yield bytes.slice(0, at);
  const changed = bytes.slice();
  if (at < changed.length) changed[at] = (changed[at] ?? 0) ^ 0x81;
  yield changed;
}

type Check = (codec: Codec, sample: CodecSample, at?: number) => Promise<void>;

function law(codec: Codec, sample: CodecSample, name: string, check: Check): CodecLaw {
  return { name: `${codec.name}: ${name}: ${sample.name}`, check: () => check(codec, sample) };
}

/** Bytes of a file, or of the files of a folder by their paths. */
type Content = Uint8Array | Readonly<Record<string, Uint8Array>>;

interface Whole {
  readonly content: Content;
  readonly meta: JsonObject | undefined;
  readonly ext: string | undefined;
}

async function encodeWhole(codec: Codec, { input, args = {} }: CodecSample): Promise<Whole> {
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
function mapped(content: Content, change: (bytes: Uint8Array) => Uint8Array): Content {
  if (content instanceof Uint8Array) return change(content);
  return Object.fromEntries(Object.entries(content).map(([path, bytes]) => [path, change(bytes)]));
}

async function roundTrip(codec: Codec, sample: CodecSample): Promise<void> {
  const { content, meta } = await encodeWhole(codec, sample);
  deepStrictEqual(
    plain(await codec.decode(storedValueOf(content, meta), decodingOf(sample))),
    plain(sample.decoded),
  );
}

/** Buffers compare as the bytes they are. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Uint8Array.from(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype)
    return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, plain(part)]));
}

async function determinism(codec: Codec, sample: CodecSample): Promise<void> {
  const first = await encodeWhole(codec, sample);
  deepStrictEqual(await encodeWhole(codec, { ...sample, input: structuredClone(sample.input) }), first);
}

async function untouchedInput(codec: Codec, sample: CodecSample): Promise<void> {
  const before = structuredClone(sample.input);
  const { content, meta } = await encodeWhole(codec, sample);
  // Copied like the one before: inputs may be without a prototype.
  deepStrictEqual(structuredClone(sample.input), before);
  const stored = mapped(content, (bytes) => Uint8Array.from(bytes));
  await codec.decode(storedValueOf(stored, meta), decodingOf(sample));
  deepStrictEqual(stored, content, "decode has written into the stored bytes");
}

async function viewEqualsCopy(codec: Codec, sample: CodecSample): Promise<void> {
  const { content, meta } = await encodeWhole(codec, sample);
  const view = mapped(content, (bytes) => {
    const around = new Uint8Array(bytes.length + 13).fill(0xa5);
    around.set(bytes, 7);
    return around.subarray(7, 7 + bytes.length);
  });
  const copied = await codec.decode(storedValueOf(content, meta), decodingOf(sample));
  deepStrictEqual(plain(await codec.decode(storedValueOf(view, meta), decodingOf(sample))), plain(copied));
}

async function plainFields(codec: Codec, sample: CodecSample): Promise<void> {
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

function* truncations(bytes: Uint8Array): Generator<Uint8Array> {
  for (const length of places(bytes.length)) yield bytes.slice(0, length);
}

function* bitFlips(bytes: Uint8Array): Generator<Uint8Array> {
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

async function damage(
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

async function stopsWhenAborted(codec: Codec, sample: CodecSample): Promise<void> {
  const { content, meta } = await encodeWhole(codec, sample);
  const reason = new Error("aborted by the test");
  const signal = AbortSignal.abort(reason);
  const outcome = await codec.decode(storedValueOf(content, meta), { ...decodingOf(sample), signal }).then(
    () => "a value",
    (error: unknown) => error,
  );
  ok(outcome !== "a value", "decode went on after its signal was aborted");
}
