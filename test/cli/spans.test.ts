import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addSpan, areSpans, missingPieces, type Span, spanBytes } from "../../src/cli/download/spans.ts";

const size = 200;
const span = fc
  .tuple(fc.nat(size - 1), fc.integer({ min: 1, max: 60 }))
  .map(([start, length]): Span => [start, Math.min(size, start + length)]);

/** Which bytes are covered, one by one. */
const bytesOf = (spans: readonly Span[]): Set<number> =>
  new Set(spans.flatMap(([start, end]) => Array.from({ length: end - start }, (_, i) => start + i)));

describe("spans", () => {
  it("hold what was added, sorted and apart", () => {
    fc.assert(
      fc.property(fc.array(span), (added) => {
        const spans = added.reduce(addSpan, [] as readonly Span[]);
        expect(bytesOf(spans)).toEqual(bytesOf(added));
        expect(spanBytes(spans)).toBe(bytesOf(added).size);
        expect(areSpans(JSON.parse(JSON.stringify(spans)), size)).toBe(true);
      }),
    );
  });

  it("and what they lack are the whole, without overlap, in pieces that are not too large", () => {
    fc.assert(
      fc.property(fc.array(span), fc.integer({ min: 1, max: 50 }), (added, pieceBytes) => {
        const spans = added.reduce(addSpan, [] as readonly Span[]);
        const pieces = missingPieces(spans, size, pieceBytes);
        for (const [start, end] of pieces) expect(end - start).toBeGreaterThan(0);
        for (const [start, end] of pieces) expect(end - start).toBeLessThanOrEqual(pieceBytes);
        expect(spanBytes(pieces) + spanBytes(spans)).toBe(size);
        expect(bytesOf([...pieces, ...spans]).size).toBe(size);
      }),
    );
  });

  it.each([
    [null],
    [{}],
    [[[0, 0]]],
    [[[5, 3]]],
    [[[0, 201]]],
    [
      [
        [3, 5],
        [0, 2],
      ],
    ],
    [
      [
        [0, 5],
        [5, 9],
      ],
    ],
    [[[0.5, 2]]],
    [[["0", 2]]],
  ])("are not %j", (value) => expect(areSpans(value, size)).toBe(false));
});
