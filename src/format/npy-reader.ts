/** Reads `.npy` files by ranges: the header, then only the elements asked for. */

import { elementCount, type NdArray } from "./array.ts";
import { layoutStatistics } from "./array-statistics.ts";
import { corrupt } from "./fault.ts";
import { type NpyHeader, npyHeaderSpan, readNpyHeader } from "./npy.ts";
import { readSelection } from "./read-slice.ts";
import { type Slice, selectAxes, selectedShape } from "./slice.ts";
import type { StatisticsJson } from "./statistics.ts";

/** What is needed of a file; `ByteReader` of the codec contract fits. */
export interface NpySource {
  readonly sizeBytes: number;
  read(start: number, end: number, signal?: AbortSignal): Promise<Uint8Array>;
}

/** Enough for nearly every header, which is 128 bytes for plain types. */
const firstReadBytes = 512;
/** A file of up to so many bytes is read by one request, header and all: a second one costs more. */
const oneReadBytes = 65_536;

/** The same file, read by one request where it is small. */
export async function atHand(source: NpySource, signal?: AbortSignal): Promise<NpySource> {
  const { sizeBytes } = source;
  if (sizeBytes > oneReadBytes) return source;
  const bytes = await source.read(0, sizeBytes, signal);
  return { sizeBytes, read: async (start, end) => bytes.subarray(start, end) };
}

/** @throws {CODEC_CORRUPT} when the header is damaged or does not fit the file's size. */
export async function openNpy(source: NpySource, signal?: AbortSignal): Promise<NpyHeader> {
  const first = await source.read(0, Math.min(firstReadBytes, source.sizeBytes), signal);
  const { dataStart } = npyHeaderSpan(first);
  if (dataStart > source.sizeBytes) throw corrupt("The .npy file ends in its header.");
  const whole = dataStart <= first.length ? first : await source.read(0, dataStart, signal);
  return readNpyHeader(whole, source.sizeBytes);
}

/** Options of {@link readNpySlice}. */
interface NpySliceOptions {
  readonly slices?: readonly Slice[];
  /** Called with the size of the answer in bytes before it is read; throws when that is too much. */
  readonly admit: (sizeBytes: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** The selected elements, in C order and the file's type. Only their ranges are read. */
export async function readNpySlice(
  source: NpySource,
  header: NpyHeader,
  options: NpySliceOptions,
): Promise<NdArray> {
  const axes = selectAxes(header.shape, options.slices);
  const shape = selectedShape(axes);
  const { dtype } = header;
  options.admit(Number(elementCount(shape)) * dtype.itemSizeBytes);
  const bytes = await readSelection(
    (start, end) => source.read(start, end, options.signal),
    { ...header, itemSizeBytes: dtype.itemSizeBytes },
    axes,
  );
  return { dtype, shape, fortranOrder: false, bytes };
}

/** What the selected elements are like; they pass through memory in pieces. */
export function npyStatistics(
  source: NpySource,
  header: NpyHeader,
  options: Pick<NpySliceOptions, "slices" | "signal">,
): Promise<StatisticsJson | null> {
  const read = (start: number, end: number) => source.read(start, end, options.signal);
  return layoutStatistics(read, { ...header, itemSizeBytes: header.dtype.itemSizeBytes }, options);
}
