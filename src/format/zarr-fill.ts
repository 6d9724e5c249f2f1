/** The value that chunks have which are not there, as the bytes of one element. */

import { type Dtype, dtypeName } from "./dtype.ts";
import { arrayFromValues, bytesFromBase64 } from "./elements-from-json.ts";
import { corrupt, shown } from "./fault.ts";
import { plainJson, type ZarrJson } from "./zarr-json.ts";

/** Bytes of one element; zeros where nothing is given. @throws {CODEC_CORRUPT} when the type has no such value. */
export function fillBytes(type: Dtype, value: ZarrJson | undefined): Uint8Array {
  const bytes = new Uint8Array(type.itemSizeBytes);
  if (value === undefined || value === null) return bytes;
  try {
    return filled(type, value, bytes);
  } catch (cause) {
    throw corrupt(`The fill value ${shown(plainJson(value))} is no ${dtypeName(type)}.`, cause);
  }
}

function filled(type: Dtype, value: ZarrJson, bytes: Uint8Array): Uint8Array {
  const { kind, littleEndian } = type;
  if ((kind === "M" || kind === "m") && (typeof value === "number" || typeof value === "bigint")) {
    new DataView(bytes.buffer).setBigInt64(0, BigInt.asIntN(64, BigInt(value)), littleEndian);
    return bytes;
  }
  if (kind === "S" || kind === "V") return rawBytes(value, bytes);
  const hex = typeof value === "string" && kind === "f" ? /^0x([0-9a-f]+)$/i.exec(value)?.[1] : undefined;
  if (hex !== undefined) {
    const bits = Buffer.from(hex.padStart(bytes.length * 2, "0"), "hex");
    if (bits.length !== bytes.length) throw corrupt("It has another number of bits.");
    bytes.set(littleEndian ? bits.reverse() : bits);
    return bytes;
  }
  return arrayFromValues({ dtype: dtypeName(type), shape: [], data: dataOf(type, value) }).bytes;
}

function rawBytes(value: ZarrJson, bytes: Uint8Array): Uint8Array {
  const given = typeof value === "string" ? bytesFromBase64(value) : listOfBytes(value);
  if (given.length > bytes.length) throw corrupt("It has more bytes than an element.");
  bytes.set(given);
  return bytes;
}

function listOfBytes(value: ZarrJson): Uint8Array {
  if (value === 0) return new Uint8Array();
  if (!Array.isArray(value) || !value.every((n) => Number.isInteger(n) && n >= 0 && n < 256))
    throw corrupt("It is no list of bytes.");
  return Uint8Array.from(value);
}

function dataOf({ kind, itemSizeBytes }: Dtype, value: ZarrJson): unknown {
  if (kind === "b" && (value === 0 || value === 1)) return value === 1;
  if (kind === "c" && Array.isArray(value) && value.length === 2) return { re: value[0], im: value[1] };
  if (kind === "c" && typeof value === "number") return { re: value, im: 0 };
  if (kind === "U" && value === 0) return "";
  // Version 2 lets floats be written where integers are meant, and the other way round.
  if (typeof value === "bigint") return kind === "f" ? Number(value) : String(value);
  const is64 = (kind === "i" || kind === "u") && itemSizeBytes === 8 && typeof value === "number";
  return is64 ? String(value) : value;
}
