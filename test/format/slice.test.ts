import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseDtype } from "../../src/format/dtype.ts";
import { elementsToJson } from "../../src/format/elements.ts";
import { type ArrayLayout, rangesOf, readSelection } from "../../src/format/read-slice.ts";
import { type Slice, selectAxes, selectedShape } from "../../src/format/slice.ts";

/** Python's slices by definition: walk from start by step while inside the bounds. Independent of the code under test. */
function pythonIndexes(length: number, slice: Slice): number[] {
  if (slice.index != null) return [slice.index < 0 ? slice.index + length : slice.index];
  const step = slice.step ?? 1;
  const all = Array.from({ length }, (_, i) => i);
  const place = (n: number) => (n < 0 ? n + length : n);
  const from = slice.start == null ? (step > 0 ? 0 : length - 1) : place(slice.start);
  const until = slice.stop == null ? (step > 0 ? length : -1) : place(slice.stop);
  // A start beyond the end is pulled to the end, from where the walk begins.
  const first = step > 0 ? Math.max(from, 0) : Math.min(from, length - 1);
  const bound = slice.stop == null ? until : step > 0 ? Math.min(until, length) : Math.max(until, -1);
  const out: number[] = [];
  for (let i = first; step > 0 ? i < bound : i > bound; i += step) out.push(all[i] ?? -1);
  return out;
}

type Nested = number | Nested[];

/** Elements numbered in C order, sliced axis by axis. */
function reference(shape: readonly number[], slices: readonly Slice[], axis = 0, offset = 0): Nested {
  const length = shape[axis];
  if (length === undefined) return offset;
  const slice = slices[axis] ?? {};
  const parts = pythonIndexes(length, slice).map((i) =>
    reference(shape, slices, axis + 1, offset * length + i),
  );
  return slice.index == null ? parts : (parts[0] ?? -1);
}

const bound = fc.option(fc.integer({ min: -9, max: 9 }), { nil: null });
const range: fc.Arbitrary<Slice> = fc.record({
  start: bound,
  stop: bound,
  step: fc.option(
    fc.integer({ min: -4, max: 4 }).filter((n) => n !== 0),
    { nil: null },
  ),
});

const cases = fc.array(fc.integer({ min: 0, max: 6 }), { maxLength: 4 }).chain((shape) =>
  fc.record({
    shape: fc.constant(shape),
    slices: fc
      .tuple(
        ...shape.map((n) =>
          n === 0
            ? range
            : fc.oneof(
                range,
                fc.integer({ min: -n, max: n - 1 }).map((index): Slice => ({ index })),
              ),
        ),
      )
      .chain((all) => fc.integer({ min: 0, max: all.length }).map((n) => all.slice(0, n))),
    fortranOrder: fc.boolean(),
    dataStart: fc.integer({ min: 0, max: 20 }),
  }),
);

/** A file of int32 elements numbered in C order, in the layout's order, with junk before them. */
function fileOf(layout: ArrayLayout): Uint8Array {
  const count = layout.shape.reduce((a, b) => a * b, 1);
  const bytes = new Uint8Array(layout.dataStart + count * 4).fill(0xee);
  const view = new DataView(bytes.buffer);
  for (let n = 0; n < count; n++) {
    let rest = n;
    const index = layout.shape.toReversed().map((length) => {
      const i = rest % length;
      rest = Math.floor(rest / length);
      return i;
    });
    const lengths = layout.fortranOrder ? layout.shape.toReversed() : layout.shape;
    const order = layout.fortranOrder ? index : index.toReversed();
    const place = order.reduce((sum, i, k) => sum * (lengths[k] ?? 1) + i, 0);
    view.setInt32(layout.dataStart + place * 4, n, true);
  }
  return bytes;
}

describe("slices", () => {
  it("select what Python selects, from either memory order", async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ shape, slices, fortranOrder, dataStart }) => {
        const layout = { shape, fortranOrder, dataStart, itemSizeBytes: 4 };
        const file = fileOf(layout);
        const axes = selectAxes(shape, slices);
        const bytes = await readSelection(async (start, end) => file.subarray(start, end), layout, axes);
        const array = { dtype: parseDtype("<i4"), shape: selectedShape(axes), fortranOrder: false, bytes };
        expect(elementsToJson(array)).toEqual(reference(shape, slices));
      }),
      { numRuns: 1500 },
    );
  });

  it("never reads outside the array, nor one range twice", () => {
    fc.assert(
      fc.property(cases, ({ shape, slices, fortranOrder, dataStart }) => {
        const layout = { shape, fortranOrder, dataStart, itemSizeBytes: 4 };
        const end = dataStart + 4 * shape.reduce((a, b) => a * b, 1);
        let last = dataStart;
        for (const group of rangesOf(layout, selectAxes(shape, slices))) {
          expect(group.start).toBeGreaterThanOrEqual(last);
          expect(group.end).toBeLessThanOrEqual(end);
          last = group.end;
        }
      }),
    );
  });

  it("reads only the rows asked for of a large array", () => {
    const layout = { shape: [1000, 100_000], fortranOrder: false, dataStart: 128, itemSizeBytes: 4 };
    const row = rangesOf(layout, selectAxes(layout.shape, [{ index: 7 }, { start: 10, stop: 20 }]));
    expect(row).toEqual([{ start: 128 + (7 * 100_000 + 10) * 4, end: 128 + (7 * 100_000 + 20) * 4 }]);
    const column = rangesOf(layout, selectAxes(layout.shape, [{}, { index: 5 }]));
    expect(column).toHaveLength(1000);
    expect(column.every(({ start, end }) => end - start === 4)).toBe(true);
    const rows = rangesOf(layout, selectAxes(layout.shape, [{ start: -2 }]));
    expect(rows).toEqual([{ start: 128 + 998 * 400_000, end: 128 + 1000 * 400_000 }]);
  });

  it("merges near ranges, and refuses answers scattered over too many", () => {
    const layout = { shape: [100_000, 20_000], fortranOrder: false, dataStart: 0, itemSizeBytes: 4 };
    const axes = selectAxes(layout.shape, [{}, { index: 0 }]);
    expect(() => rangesOf(layout, axes)).toThrow(/more than 16384 separate byte ranges/);
    const near = { ...layout, shape: [100_000, 4] };
    const merged = rangesOf(near, selectAxes(near.shape, [{ step: 2 }, { index: 0 }]));
    expect(merged.length).toBeLessThan(10);
  });

  it("reads along up to 64 KiB between elements, in ranges of 4 MiB at most, and not without end", () => {
    const rows = (count: number) => ({
      shape: [count, 8192],
      fortranOrder: false,
      dataStart: 0,
      itemSizeBytes: 8,
    });
    const column = (layout: ReturnType<typeof rows>) =>
      rangesOf(layout, selectAxes(layout.shape, [{}, { index: 0 }]));
    const few = column(rows(1000));
    expect(few.length).toBeLessThan(20);
    expect(few.every(({ start, end }) => end - start <= 4 * 2 ** 20)).toBe(true);
    expect(() => column(rows(5000))).toThrow(/lies scattered over [0-9]+ bytes/);
  });

  it.each([
    [[{ index: 3 }], "Index 3 is out of range for axis 0 with 3 elements."],
    [[{ index: -4 }], "Index -4 is out of range"],
    [[{}, { step: 0 }], "The step of axis 1 is 0."],
    [[{}, {}, {}], "The array has 2 axes, but 3 slices were given."],
    [[{ index: 0, stop: 1 }], "give either index, or start, stop and step"],
    [[{ start: 0.5 }], "whole numbers"],
  ])("refuses %j", (slices, message) => {
    expect(() => selectAxes([3, 4], slices)).toThrow(message);
  });
});
