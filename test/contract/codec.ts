/** Runs the laws of `holdfast/codec/testing` under vitest. */

import { describe, it } from "vitest";
import type { Codec } from "../../src/codec/contract.ts";
import { type CodecLaw, type CodecSample, codecLaws } from "../../src/codec/testing.ts";

/** One test for each law and sample; of the laws about damage, or of the others, if it is said. */
export function testCodec(codec: Codec, samples: readonly CodecSample[], damage?: boolean): void {
  const laws = codecLaws(codec, samples).filter(
    ({ name }) => damage === undefined || name.includes(": survives ") === damage,
  );
  runLaws(`codec ${codec.name}`, laws);
}

/** One test for each law. */
export function runLaws(name: string, laws: readonly CodecLaw[]): void {
  describe(name, () => {
    for (const law of laws) it(law.name, law.check);
  });
}
