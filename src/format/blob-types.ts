/** Numbers of the element types in packed blobs. @source MATLAB mxClassID; DataJoint `blob.py` */

import type { Dtype } from "./dtype.ts";

/** Element types by number, numpy text. `4` (char), `5` (values) and the datetimes are apart. */
const blobDtypes: ReadonlyMap<number, string> = new Map([
  [3, "|b1"],
  [6, "<f8"],
  [7, "<f4"],
  [8, "|i1"],
  [9, "|u1"],
  [10, "<i2"],
  [11, "<u2"],
  [12, "<i4"],
  [13, "<u4"],
  [14, "<i8"],
  [15, "<u8"],
]);

/** Number of 16-bit characters. */
export const charId = 4;
/** Number of arrays of values. */
export const objectId = 5;

const firstTimeId = 65_536;
const timeUnits = ["Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as"];

/** numpy text of an element type by number. `undefined`: no array is written so. */
export function dtypeOfBlobId(id: number, isComplex: boolean): string | undefined {
  if (isComplex) return id === 6 ? "<c16" : id === 7 ? "<c8" : undefined;
  const unit = timeUnits[id - firstTimeId];
  return unit === undefined ? blobDtypes.get(id) : `<M8[${unit}]`;
}

/** Number of an element type; `undefined` where blobs have none (float16, big-endian, bytes, timedelta, records). */
export function blobIdOfDtype(type: Dtype): { id: number; isComplex: boolean; isTime: boolean } | undefined {
  if (!type.littleEndian) return undefined;
  if (type.kind === "M") {
    const unit = timeUnits.indexOf(type.unit ?? "");
    return unit < 0 ? undefined : { id: firstTimeId + unit, isComplex: false, isTime: true };
  }
  if (type.kind === "c") {
    const id = type.itemSizeBytes === 16 ? 6 : 7;
    return type.itemSizeBytes > 16 ? undefined : { id, isComplex: true, isTime: false };
  }
  for (const [id, text] of blobDtypes) {
    if (text.slice(1) === `${type.kind}${type.itemSizeBytes}`) return { id, isComplex: false, isTime: false };
  }
  return undefined;
}
