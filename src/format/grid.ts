/** A selection of an array cut along a grid of chunks. */

import { strides } from "./array.ts";
import type { AxisSelection } from "./slice.ts";

/** Elements of one chunk that a selection takes. */
export interface GridPart {
  /** The chunk's place in the grid. */
  readonly at: readonly number[];
  /** What is taken, counted from the chunk's first element. */
  readonly axes: readonly AxisSelection[];
  /** Where the first of them goes in the selection. */
  readonly to: readonly number[];
}

/** How many chunks a selection touches, exact however many. */
export function chunksTouched(axes: readonly AxisSelection[], chunk: readonly number[]): bigint {
  return axes.reduce((product, { start, step, count }, i) => {
    if (count === 0) return 0n;
    const size = chunk[i] ?? 1;
    if (Math.abs(step) >= size) return product * BigInt(count);
    const last = Math.floor((start + step * (count - 1)) / size);
    return product * BigInt(Math.abs(last - Math.floor(start / size)) + 1);
  }, 1n);
}

/** The parts of a selection, in C order of the answer. */
export function* gridParts(axes: readonly AxisSelection[], chunk: readonly number[]): Generator<GridPart> {
  const [first, ...rest] = axes;
  if (first === undefined) {
    yield { at: [], axes: [], to: [] };
    return;
  }
  const [size = 1, ...inner] = chunk;
  for (const run of runs(first, size)) {
    for (const part of gridParts(rest, inner)) {
      yield { at: [run.at, ...part.at], axes: [run.axis, ...part.axes], to: [run.to, ...part.to] };
    }
  }
}

function* runs(
  axis: AxisSelection,
  size: number,
): Generator<{ readonly at: number; readonly axis: AxisSelection; readonly to: number }> {
  const { start, step, count } = axis;
  for (let i = 0; i < count; ) {
    const from = start + step * i;
    const at = Math.floor(from / size);
    const edge = step > 0 ? (at + 1) * size - 1 : at * size;
    const fit = Math.min(count - i, Math.floor(Math.abs(edge - from) / Math.abs(step)) + 1);
    yield { at, axis: { start: from - at * size, step, count: fit, dropped: axis.dropped }, to: i };
    i += fit;
  }
}

/** Elements in memory: of a chunk, or a single one that stands for all, with strides of 0. */
export interface Elements {
  readonly bytes: Uint8Array;
  /** By axis, in elements. */
  readonly strides: readonly number[];
}

/** Copies selected elements into an answer in C order of the shape `counts`. */
export function copyElements(
  from: Elements & { readonly axes: readonly AxisSelection[] },
  into: { readonly bytes: Uint8Array; readonly counts: readonly number[]; readonly to: readonly number[] },
  itemSizeBytes: number,
): void {
  const toStrides = strides(into.counts, false);
  const loops = from.axes.map((axis, i) => ({
    count: axis.count,
    fromStep: axis.step * (from.strides[i] ?? 0) * itemSizeBytes,
    toStep: (toStrides[i] ?? 0) * itemSizeBytes,
  }));
  const origin = from.axes.reduce((sum, axis, i) => sum + axis.start * (from.strides[i] ?? 0), 0);
  const target = into.to.reduce((sum, at, i) => sum + at * (toStrides[i] ?? 0), 0);
  let unit = itemSizeBytes;
  const outer = loops.filter((loop) => loop.count !== 1);
  // Innermost loops that lie densely in both places become one larger unit.
  for (let inner = outer.at(-1); inner !== undefined; inner = outer.at(-1)) {
    if (inner.fromStep !== unit || inner.toStep !== unit) break;
    unit *= inner.count;
    outer.pop();
  }
  copyLoops(
    outer,
    { from: from.bytes, into: into.bytes, unit },
    { from: origin * itemSizeBytes, to: target * itemSizeBytes },
  );
}

interface Loop {
  readonly count: number;
  readonly fromStep: number;
  readonly toStep: number;
}

function copyLoops(
  [loop, ...rest]: readonly Loop[],
  bytes: { readonly from: Uint8Array; readonly into: Uint8Array; readonly unit: number },
  at: { readonly from: number; readonly to: number },
): void {
  if (loop === undefined) {
    bytes.into.set(bytes.from.subarray(at.from, at.from + bytes.unit), at.to);
    return;
  }
  if (rest.length > 0 || bytes.unit > 16) {
    for (let i = 0; i < loop.count; i++) {
      copyLoops(rest, bytes, { from: at.from + i * loop.fromStep, to: at.to + i * loop.toStep });
    }
    return;
  }
  const { from, into, unit } = bytes;
  for (let i = 0; i < loop.count; i++) {
    const [source, target] = [at.from + i * loop.fromStep, at.to + i * loop.toStep];
    for (let k = 0; k < unit; k++) into[target + k] = from[source + k] ?? 0;
  }
}
