/** What the numbers of a dataset are like, read block by block, so that a large dataset needs little memory. */

import { invalid } from "./fault.ts";
import { type Hdf5Dataset, readableType, withElements } from "./hdf5-dataset.ts";
import type { Hdf5File } from "./hdf5-library.ts";
import type { AxisSelection } from "./slice.ts";
import { type StatisticsJson, statisticsOf } from "./statistics.ts";

/** Elements that are looked at together, in bytes. */
const blockBytes = 4 * 2 ** 20;

/** Statistics of the selected elements. @throws {CODEC_INVALID_VALUE} when they are no real numbers */
export function datasetStatistics(
  file: Hdf5File,
  dataset: Hdf5Dataset,
  axes: readonly AxisSelection[],
): StatisticsJson {
  const type = readableType(dataset);
  const statistics = type.kind === "number" ? statisticsOf(type.read) : undefined;
  if (statistics === undefined)
    throw invalid(`The dataset ${dataset.path} holds no real numbers.`, { remedy: "Ask for its values." });
  const at = { chunks: dataset.metadata.chunks ?? [], itemBytes: type.sizeBytes };
  for (const block of blocksOf(axes, at))
    withElements(file, { dataset, type, axes: block }, ({ bytes }) => statistics.add(bytes));
  return statistics.result();
}

/** Parts of the selection that fit into a block, along the chunks where there are any, so that each chunk is read once. */
function* blocksOf(
  axes: readonly AxisSelection[],
  at: { readonly chunks: readonly number[]; readonly itemBytes: number },
  axis = 0,
): Generator<AxisSelection[]> {
  const inner = axes.slice(axis + 1).reduce((product, one) => product * one.count, at.itemBytes);
  const here = axes[axis];
  if (here === undefined || here.count * inner <= blockBytes) {
    yield [...axes];
    return;
  }
  const chunk = Math.max(1, Math.floor((at.chunks[axis] ?? 1) / Math.abs(here.step)));
  const fitting = Math.max(1, Math.floor(blockBytes / Math.max(1, inner)));
  const count = Math.max(1, fitting >= chunk ? fitting - (fitting % chunk) : Math.min(chunk, here.count));
  for (let from = 0; from < here.count; from += count) {
    const part = {
      ...here,
      start: here.start + from * here.step,
      count: Math.min(count, here.count - from),
    };
    yield* blocksOf(axes.with(axis, part), at, axis + 1);
  }
}
