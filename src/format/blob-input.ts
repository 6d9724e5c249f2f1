/** What callers give for a packed value. */

import { isServiceError, ServiceError } from "../errors.ts";
import { littleEndianBytes, type NdArray } from "./array.ts";
import { arrayOfInput } from "./array-input.ts";
import { openEnvelope } from "./blob-envelope.ts";
import { unpackBlob } from "./blob-read.ts";
import type { DecodeLimits } from "./decode-limits.ts";
import { descrOf } from "./dtype.ts";
import { arrayFromValues, bytesFromBase64 } from "./elements-from-json.ts";
import { isNdArray } from "./exchanged-array.ts";
import { valueOfJson } from "./exchanged-json.ts";
import { invalid } from "./fault.ts";
import { fromTagged } from "./tagged-value.ts";
import type { Value } from "./value.ts";
import { valueFromJson } from "./value-json.ts";

/** The value that a blob's input means; `body` where the bytes are to be kept as they were given. @throws {CODEC_INVALID_VALUE} */
export async function blobOfInput(
  input: Readonly<Record<string, unknown>>,
  limits: DecodeLimits,
): Promise<{ value: Value; body?: Uint8Array }> {
  const { tagged, array, arrayBase64, base64, body, ndarray, exchanged } = input;
  if (isNdArray(ndarray)) return { value: { t: "ndarray", array: ndarray } };
  if (typeof exchanged === "string") return { value: valueOfJson(exchanged) };
  if (typeof base64 === "string") return verifiedBlob(bytesFromBase64(base64), limits);
  if (body instanceof Uint8Array) return { value: { t: "bytes", bytes: body } };
  if (tagged !== undefined && tagged !== null) return { value: fromTagged(tagged) };
  if (typeof array === "object" && array !== null) return { value: arrayValue(array) };
  if (typeof arrayBase64 === "object" && arrayBase64 !== null)
    return { value: { t: "ndarray", array: littleEndian(arrayOfInput({ base64: arrayBase64 })) } };
  if (Object.hasOwn(input, "json")) return { value: valueFromJson(input["json"]) };
  throw invalid("A blob is given as json, tagged, array, arrayBase64, base64 or upload.");
}

/** As blobs have numbers. */
function littleEndian(array: NdArray): NdArray {
  const { bytes, dtype } = array;
  return dtype.littleEndian || dtype.kind === "V"
    ? array
    : { ...array, dtype: { ...dtype, littleEndian: true }, bytes: littleEndianBytes(dtype, bytes) };
}

function arrayValue(array: object): Value {
  if (!("dtype" in array && "shape" in array && "data" in array))
    throw invalid("An array has dtype, shape and data.");
  const { dtype, shape, data } = array;
  if (typeof dtype !== "string" || !Array.isArray(shape))
    throw invalid("An array has dtype, shape and data.");
  const values = arrayFromValues({ dtype, shape, data });
  if (values.dtype.kind !== "U") return { t: "ndarray", array: values };
  const items = flatTexts(data).map((v): Value => ({ t: "str", v }));
  return { t: "ndarray", dtype: descrOf(values.dtype), shape: values.shape, items };
}

/** Text elements in order; `arrayFromValues` has checked them. */
function flatTexts(data: unknown): string[] {
  return Array.isArray(data) ? data.flatMap(flatTexts) : [String(data)];
}

/** Bytes that a caller has packed, kept as they are once they prove to be a blob. */
export async function verifiedBlob(
  bytes: Uint8Array,
  limits: DecodeLimits,
): Promise<{ value: Value; body: Uint8Array }> {
  try {
    return { value: unpackBlob(await openEnvelope(bytes, limits), limits), body: bytes };
  } catch (cause) {
    if (!isServiceError(cause, "CODEC_CORRUPT")) throw cause;
    throw new ServiceError("CODEC_INVALID_VALUE", `The bytes are no packed blob: ${cause.message}`, {
      cause,
    });
  }
}
