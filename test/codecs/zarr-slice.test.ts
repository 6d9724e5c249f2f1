import fc from "fast-check";
import { describe, expect, it } from "vitest";
import zarr from "../../codecs/zarr.ts";
import type { StoredValue } from "../../src/codec/contract.ts";
import { storedValueOf } from "../../src/codec/memory-reader.ts";
import { selectAxes } from "../../src/format/slice.ts";
import { countedFolder, flatIndex, indexes, plainFolder, shardedFolder } from "./zarr-folders.ts";

const context = { field: "x", args: {}, inlineLimitBytes: 2 ** 20 };
const ask = (value: StoredValue, name: string, args = {}) => zarr.fields[name]?.read?.(value, args, context);

/** What numpy would give: the flat index of each element, in the order of the slice. */
function expected(shape: number[], slices: object[]): number[] {
  const axes = selectAxes(shape, slices);
  const at = (index: number[]) => axes.map(({ start, step }, axis) => start + step * (index[axis] ?? 0));
  return [...indexes(axes.map(({ count }) => count))].map((index) => flatIndex(at(index), shape));
}

const flat = (values: unknown): unknown[] => (Array.isArray(values) ? values.flatMap(flat) : [values]);

const bound = fc.option(fc.integer({ min: -12, max: 12 }), { nil: undefined });
const sliceOf = fc.record({
  start: bound,
  stop: bound,
  step: fc.option(fc.constantFrom(-5, -2, -1, 1, 2, 3, 7), { nil: undefined }),
});
const layouts = fc.array(
  fc.record({
    length: fc.integer({ min: 0, max: 9 }),
    chunk: fc.integer({ min: 1, max: 4 }),
    perShard: fc.integer({ min: 1, max: 3 }),
    slice: sliceOf,
  }),
  { maxLength: 3 },
);

describe("slices", () => {
  it("are numpy's, whatever the chunks, their order and their shards", async () => {
    const kinds = fc.constantFrom("C", "F", "shards");
    await fc.assert(
      fc.asyncProperty(layouts, kinds, async (axes, kind) => {
        const shape = axes.map(({ length }) => length);
        const chunks = axes.map(({ chunk }) => chunk);
        const shards = axes.map(({ chunk, perShard }) => chunk * perShard);
        const slice = axes.map((axis) => axis.slice);
        const files =
          kind === "shards" ? shardedFolder(shape, chunks, shards) : plainFolder(shape, chunks, kind as "C");
        const value = storedValueOf(files);
        const wanted = expected(shape, slice);
        expect(flat(await ask(value, "values", { slice }))).toEqual(wanted);
        const statistics = await ask(value, "statistics", { slice });
        const mean = wanted.reduce((a, b) => a + b, 0) / wanted.length;
        const variance = wanted.reduce((sum, n) => sum + (n - mean) ** 2, 0) / wanted.length;
        const some = wanted.length > 0;
        expect(statistics).toEqual({
          count: String(wanted.length),
          nanCount: "0",
          min: some ? Math.min(...wanted) : null,
          max: some ? Math.max(...wanted) : null,
          mean: some ? expect.closeTo(mean, 9) : null,
          std: some ? expect.closeTo(Math.sqrt(variance), 9) : null,
        });
      }),
      { numRuns: 150 },
    );
  });

  it("take an index, which drops its axis", async () => {
    const value = storedValueOf(plainFolder([3, 4], [2, 3]));
    expect(await ask(value, "values", { slice: [{ index: -1 }] })).toEqual([8, 9, 10, 11]);
    expect(await ask(value, "values", { slice: [{ index: 1 }, { index: 2 }] })).toBe(6);
    const beyond = ask(value, "values", { slice: [{ index: 3 }] });
    await expect(beyond).rejects.toMatchObject({ code: "BAD_USER_INPUT", details: { field: "slice" } });
  });
});

describe("what is read", () => {
  it("are the metadata and the chunks of the slice, and nothing else", async () => {
    const value = countedFolder(plainFolder([100, 100], [10, 10]));
    await ask(value, "values", { slice: [{ start: 35, stop: 45 }, { index: 7 }] });
    expect(value.read.map(({ path }) => path)).toEqual([".zarray", "3.0", "4.0"]);
    expect(value.read.slice(1).every(({ bytes }) => bytes === 400)).toBe(true);
  });

  it("are of a shard its index and the ranges of its chunks, neighbours together", async () => {
    const value = countedFolder(shardedFolder([256, 256], [32, 32], [256, 256]));
    // 8 × 8 chunks of 4096 bytes; an index of 64 × 16 + 4.
    await ask(value, "values", { slice: [{ index: 0 }, { start: 40, stop: 100 }] });
    expect(value.read.slice(1)).toEqual([
      { path: "c/0/0", bytes: 1028 },
      { path: "c/0/0", bytes: 3 * 4096 },
    ]);
    value.read.length = 0;
    await ask(value, "values", { slice: [{ index: 0 }, { index: 0 }] });
    expect(value.read.slice(1).map(({ bytes }) => bytes)).toEqual([1028, 4096]);
  });

  it("is nothing for chunks that an empty slice has", async () => {
    const value = countedFolder(plainFolder([10], [1]));
    expect(await ask(value, "values", { slice: [{ start: 5, stop: 5 }] })).toEqual([]);
    expect(value.read.map(({ path }) => path)).toEqual([".zarray"]);
  });
});
