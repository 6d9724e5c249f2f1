/** zlib streams that several threads make are ordinary ones. */

import { randomBytes } from "node:crypto";
import { deflateSync, inflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { deflated } from "../../src/format/deflate.ts";

/** What repeats across blocks, and is not all the same. */
function counting(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 9)) & 0xff);
}

describe("a zlib stream", () => {
  const block = 512 * 1024;
  const lengths = [
    0,
    1,
    8192,
    8193,
    block,
    block + 1,
    2 * block,
    2 * block + 1,
    7 * block - 3,
    24 * block + 11,
  ];

  it.each(lengths)("of %i bytes unfolds to them, with the head that zlib gives", async (length) => {
    for (const bytes of [counting(length), new Uint8Array(length), randomBytes(length)]) {
      const stream = await deflated(bytes);
      expect(Buffer.compare(inflateSync(stream), bytes)).toBe(0);
      expect([...stream.subarray(0, 2)]).toEqual([0x78, 0x9c]);
    }
  });

  it("is the same each time, and hardly larger than in one piece", async () => {
    const bytes = counting(6 * block + 5);
    const [one, other] = await Promise.all([deflated(bytes), deflated(bytes)]);
    expect(Buffer.compare(one, other)).toBe(0);
    expect(one.length).toBeLessThan(deflateSync(bytes).length * 1.02 + 64);
  });

  it("is made of a view as of its copy", async () => {
    const around = counting(3 * block + 20);
    const view = around.subarray(13, 3 * block + 7);
    expect(Buffer.compare(await deflated(view), await deflated(view.slice()))).toBe(0);
  });
});
