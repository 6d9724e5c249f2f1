/** Paths compare as the bytes of their UTF-8 forms do. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { compareBytes } from "../../src/store/path.ts";

const characters = [
  "a",
  "b",
  "/",
  "0",
  ".",
  "é",
  "\u{7FF}",
  "\u{800}",
  "\u{D7FF}",
  "\u{E000}",
  "\u{FFFF}",
  "\u{10000}",
  "\u{10FFFF}",
];
const text = fc.array(fc.constantFrom(...characters), { maxLength: 4 }).map((some) => some.join(""));

test("any two", () => {
  fc.assert(
    fc.property(text, text, (left, right) => {
      expect(Math.sign(compareBytes(left, right))).toBe(
        Buffer.compare(Buffer.from(left), Buffer.from(right)),
      );
    }),
    { numRuns: 3000 },
  );
});
