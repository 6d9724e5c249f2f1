/** Reads a selection of an array that lies in bytes elsewhere, touching only the ranges that hold it. */

import { ServiceError } from "../errors.ts";
import { strides } from "./array.ts";
import type { AxisSelection } from "./slice.ts";

/** Where and how the array lies. */
export interface ArrayLayout {
  readonly shape: readonly number[];
  readonly fortranOrder: boolean;
  readonly itemSizeBytes: number;
  /** Offset of the first element. */
  readonly dataStart: number;
}

/** Ranges nearer than this are read as one: a request costs more than these bytes. */
const mergeGapBytes = 65_536;
/** A merged range ends here, so that memory stays small; a contiguous part of the answer may be larger. */
const maxSpanBytes = 4 * 2 ** 20;
/** A run of bytes is read at once up to this; a longer one in several ranges side by side. */
const maxWholeBytes = 64 * 2 ** 20;
/** Separate ranges that one answer may need. */
const maxRanges = 16_384;
/** Bytes between the elements asked for that one answer may read along. */
const maxExtraBytes = 256 * 2 ** 20;
const parallelReads = 8;

/** Elements that follow each other along one axis: where they lie, and where they go in the answer (C order). */
interface Piece {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

interface Walk {
  readonly unitBytes: number;
  /** Distance between two elements of a piece, in bytes. */
  readonly fromStep: number;
  readonly toStep: number;
  readonly pieces: Iterable<Piece>;
}

/** A range to read and the pieces in it. */
interface ReadGroup {
  readonly start: number;
  readonly end: number;
  readonly pieces: readonly Piece[];
}

/** The selected elements in C order. @throws {LIMIT_EXCEEDED} when they are scattered over too many ranges. */
export async function readSelection(
  read: (start: number, end: number) => Promise<Uint8Array>,
  layout: ArrayLayout,
  axes: readonly AxisSelection[],
): Promise<Uint8Array> {
  const count = axes.reduce((product, axis) => product * axis.count, 1);
  const sizeBytes = count * layout.itemSizeBytes;
  const start = sizeBytes > maxWholeBytes ? undefined : contiguousStart(layout, axes);
  if (sizeBytes > 0 && start !== undefined) return read(start, start + sizeBytes);
  const out = new Uint8Array(sizeBytes);
  if (out.length === 0) return out;
  const walk = walkSelection(layout, axes);
  const groups = groupPieces(walk, out.length);
  for (let at = 0; at < groups.length; at += parallelReads) {
    await Promise.all(
      groups.slice(at, at + parallelReads).map(async (group) => {
        copyGroup(await read(group.start, group.end), group, { walk, out });
      }),
    );
  }
  return out;
}

/** Where a selection lies that is one run of bytes in the order of the answer; such bytes are the answer, without a copy. */
function contiguousStart(
  { shape, fortranOrder, itemSizeBytes, dataStart }: ArrayLayout,
  axes: readonly AxisSelection[],
): number | undefined {
  if (fortranOrder && shape.filter((n) => n > 1).length > 1) return undefined;
  const steps = strides(shape, false);
  // Behind the first axis of which more than one is wanted all must be wanted.
  let isInside = false;
  let first = 0;
  for (const [i, { start, count, step }] of axes.entries()) {
    if (isInside && count !== shape[i]) return undefined;
    if (count > 1 && step !== 1) return undefined;
    isInside ||= count > 1;
    first += start * (steps[i] ?? 0);
  }
  return dataStart + first * itemSizeBytes;
}

/** The byte ranges that a selection needs, in order; for tests and for estimates. */
export function rangesOf(
  layout: ArrayLayout,
  axes: readonly AxisSelection[],
): { start: number; end: number }[] {
  if (axes.some((axis) => axis.count === 0) || layout.itemSizeBytes === 0) return [];
  const wanted = axes.reduce((product, axis) => product * axis.count, layout.itemSizeBytes);
  return groupPieces(walkSelection(layout, axes), wanted).map(({ start, end }) => ({ start, end }));
}

interface Loop {
  readonly start: number;
  readonly count: number;
  readonly fromStep: number;
  readonly toStep: number;
}

/** Loops in memory order, slowest first; every one runs forward in memory, and a negative step goes backward in the answer. */
function loopsOf(layout: ArrayLayout, axes: readonly AxisSelection[]): Loop[] {
  const from = strides(layout.shape, layout.fortranOrder);
  const to = strides(
    axes.map((axis) => axis.count),
    false,
  );
  const size = layout.itemSizeBytes;
  const loops = axes.map((axis, i) => {
    const backward = axis.step < 0;
    const last = axis.start + axis.step * (axis.count - 1);
    return {
      start: (backward ? last : axis.start) * (from[i] ?? 0) * size,
      count: axis.count,
      fromStep: Math.abs(axis.step) * (from[i] ?? 0) * size,
      toStep: (backward ? -1 : 1) * (to[i] ?? 0) * size,
    };
  });
  return layout.fortranOrder ? loops.reverse() : loops;
}

function walkSelection(layout: ArrayLayout, axes: readonly AxisSelection[]): Walk {
  const loops = loopsOf(layout, axes);
  const base = layout.dataStart + loops.reduce((sum, loop) => sum + loop.start, 0);
  const origin = loops.reduce(
    (sum, loop) => sum + (loop.toStep < 0 ? -loop.toStep * (loop.count - 1) : 0),
    0,
  );
  let unitBytes = layout.itemSizeBytes;
  const outer = loops.filter((loop) => loop.count > 1);
  // Innermost loops that lie densely in both places become one larger unit.
  for (let inner = outer.at(-1); inner !== undefined; inner = outer.at(-1)) {
    if (inner.fromStep !== unitBytes || inner.toStep !== unitBytes || unitBytes * inner.count > maxSpanBytes)
      break;
    unitBytes *= inner.count;
    outer.pop();
  }
  const line = outer.pop() ?? { count: 1, fromStep: unitBytes, toStep: unitBytes };
  const scattered = line.fromStep - unitBytes > mergeGapBytes;
  const step = scattered ? 1 : Math.max(1, Math.floor(maxSpanBytes / line.fromStep));
  const pieces = piecesOf(outer, { from: base, to: origin, line, step });
  return { unitBytes, fromStep: line.fromStep, toStep: line.toStep, pieces };
}

function* piecesOf(
  outer: readonly Loop[],
  at: { from: number; to: number; line: { count: number; fromStep: number; toStep: number }; step: number },
): Generator<Piece> {
  const [loop, ...rest] = outer;
  if (loop !== undefined) {
    for (let i = 0; i < loop.count; i++) {
      yield* piecesOf(rest, { ...at, from: at.from + i * loop.fromStep, to: at.to + i * loop.toStep });
    }
    return;
  }
  for (let i = 0; i < at.line.count; i += at.step) {
    const count = Math.min(at.step, at.line.count - i);
    yield { from: at.from + i * at.line.fromStep, to: at.to + i * at.line.toStep, count };
  }
}

/** @throws {LIMIT_EXCEEDED} when the pieces are too many ranges, or hold too much beyond the bytes that are wanted. */
function groupPieces(walk: Walk, wantedBytes: number): ReadGroup[] {
  const groups: { start: number; end: number; pieces: Piece[] }[] = [];
  for (const piece of walk.pieces) {
    const end = piece.from + (piece.count - 1) * walk.fromStep + walk.unitBytes;
    const last = groups.at(-1);
    if (last !== undefined && piece.from - last.end <= mergeGapBytes && end - last.start <= maxSpanBytes) {
      last.end = Math.max(last.end, end);
      last.pieces.push(piece);
      continue;
    }
    if (groups.length === maxRanges) throw tooScattered();
    groups.push({ start: piece.from, end, pieces: [piece] });
  }
  const spanned = groups.reduce((sum, { start, end }) => sum + end - start, 0);
  if (spanned - wantedBytes > maxExtraBytes) throw tooWide(spanned);
  return groups;
}

function copyGroup(bytes: Uint8Array, group: ReadGroup, into: { walk: Walk; out: Uint8Array }): void {
  const { unitBytes, fromStep, toStep } = into.walk;
  const dense = fromStep === unitBytes && toStep === unitBytes;
  for (const piece of group.pieces) {
    const units = dense ? 1 : piece.count;
    const size = dense ? unitBytes * piece.count : unitBytes;
    for (let i = 0; i < units; i++) {
      const from = piece.from - group.start + i * fromStep;
      const to = piece.to + i * toStep;
      if (size > 16) into.out.set(bytes.subarray(from, from + size), to);
      else for (let k = 0; k < size; k++) into.out[to + k] = bytes[from + k] ?? 0;
    }
  }
}

function tooScattered(): ServiceError {
  return new ServiceError(
    "LIMIT_EXCEEDED",
    `The slice lies in more than ${maxRanges} separate byte ranges. Choose longer runs along the last axis, or fetch the whole by url.`,
    { details: { field: "slice", limit: maxRanges } },
  );
}

function tooWide(spanned: number): ServiceError {
  return new ServiceError(
    "LIMIT_EXCEEDED",
    `The slice lies scattered over ${spanned} bytes, which would all be read. Choose longer runs along the last axis, or fetch the whole by url.`,
    { details: { field: "slice", limit: maxExtraBytes } },
  );
}
