/** A selection of an array in pieces of a few megabytes, so that arrays of any size pass through little memory. */

import { strides } from "./array.ts";
import { type ArrayLayout, readSelection } from "./read-slice.ts";
import type { AxisSelection } from "./slice.ts";

/** Bytes of elements that one piece has at most, unless one element has more. */
const maxPieceBytes = 4 * 2 ** 20;
/** Elements of a piece lie no further apart than this, in bytes. */
const maxSpanBytes = 256 * 2 ** 20;

/** The selected elements, piece by piece; within a piece in C order. */
export async function* readPieces(
  read: (start: number, end: number) => Promise<Uint8Array>,
  layout: ArrayLayout,
  axes: readonly AxisSelection[],
): AsyncGenerator<Uint8Array> {
  if (layout.itemSizeBytes === 0 || axes.some((axis) => axis.count === 0)) return;
  const steps = strides(layout.shape, layout.fortranOrder);
  for (const piece of split(layout, steps, axes)) yield readSelection(read, layout, piece);
}

/** The selection, or its halves along the axis that is slowest in memory. */
function* split(
  layout: ArrayLayout,
  steps: readonly number[],
  axes: readonly AxisSelection[],
): Generator<readonly AxisSelection[]> {
  const size = layout.itemSizeBytes;
  const bytes = axes.reduce((product, axis) => product * axis.count, size);
  const span = axes.reduce(
    (sum, { count, step }, i) => sum + (count - 1) * Math.abs(step) * (steps[i] ?? 0),
    1,
  );
  const order = axes.keys().toArray();
  if (layout.fortranOrder) order.reverse();
  const slowest = order.find((i) => (axes[i]?.count ?? 0) > 1);
  const axis = slowest === undefined ? undefined : axes[slowest];
  if (
    slowest === undefined ||
    axis === undefined ||
    (bytes <= maxPieceBytes && span * size <= maxSpanBytes)
  ) {
    yield axes;
    return;
  }
  const half = Math.ceil(axis.count / 2);
  yield* split(layout, steps, axes.with(slowest, { ...axis, count: half }));
  const rest = { ...axis, start: axis.start + half * axis.step, count: axis.count - half };
  yield* split(layout, steps, axes.with(slowest, rest));
}
