/** Runs the laws of `holdfast/codec/testing` under vitest. */

import { describe, it } from "vitest";
import type { Codec } from "../../src/codec/contract.ts";
import { type CodecSample, codecLaws } from "../../src/codec/testing.ts";

/** One test for each law and sample. */
export function testCodec(codec: Codec, samples: readonly CodecSample[]): void {
  describe(`codec ${codec.name}`, () => {
    for (const law of codecLaws(codec, samples)) it(law.name, law.check);
  });
}
