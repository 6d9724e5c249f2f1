/** Selects elements of an array in memory. */

import { elementCount, type NdArray } from "./array.ts";
import { readSelection } from "./read-slice.ts";
import { type Slice, selectAxes, selectedShape } from "./slice.ts";

/** The selected elements, in C order. `admit` is told the size of the answer in bytes before it is made. @throws {BAD_USER_INPUT} */
export async function sliceArray(
  array: NdArray,
  slices: readonly Slice[],
  admit: (sizeBytes: number) => void,
): Promise<NdArray> {
  const { bytes, dtype, fortranOrder, shape } = array;
  const axes = selectAxes(shape, slices);
  const selected = selectedShape(axes);
  admit(Number(elementCount(selected)) * dtype.itemSizeBytes);
  const layout = { shape, fortranOrder, itemSizeBytes: dtype.itemSizeBytes, dataStart: 0 };
  const found = await readSelection(async (start, end) => bytes.subarray(start, end), layout, axes);
  return { dtype, shape: selected, fortranOrder: false, bytes: found };
}
