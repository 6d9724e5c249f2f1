/** Slices and statistics of a Zarr array, from its chunks. */

import { ServiceError } from "../errors.ts";
import { elementCount, type NdArray } from "./array.ts";
import type { Dtype } from "./dtype.ts";
import { copyElements } from "./grid.ts";
import { type Slice, selectAxes, selectedShape } from "./slice.ts";
import { type StatisticsJson, statisticsOf } from "./statistics.ts";
import type { ZarrArray } from "./zarr-array.ts";
import { visitParts } from "./zarr-chunks.ts";
import type { ReadableArray } from "./zarr-elements.ts";
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
    const counts = part.axes.map((axis) => axis.count);
    const count = counts.reduce((product, n) => product * n, 1);
    const isWhole = elements.bytes.length === count * size;
    const bytes = isWhole ? elements.bytes : new Uint8Array(count * size);
    if (!isWhole)
      copyElements({ ...elements, axes: part.axes }, { bytes, counts, to: counts.map(() => 0) }, size);
    statistics.add(bytes);
  }
  return statistics.result();
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
