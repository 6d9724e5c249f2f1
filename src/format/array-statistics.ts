/** Statistics of an array that lies in bytes, wherever they are: they pass through memory in pieces. */

import type { NdArray } from "./array.ts";
import { readPieces } from "./read-pieces.ts";
import type { ArrayLayout } from "./read-slice.ts";
import { type Slice, selectAxes } from "./slice.ts";
import { type StatisticsJson, statisticsOf } from "./statistics.ts";

interface StatisticsOptions {
  readonly slices?: readonly Slice[];
  readonly signal?: AbortSignal | undefined;
}

/** Of the selected elements of an array in memory. */
export function arrayStatistics(array: NdArray, options: StatisticsOptions): Promise<StatisticsJson | null> {
  const { bytes, dtype } = array;
  const layout = { ...array, itemSizeBytes: dtype.itemSizeBytes, dataStart: 0 };
  return layoutStatistics(async (start, end) => bytes.subarray(start, end), { ...layout, dtype }, options);
}

/** Of the selected elements of an array that `read` gives ranges of. */
export async function layoutStatistics(
  read: (start: number, end: number) => Promise<Uint8Array>,
  layout: ArrayLayout & Pick<NdArray, "dtype">,
  options: StatisticsOptions,
): Promise<StatisticsJson | null> {
  const axes = selectAxes(layout.shape, options.slices);
  const statistics = statisticsOf(layout.dtype);
  if (statistics === undefined) return null;
  for await (const piece of readPieces(read, layout, axes)) {
    options.signal?.throwIfAborted();
    statistics.add(piece);
  }
  return statistics.result();
}
