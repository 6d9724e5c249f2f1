/** What the numbers of a dataset are like, read block by block, so that a large dataset needs little memory. */

import { numberToJson } from "./elements.ts";
import { invalid } from "./fault.ts";
import { float16FromBits } from "./float16.ts";
import { type Hdf5Dataset, readableType, withElements } from "./hdf5-dataset.ts";
import type { Hdf5File } from "./hdf5-library.ts";
import type { AxisSelection } from "./slice.ts";

/** Elements that are looked at together, in bytes. */
const blockBytes = 4 * 2 ** 20;

/** As `ArrayStatistics` of the API. */
export interface Hdf5Statistics {
  readonly count: string;
  readonly nanCount: string;
  /** A number, or text where JSON has none: integers of 64 bits, infinities. Null without numbers. */
  readonly min: number | string | null;
  readonly max: number | string | null;
  readonly mean: number | null;
  /** Of the whole population. */
  readonly std: number | null;
}

/** Statistics of the selected elements. @throws {CODEC_INVALID_VALUE} when they are no real numbers */
export function statisticsOf(
  file: Hdf5File,
  dataset: Hdf5Dataset,
  axes: readonly AxisSelection[],
): Hdf5Statistics {
  const type = readableType(dataset);
  if (type.kind !== "number" || type.read.kind === "c")
    throw invalid(`The dataset ${dataset.path} holds no real numbers.`, { remedy: "Ask for its values." });
  const seen = new Seen();
  for (const block of blocksOf(axes, { chunks: dataset.metadata.chunks ?? [], itemBytes: type.sizeBytes })) {
    withElements(file, { dataset, type, axes: block }, ({ bytes }) => {
      const numbers = numbersIn(bytes, type.read);
      seen.add(numbers);
    });
  }
  return seen.told();
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

type Numbers = Iterable<number> | Iterable<bigint>;

function numbersIn(
  bytes: Uint8Array,
  type: { readonly kind: string; readonly itemSizeBytes: number; readonly littleEndian: boolean },
): Numbers {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { kind, itemSizeBytes: size, littleEndian: little } = type;
  const read = readers[`${kind}${size}`];
  if (read === undefined) throw invalid("These elements are no real numbers.");
  return (function* () {
    for (let at = 0; at < bytes.length; at += size) yield read(view, at, little);
  })() as Numbers;
}

const readers: Readonly<Record<string, (view: DataView, at: number, little: boolean) => number | bigint>> = {
  b1: (view, at) => (view.getUint8(at) === 0 ? 0 : 1),
  i1: (view, at) => view.getInt8(at),
  u1: (view, at) => view.getUint8(at),
  i2: (view, at, little) => view.getInt16(at, little),
  u2: (view, at, little) => view.getUint16(at, little),
  i4: (view, at, little) => view.getInt32(at, little),
  u4: (view, at, little) => view.getUint32(at, little),
  i8: (view, at, little) => view.getBigInt64(at, little),
  u8: (view, at, little) => view.getBigUint64(at, little),
  f2: (view, at, little) => float16FromBits(view.getUint16(at, little)),
  f4: (view, at, little) => view.getFloat32(at, little),
  f8: (view, at, little) => view.getFloat64(at, little),
};

/** Numbers seen so far; mean and squares as Welford keeps them, which does not lose small differences of large numbers. */
class Seen {
  #count = 0;
  #nanCount = 0;
  #mean = 0;
  #squares = 0;
  #min: number | bigint | undefined;
  #max: number | bigint | undefined;

  add(numbers: Numbers): void {
    for (const exact of numbers) {
      const value = Number(exact);
      if (Number.isNaN(value)) {
        this.#nanCount += 1;
        continue;
      }
      this.#count += 1;
      const distance = value - this.#mean;
      this.#mean += distance / this.#count;
      this.#squares += distance * (value - this.#mean);
      if (this.#min === undefined || exact < this.#min) this.#min = exact;
      if (this.#max === undefined || exact > this.#max) this.#max = exact;
    }
  }

  told(): Hdf5Statistics {
    const edge = (value: number | bigint | undefined) =>
      value === undefined ? null : typeof value === "bigint" ? String(value) : numberToJson(value);
    const finite = (value: number) => (this.#count > 0 && Number.isFinite(value) ? value : null);
    return {
      count: String(this.#count),
      nanCount: String(this.#nanCount),
      min: edge(this.#min),
      max: edge(this.#max),
      mean: finite(this.#mean),
      std: finite(Math.sqrt(this.#squares / this.#count)),
    };
  }
}
