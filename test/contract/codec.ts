/** Runs the laws of `holdfast/codec/testing` under vitest. */

import { describe, it } from "vitest";
import type { Codec } from "../../src/codec/contract.ts";
import { type CodecLaw, type CodecSample, codecLaws } from "../../src/codec/testing.ts";

/** One test for each law and sample. */
export function testCodec(codec: Codec, samples: readonly CodecSample[]): void {
  runLaws(`codec ${codec.name}`, codecLaws(codec, samples));
}

/** One test for each law. */
export function runLaws(name: string, laws: readonly CodecLaw[]): void {
  describe(name, () => {
    for (const law of laws) it(law.name, law.check);
  });
}
