/** Runs the laws of `holdfast/codec/testing` under vitest. */

import { describe, it } from "vitest";
import type { Codec } from "../../src/codec/contract.ts";
import { type CodecSample, codecLaws } from "../../src/codec/testing.ts";

/** One test for each law and sample; of the laws about damage, or of the others, if it is said. */
export function testCodec(codec: Codec, samples: readonly CodecSample[], damage?: boolean): void {
  const laws = codecLaws(codec, samples);
  describe(`codec ${codec.name}`, () => {
    for (const law of laws)
      if (damage === undefined || law.name.includes(": survives ") === damage) it(law.name, law.check);
  });
}
