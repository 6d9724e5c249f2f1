/** Both memory orders hold the same elements: held against the definition, index by index. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { strides } from "../../src/format/array.ts";
import { reorder } from "../../src/format/transpose.ts";

/** Element by element, by the definition of both orders. */
function byIndex(bytes: Uint8Array, shape: readonly number[], size: number, from: "C" | "F"): Uint8Array {
  const out = new Uint8Array(bytes.length);
  const [source, target] = [strides(shape, from === "F"), strides(shape, from === "C")];
  const walk = (axis: number, read: number, write: number): void => {
    const length = shape[axis];
    if (length === undefined) out.set(bytes.subarray(read * size, (read + 1) * size), write * size);
    for (let i = 0; i < (length ?? 0); i++)
      walk(axis + 1, read + i * (source[axis] ?? 0), write + i * (target[axis] ?? 0));
  };
  walk(0, 0, 0);
  return out;
}

describe("the other memory order", () => {
  it("holds the same elements, whatever the axes, the items' size and where the bytes lie", () => {
    const layouts = fc.record({
      shape: fc.array(fc.integer({ min: 0, max: 7 }), { maxLength: 5 }),
      size: fc.constantFrom(1, 2, 3, 4, 6, 8, 10, 12, 16, 32),
      from: fc.constantFrom("C" as const, "F" as const),
      offset: fc.integer({ min: 0, max: 5 }),
    });
    fc.assert(
      fc.property(layouts, ({ shape, size, from, offset }) => {
        const length = shape.reduce((all, n) => all * n, 1) * size;
        const bytes = Uint8Array.from({ length: length + offset }, (_, i) => (i * 31 + 7) % 251).subarray(
          offset,
        );
        const before = bytes.slice();
        expect(reorder(bytes, { shape, itemSizeBytes: size, from })).toEqual(
          byIndex(bytes, shape, size, from),
        );
        expect(bytes).toEqual(before);
        const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
        expect(reorder(buffer, { shape, itemSizeBytes: size, from }).length).toBe(length);
      }),
    );
  });

  it.each([
    [[33, 65], 8],
    [[65, 2, 40], 4],
    [[3, 70, 2, 33], 16],
  ])("of %j with items of %i bytes goes over the edges of its blocks", (shape, size) => {
    const length = shape.reduce((all, n) => all * n, 1) * size;
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 131 + (i >> 8)) % 256);
    for (const from of ["C", "F"] as const)
      expect(reorder(bytes, { shape, itemSizeBytes: size, from })).toEqual(byIndex(bytes, shape, size, from));
  });
});
