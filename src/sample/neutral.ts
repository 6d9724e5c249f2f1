/** Values in a form that no language owns, for comparing what another implementation reads with what was to be written. */

import { createHash } from "node:crypto";

/** A tagged value: `t` is the type. */
export type Neutral = { readonly t: string; readonly [key: string]: unknown };

const inlineBytes = 2048;

export const absent: Neutral = { t: "null" };
export const text = (v: string): Neutral => ({ t: "str", v });
export const whole = (v: number): Neutral => ({ t: "int", v: String(v) });

/** Python's `repr` of a float, and its bits. */
export function float(v: number): Neutral {
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, v);
  return { t: "float", v: pythonFloat(v), bits: bits.getBigUint64(0).toString(16).padStart(16, "0") };
}

function pythonFloat(v: number): string {
  if (Object.is(v, -0)) return "-0.0";
  if (Number.isInteger(v) && Math.abs(v) < 1e16) return v.toFixed(1);
  const shortest = Math.abs(v) < 1e-4 ? v.toExponential() : String(v);
  // Python writes at least two digits in the exponent.
  return shortest.replace(/e([+-])(\d)$/, "e$10$2");
}

/** Without a zone, seconds only where there is no fraction, as `datetime.isoformat` writes it. */
export function moment(v: Date): Neutral {
  const iso = v.toISOString().slice(0, -1);
  return { t: "datetime", v: iso.endsWith(".000") ? iso.slice(0, -4) : `${iso}000` };
}

export function bytes(v: Uint8Array): Readonly<Record<string, unknown>> {
  const hex = (part: Uint8Array) => Buffer.from(part).toString("hex");
  if (v.length <= inlineBytes) return { size: v.length, hex: hex(v) };
  return {
    size: v.length,
    sha256: createHash("sha256").update(v).digest("hex"),
    head: hex(v.subarray(0, 64)),
  };
}

/** @param dtype numpy text, little endian: `<f4`. */
export function array(dtype: string, shape: readonly number[], data: Uint8Array): Neutral {
  return { t: "ndarray", dtype, shape, data: bytes(data) };
}

/** What a JSON value becomes in a blob: whole numbers are ints, objects dicts in their order. */
export function fromJson(value: unknown): Neutral {
  if (value === null) return absent;
  if (typeof value === "boolean") return { t: "bool", v: value };
  if (typeof value === "number") return Number.isInteger(value) ? whole(value) : float(value);
  if (typeof value === "string") return text(value);
  if (Array.isArray(value)) return { t: "list", items: value.map(fromJson) };
  return {
    t: "dict",
    items: Object.entries(value as object).map(([key, item]) => [text(key), fromJson(item)]),
  };
}
