import { expect, it } from "vitest";
import npy from "../../codecs/npy.ts";
import { type CountedArray, largeArray, rowBytes } from "./large-array.ts";

const array = await largeArray({ 40000003: 2.5, 40000999: -1 });
const context = { field: "x", args: {}, inlineLimitBytes: 2 ** 20 };

type Kind = Exclude<keyof CountedArray, "ranges">;

async function ask(name: string, slice: object[], kind: Kind = "value") {
  array.ranges.length = 0;
  const answer = await npy.fields[name]?.read?.(array[kind], { slice }, context);
  return { answer, readBytes: array.ranges.reduce((sum, { start, end }) => sum + end - start, 0) };
}

it.each([
  ["1 GB", "value"],
  ["1 GB that DataJoint wrote", "unsized"],
] as const)("a slice along the first axis of %s reads under 1 %% more than its bytes", async (_, kind) => {
  const { answer, readBytes } = await ask("base64", [{ start: 40_000, stop: 40_100 }], kind);
  const bytes = Buffer.from(String(answer), "base64");
  expect(bytes.length).toBe(100 * rowBytes);
  expect(bytes.readDoubleLE(3 * 8)).toBe(2.5);
  expect(readBytes).toBeGreaterThanOrEqual(100 * rowBytes);
  expect(readBytes).toBeLessThan(100 * rowBytes * 1.01);
});

it("one element reads a header and 8 bytes", async () => {
  const { answer, readBytes } = await ask("values", [{ index: 40_000 }, { index: -1 }]);
  expect({ answer, readBytes }).toEqual({ answer: -1, readBytes: 512 + 8 });
});

it("a column of near rows is a few requests, not one for each row", async () => {
  const { answer } = await ask("values", [{ start: 40_000, stop: 42_000 }, { index: 3 }]);
  expect(answer).toEqual([2.5, ...new Array(1999).fill(0)]);
  expect(array.ranges.length).toBeLessThan(8);
});

it("statistics of a slice read its bytes", async () => {
  const { answer, readBytes } = await ask("statistics", [{ start: 40_000, stop: 40_100 }]);
  expect(answer).toMatchObject({ count: "100000", nanCount: "0", min: -1, max: 2.5 });
  expect(readBytes).toBeLessThan(100 * rowBytes * 1.01);
});

it("the size of what DataJoint wrote is asked for, and nothing is read", async () => {
  expect(await ask("sizeBytes", [], "unsized")).toEqual({ answer: "1000000128", readBytes: 0 });
});
