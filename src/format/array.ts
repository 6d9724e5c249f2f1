/** Arrays in memory: type, shape, order and bytes. */

import type { Dtype } from "./dtype.ts";
import { invalid } from "./fault.ts";
import { reorder } from "./transpose.ts";

/**
 * An array of fixed-size elements.
 *
 * @shape `shape`, in elements; no axes for a single value
 */
export interface NdArray {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** True when the first axis is the fastest in `bytes`. */
  readonly fortranOrder: boolean;
  readonly bytes: Uint8Array;
}

/** Number of elements, exact however large the axes claim to be. */
export function elementCount(shape: readonly (number | bigint)[]): bigint {
  return shape.reduce<bigint>((product, n) => product * BigInt(n), 1n);
}

/** Strides of an array in elements, axis by axis. */
export function strides(shape: readonly number[], fortranOrder: boolean): number[] {
  const out = new Array<number>(shape.length).fill(1);
  const order = fortranOrder ? shape.keys().toArray() : shape.keys().toArray().reverse();
  let stride = 1;
  for (const axis of order) {
    out[axis] = stride;
    stride *= shape[axis] ?? 1;
  }
  return out;
}

/** The elements in C order. */
export function cOrderBytes(array: NdArray): Uint8Array {
  if (!array.fortranOrder) return array.bytes;
  return reorder(array.bytes, { shape: array.shape, itemSizeBytes: array.dtype.itemSizeBytes, from: "F" });
}

/** The same elements, little-endian. Never writes the given bytes. */
export function littleEndianBytes(type: Dtype, bytes: Uint8Array): Uint8Array {
  if (type.littleEndian) return bytes;
  const unit = type.kind === "c" ? type.itemSizeBytes / 2 : type.kind === "U" ? 4 : type.itemSizeBytes;
  // Not slice(): that of a Buffer is a view.
  const out = new Uint8Array(bytes);
  for (let at = 0; at + unit <= out.length; at += unit) out.subarray(at, at + unit).reverse();
  return out;
}

/** Checks a shape given by a caller, and its size. @throws {CODEC_INVALID_VALUE} when it is none or does not fit `byteLength`. */
export function checkShape(shape: readonly unknown[], type: Dtype, byteLength?: number): number[] {
  if (shape.length > 64) throw invalid(`An array has at most 64 axes, not ${shape.length}.`);
  const axes = shape.map((n) => {
    if (typeof n !== "number" || !Number.isSafeInteger(n) || n < 0) {
      throw invalid("The shape must be whole numbers, none negative.", { value: shape });
    }
    return n;
  });
  const size = elementCount(axes) * BigInt(type.itemSizeBytes);
  if (byteLength !== undefined && size !== BigInt(byteLength)) {
    throw invalid(`The shape [${axes.join(", ")}] needs ${size} bytes, but ${byteLength} were given.`, {
      value: shape,
    });
  }
  return axes;
}
