/**
 * What the numbers of an array are like, from pieces of it in any order.
 *
 * `count` is of the elements that are numbers: NaN, and NaT, are left out and counted in `nanCount`. `min` and `max` are elements as they are, 64-bit
 * integers exactly. `mean` and `std` are taken in 64-bit floats; `std` is that of the whole (numpy's `ddof=0`). Both are null where they
 * are no finite number: of nothing, of infinities, of instants and durations.
 */

import { littleEndianBytes, type NdArray } from "./array.ts";
import { notATime } from "./calendar.ts";
import type { Dtype } from "./dtype.ts";
import { type ElementJson, elementsToJson } from "./elements.ts";
import { float16FromBits } from "./float16.ts";

/** SDL of the answer, the same for every codec that gives it. */
export const statisticsTypeDefs = `"What the numbers of an array are like; NaN is left out and counted."
type ArrayStatistics { count: BigInt! nanCount: BigInt! min: JSON max: JSON mean: Float std: Float }`;

/** The answer, as plain JSON. */
export type StatisticsJson = {
  readonly count: string;
  readonly nanCount: string;
  readonly min: ElementJson;
  readonly max: ElementJson;
  readonly mean: number | null;
  readonly std: number | null;
};

/** Takes the elements of an array, piece by piece. */
export interface Statistics {
  /** Elements of the type, in its byte order; a whole number of them. */
  add(bytes: Uint8Array): void;
  result(): StatisticsJson;
}

/** One number, or ticks, for each element. */
type Numbers = ArrayLike<number> | ArrayLike<bigint>;

/** Statistics of elements of a type; `undefined` for types that are no numbers, instants or durations, and for complex numbers, which have no order. */
export function statisticsOf(type: Dtype): Statistics | undefined {
  const numbers = numbersOf(type);
  if (numbers === undefined) return undefined;
  const sums = new Sums(type.kind === "M" || type.kind === "m" ? notATime : undefined);
  return {
    add: (bytes) => {
      if (bytes.length > 0) sums.add(numbers(littleEndianBytes(type, bytes)));
    },
    result: () => sums.result(type),
  };
}

/** How little-endian bytes of a type are seen as numbers. */
function numbersOf(type: Dtype): ((bytes: Uint8Array) => Numbers) | undefined {
  const { kind, itemSizeBytes: size } = type;
  if (kind === "M" || kind === "m") return (bytes) => new BigInt64Array(...aligned(bytes, 8));
  if (kind === "f" && size === 2) {
    const values = Float32Array.from({ length: 65_536 }, (_, bits) => float16FromBits(bits));
    return (bytes) => halves(new Uint16Array(...aligned(bytes, 2)), values);
  }
  if (kind === "b") return (bytes) => bytes.map((byte) => (byte === 0 ? 0 : 1));
  const view = views[`${kind}${size}`];
  if (view === undefined) return undefined;
  return (bytes) => view(aligned(bytes, size));
}

function halves(bits: Uint16Array, values: Float32Array): Float32Array {
  const out = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) out[i] = values[bits[i] ?? 0] ?? 0;
  return out;
}

type Span = [buffer: ArrayBufferLike, byteOffset: number, length: number];

const views: Readonly<Record<string, (span: Span) => Numbers>> = {
  i1: (span) => new Int8Array(...span),
  i2: (span) => new Int16Array(...span),
  i4: (span) => new Int32Array(...span),
  i8: (span) => new BigInt64Array(...span),
  u1: (span) => new Uint8Array(...span),
  u2: (span) => new Uint16Array(...span),
  u4: (span) => new Uint32Array(...span),
  u8: (span) => new BigUint64Array(...span),
  f4: (span) => new Float32Array(...span),
  f8: (span) => new Float64Array(...span),
};

function aligned(bytes: Uint8Array, size: number): Span {
  const whole = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  return [whole.buffer, whole.byteOffset, whole.length / size];
}

/** Count, mean and squared distances of several pieces together: Chan, Golub and LeVeque's way, which loses no digits as plain sums would. */
class Sums {
  #count = 0;
  #nans = 0;
  #mean = 0;
  #squares = 0;
  #min: number | bigint | undefined;
  #max: number | bigint | undefined;
  readonly #none: bigint | undefined;

  constructor(none: bigint | undefined) {
    this.#none = none;
  }

  add(numbers: Numbers): void {
    const { count, sum } = this.#first(numbers);
    this.#nans += numbers.length - count;
    if (count === 0) return;
    const mean = sum / count;
    let squares = 0;
    for (let i = 0; i < numbers.length; i++) {
      const value = numbers[i];
      if (value === undefined || value === this.#none || Number.isNaN(value)) continue;
      const distance = Number(value) - mean;
      squares += distance * distance;
    }
    const all = this.#count + count;
    const apart = mean - this.#mean;
    this.#mean += (apart * count) / all;
    this.#squares += squares + (apart * apart * this.#count * count) / all;
    this.#count = all;
  }

  #first(numbers: Numbers): { readonly count: number; readonly sum: number } {
    let count = 0;
    let sum = 0;
    let min = this.#min;
    let max = this.#max;
    for (let i = 0; i < numbers.length; i++) {
      const value = numbers[i];
      if (value === undefined || value === this.#none || Number.isNaN(value)) continue;
      count += 1;
      sum += Number(value);
      if (min === undefined || value < min) min = value;
      if (max === undefined || value > max) max = value;
    }
    this.#min = min;
    this.#max = max;
    return { count, sum };
  }

  result(type: Dtype): StatisticsJson {
    const isTime = this.#none !== undefined;
    const finite = (value: number) => (!isTime && this.#count > 0 && Number.isFinite(value) ? value : null);
    return {
      count: String(this.#count),
      nanCount: String(this.#nans),
      min: elementJson(type, this.#min),
      max: elementJson(type, this.#max),
      mean: finite(this.#mean),
      std: finite(Math.sqrt(this.#squares / this.#count)),
    };
  }
}

/** An element as `values` shows it. */
function elementJson(type: Dtype, value: number | bigint | undefined): ElementJson {
  if (value === undefined) return null;
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  if (typeof value === "number") {
    if (type.kind === "b") return value !== 0;
    view.setFloat64(0, value, true);
    return elementsToJson(single({ kind: "f", littleEndian: true, itemSizeBytes: 8 }, bytes));
  }
  view.setBigUint64(0, BigInt.asUintN(64, value), true);
  return elementsToJson(single({ ...type, littleEndian: true }, bytes));
}

function single(dtype: Dtype, bytes: Uint8Array): NdArray {
  return { dtype, shape: [], fortranOrder: false, bytes };
}
