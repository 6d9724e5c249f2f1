/**
 * The laws every codec keeps, as functions for any test runner; public as `holdfast/codec/testing`.
 *
 * ```ts
 * for (const law of testCodec(myCodec, inputs, vectors)) test(law.name, law.check);
 * ```
 */

import { deepStrictEqual, ok } from "node:assert/strict";
import type { Arbitrary } from "fast-check";
import type { Codec } from "./contract.ts";
import { decodingOf, encodeWhole, plain } from "./law/content.ts";
import type { Check, CodecLaw, CodecSample, CodecVector, TryOptions } from "./law/contract.ts";
import { bitFlips, damage, damagedAt, truncations } from "./law/damage.ts";
import {
  determinism,
  plainFields,
  roundTrip,
  stopsWhenAborted,
  untouchedInput,
  viewEqualsCopy,
} from "./law/value.ts";
import { storedValueOf } from "./memory-reader.ts";

export type { CodecLaw, CodecSample, CodecVector, TryOptions } from "./law/contract.ts";

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

function law(codec: Codec, sample: CodecSample, name: string, check: Check): CodecLaw {
  return { name: `${codec.name}: ${name}: ${sample.name}`, check: () => check(codec, sample) };
}
