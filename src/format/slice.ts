/**
 * numpy's basic slicing: one `{start, stop, step}` or `{index}` for each axis.
 *
 * @source https://numpy.org/doc/stable/user/basics.indexing.html#slicing-and-striding, CPython's `PySlice_AdjustIndices`
 */

import { ServiceError } from "../errors.ts";

/** One axis as asked for. `index` stands alone and drops the axis. */
export interface Slice {
  readonly start?: number | null;
  readonly stop?: number | null;
  readonly step?: number | null;
  readonly index?: number | null;
}

/** One axis as selected: `count` elements at `start`, `start + step`, … */
export interface AxisSelection {
  readonly start: number;
  readonly step: number;
  readonly count: number;
  /** True for an index: the axis does not appear in the result. */
  readonly dropped: boolean;
}

/** Selects elements of an array of the given shape; axes without a slice are whole. @throws {BAD_USER_INPUT} as numpy raises IndexError. */
export function selectAxes(shape: readonly number[], slices: readonly Slice[] = []): AxisSelection[] {
  if (slices.length > shape.length) {
    throw fault(`The array has ${shape.length} axes, but ${slices.length} slices were given.`, slices.length);
  }
  return shape.map((length, axis) => selectAxis(length, slices[axis] ?? {}, axis));
}

/** Shape of what a selection gives. */
export function selectedShape(axes: readonly AxisSelection[]): number[] {
  return axes.filter((axis) => !axis.dropped).map((axis) => axis.count);
}

function selectAxis(length: number, slice: Slice, axis: number): AxisSelection {
  for (const n of [slice.start, slice.stop, slice.step, slice.index]) {
    if (n !== undefined && n !== null && !Number.isSafeInteger(n))
      throw fault("A slice takes whole numbers.", n);
  }
  const { index } = slice;
  if (index !== undefined && index !== null) return selectIndex(length, index, { slice, axis });
  const step = slice.step ?? 1;
  if (step === 0) throw fault(`The step of axis ${axis} is 0.`, 0);
  const lower = step > 0 ? 0 : -1;
  const upper = step > 0 ? length : length - 1;
  const clamp = (n: number) => (n < 0 ? Math.max(n + length, lower) : Math.min(n, upper));
  const start = slice.start == null ? (step > 0 ? lower : upper) : clamp(slice.start);
  const stop = slice.stop == null ? (step > 0 ? upper : lower) : clamp(slice.stop);
  const count = Math.max(0, Math.ceil((stop - start) / step));
  return { start, step, count, dropped: false };
}

function selectIndex(length: number, index: number, from: { slice: Slice; axis: number }): AxisSelection {
  const { slice, axis } = from;
  if (slice.start != null || slice.stop != null || slice.step != null) {
    throw fault(`Axis ${axis}: give either index, or start, stop and step.`, index);
  }
  const start = index < 0 ? index + length : index;
  if (start < 0 || start >= length) {
    throw fault(`Index ${index} is out of range for axis ${axis} with ${length} elements.`, index);
  }
  return { start, step: 1, count: 1, dropped: true };
}

function fault(message: string, value: unknown): ServiceError {
  return new ServiceError("BAD_USER_INPUT", message, { details: { field: "slice", value } });
}
