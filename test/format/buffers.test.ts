/** Bytes come as Buffers too, whose slice() is a view, and at any offset: they are copied before anything is turned, and never written. */

import { describe, expect, it } from "vitest";
import { littleEndianBytes } from "../../src/format/array.ts";
import { arrayStatistics } from "../../src/format/array-statistics.ts";
import { parseDtype } from "../../src/format/dtype.ts";

/** The bytes in a larger Buffer, from an odd place on. */
function buffered(bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([0xff]), bytes, Buffer.from([0xff])]).subarray(1, -1);
}

const numbers = [1.5, -2, 0.25];
const told = { count: "3", nanCount: "0", min: -2, max: 1.5, mean: expect.closeTo(-1 / 12, 12) };

describe("a Buffer of elements", () => {
  it.each(["<f8", ">f8"])("of %s has its statistics at any offset, and stays as it is", async (name) => {
    const plain = Buffer.alloc(24);
    for (const [i, n] of numbers.entries())
      name === "<f8" ? plain.writeDoubleLE(n, 8 * i) : plain.writeDoubleBE(n, 8 * i);
    const bytes = buffered(plain);
    const before = Uint8Array.from(bytes);
    const array = { dtype: parseDtype(name), shape: [3], fortranOrder: false, bytes };
    expect(await arrayStatistics(array, {})).toMatchObject(told);
    expect(Uint8Array.from(bytes)).toEqual(before);
  });

  it("is turned to little-endian in a copy", () => {
    const bytes = buffered(Uint8Array.of(1, 2, 3, 4));
    expect([...littleEndianBytes(parseDtype(">i2"), bytes)]).toEqual([2, 1, 4, 3]);
    expect([...bytes]).toEqual([1, 2, 3, 4]);
  });
});
