/** Slices and statistics of a Zarr array, from its chunks. */

import { setImmediate } from "node:timers/promises";
import { ServiceError } from "../errors.ts";
import { elementCount, type NdArray } from "./array.ts";
import type { Dtype } from "./dtype.ts";
import { copyElements } from "./grid.ts";
import { type AxisSelection, type Slice, selectAxes, selectedShape } from "./slice.ts";
import { type StatisticsJson, statisticsOf } from "./statistics.ts";
import type { ZarrArray } from "./zarr-array.ts";
import { visitParts } from "./zarr-chunks.ts";
import type { FoundPart, ReadableArray } from "./zarr-elements.ts";
import type { ZarrFolder } from "./zarr-folder.ts";

interface ZarrSliceOptions {
  readonly slices?: readonly Slice[];
  /** Called with the size of the answer in bytes before it is read; throws when that is too much. */
  readonly admit: (sizeBytes: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Chunks that one slice may touch. */
const maxSliceChunks = 16_384;
/** Chunks that statistics may touch. */
const maxStatisticsChunks = 1_000_000;
/** Elements that are read at all, in bytes. */
const maxAnswerBytes = 2 ** 30;

/** The selected elements, in C order. Only the chunks that hold them are read. */
export async function readZarrSlice(
  folder: ZarrFolder,
  array: ZarrArray,
  options: ZarrSliceOptions,
): Promise<NdArray> {
  const { dtype, readable } = readableOf(array);
  const axes = selectAxes(array.shape, options.slices);
  const shape = selectedShape(axes);
  const size = elementCount(shape) * BigInt(dtype.itemSizeBytes);
  options.admit(Number(size));
  checkAnswer(size);
  const bytes = new Uint8Array(Number(size));
  const counts = axes.map((axis) => axis.count);
  const visit = { maxChunks: maxSliceChunks, signal: options.signal };
  if (bytes.length > 0) {
    for await (const { part, elements } of visitParts(folder, readable, { axes, options: visit })) {
      copyElements({ ...elements, axes: part.axes }, { bytes, counts, to: part.to }, dtype.itemSizeBytes);
    }
  }
  return { dtype, shape, fortranOrder: false, bytes };
}

/** What the selected elements are like; they pass through memory chunk by chunk. */
export async function zarrStatistics(
  folder: ZarrFolder,
  array: ZarrArray,
  options: Pick<ZarrSliceOptions, "slices" | "signal">,
): Promise<StatisticsJson | null> {
  const { dtype, readable } = readableOf(array);
  const axes = selectAxes(array.shape, options.slices);
  const statistics = statisticsOf(dtype);
  if (statistics === undefined) return null;
  const size = dtype.itemSizeBytes;
  if (axes.some((axis) => axis.count === 0) || size === 0) return statistics.result();
  const visit = { maxChunks: maxStatisticsChunks, signal: options.signal };
  for await (const { part, elements } of visitParts(folder, readable, { axes, options: visit })) {
    for (const bytes of blocksOfPart({ part, elements }, size)) {
      statistics.add(bytes);
      // Chunks that are not there need no store to be waited for: without this nothing else would be served meanwhile.
      await setImmediate();
      options.signal?.throwIfAborted();
    }
  }
  return statistics.result();
}

/** Parts of a chunk of about so many elements are looked at between other work. */
const blockElements = 2 ** 17;

/** The elements of a part in some order, a block at a time. */
function* blocksOfPart({ part, elements }: FoundPart, size: number): Generator<Uint8Array> {
  const { bytes } = elements;
  const whole = part.axes.reduce((product, { count }) => product * count, size);
  if (bytes.length === whole) {
    const step = blockElements * size;
    for (let at = 0; at < whole; at += step) yield bytes.subarray(at, at + step);
    return;
  }
  for (const axes of blocksOf(part.axes)) {
    const counts = axes.map((axis) => axis.count);
    const block = new Uint8Array(counts.reduce((product, n) => product * n, size));
    copyElements({ ...elements, axes }, { bytes: block, counts, to: counts.map(() => 0) }, size);
    yield block;
  }
}

function* blocksOf(axes: readonly AxisSelection[], axis = 0): Generator<readonly AxisSelection[]> {
  const here = axes[axis];
  const inner = axes.slice(axis + 1).reduce((product, { count }) => product * count, 1);
  if (here === undefined || here.count * inner <= blockElements) {
    yield axes;
    return;
  }
  const count = Math.max(1, Math.floor(blockElements / inner));
  for (let from = 0; from < here.count; from += count) {
    const start = here.start + from * here.step;
    yield* blocksOf(axes.with(axis, { ...here, start, count: Math.min(count, here.count - from) }), axis + 1);
  }
}

function readableOf(array: ZarrArray): { readonly dtype: Dtype; readonly readable: ReadableArray } {
  const { type, layout } = array;
  if ("foreign" in type || layout === undefined) {
    const where = array.path === "" ? "The array" : `The array ${JSON.stringify(array.path)}`;
    const remedy = "Fetch it by url: zarr.open reads it in place.";
    // The folder is whole: what is not read is a limit of ours.
    throw new ServiceError(
      "LIMIT_EXCEEDED",
      `${where} has ${array.foreign ?? array.dtypeName}, which Holdfast does not read. ${remedy}`,
      { details: { field: "path", value: array.path, remedy } },
    );
  }
  return { dtype: type.dtype, readable: { ...array, layout, itemSizeBytes: type.dtype.itemSizeBytes } };
}

function checkAnswer(sizeBytes: bigint): void {
  if (sizeBytes <= BigInt(maxAnswerBytes)) return;
  throw new ServiceError(
    "LIMIT_EXCEEDED",
    `The array has ${sizeBytes} bytes of elements; at most ${maxAnswerBytes} are read at once. Ask for a smaller slice.`,
    { details: { field: "slice", limit: maxAnswerBytes } },
  );
}
