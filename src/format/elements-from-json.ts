/** JSON as array elements: the reverse of `elements.ts`, refusing what would change a value. */

import { checkShape, elementCount, type NdArray } from "./array.ts";
import { notATime, parseTicks } from "./calendar.ts";
import { type Dtype, dtypeName, parseDtype } from "./dtype.ts";
import { invalid, shown } from "./fault.ts";
import { float16ToBits } from "./float16.ts";

type ElementWriter = (view: DataView, at: number, value: unknown) => void;

/** Caller's values: a type, a shape, and elements nested by axis or flat in C order. */
interface ArrayValues {
  readonly dtype: string;
  readonly shape: readonly unknown[];
  readonly data: unknown;
}

/** @throws {CODEC_INVALID_VALUE} naming the element at fault. */
export function arrayFromValues(values: ArrayValues): NdArray {
  const { type, flat } = prepare(values);
  const shape = checkShape(values.shape, type);
  const count = elementCount(shape);
  if (count !== BigInt(flat.length)) {
    throw invalid(`The shape [${shape.join(", ")}] needs ${count} elements, but ${flat.length} were given.`, {
      value: shape,
    });
  }
  const bytes = new Uint8Array(flat.length * type.itemSizeBytes);
  const view = new DataView(bytes.buffer);
  const write = elementWriter(type);
  for (const [i, value] of flat.entries()) write(view, i * type.itemSizeBytes, value);
  return { dtype: type, shape, fortranOrder: false, bytes };
}

/** An array from elements that are already bytes, in C order. @throws {CODEC_INVALID_VALUE} when type, shape and size do not agree. */
export function arrayFromBytes(values: {
  readonly dtype: string;
  readonly shape: readonly unknown[];
  readonly bytes: Uint8Array;
}): NdArray {
  const dtype = parseDtype(values.dtype);
  return {
    dtype,
    shape: checkShape(values.shape, dtype, values.bytes.length),
    fortranOrder: false,
    bytes: values.bytes,
  };
}

/** Bytes of base64 text; blanks and the URL-safe alphabet are refused. @throws {CODEC_INVALID_VALUE} when it is none. */
export function bytesFromBase64(text: string): Uint8Array {
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const bytes = Buffer.from(text, "base64");
  // Node leaves out what is none, so that too few bytes come; looking at each character would take several times as long.
  const isWhole = text.length % 4 === 0 && bytes.length === (text.length / 4) * 3 - padding;
  if (!isWhole || text.includes("-") || text.includes("_")) {
    throw invalid("The text is not base64.", {
      remedy: "Use the standard alphabet with padding, in one line.",
    });
  }
  return new Uint8Array(bytes);
}

function prepare(values: ArrayValues): { type: Dtype; flat: unknown[] } {
  const flat = flatten(values.data, values.shape);
  if (values.dtype !== "U" && values.dtype !== "<U") return { type: parseDtype(values.dtype), flat };
  const longest = flat.reduce<number>((n, v) => Math.max(n, typeof v === "string" ? [...v].length : 0), 1);
  return { type: parseDtype(`<U${longest}`), flat };
}

/** Flat already, or nested exactly as the shape says. */
function flatten(data: unknown, shape: readonly unknown[]): unknown[] {
  if (shape.length === 0) return Array.isArray(data) ? data : [data];
  if (!Array.isArray(data)) throw invalid("The elements must be a list.", { value: shown(data) });
  const nested = shape.length > 1 && data.length === shape[0] && data.every((part) => Array.isArray(part));
  if (!nested) return data;
  const out: unknown[] = [];
  for (const part of data) {
    const inner = flatten(part, shape.slice(1));
    const wanted = elementCount(shape.slice(1).map((n) => (typeof n === "number" ? n : 0)));
    if (BigInt(inner.length) !== wanted)
      throw invalid("The nested lists do not have the shape.", { value: shape });
    for (const value of inner) out.push(value);
  }
  return out;
}

function elementWriter(type: Dtype): ElementWriter {
  const { kind, littleEndian: le, itemSizeBytes: size } = type;
  if (kind === "b") return writeBool;
  if (kind === "i" || kind === "u") return integerWriter(type);
  if (kind === "f") return floatWriter(type, size);
  if (kind === "c") return complexWriter(type);
  if (kind === "M" || kind === "m") {
    return (view, at, value) => view.setBigInt64(at, ticksOf(value, type), le);
  }
  if (kind === "U") return (view, at, value) => writeText(view, at, { value, type });
  if (kind === "S") return (view, at, value) => writeLatin(view, at, { value, size });
  throw invalid("Records cannot be given as values.", { remedy: "Give base64, or upload a .npy file." });
}

function writeBool(view: DataView, at: number, value: unknown): void {
  if (typeof value !== "boolean") throw mismatch(value, "bool");
  view.setUint8(at, value ? 1 : 0);
}

function integerWriter(type: Dtype): ElementWriter {
  const bits = BigInt(type.itemSizeBytes * 8);
  const signed = type.kind === "i";
  const [least, most] = signed ? [-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n] : [0n, 2n ** bits - 1n];
  return (view, at, value) => {
    const n = integerOf(value);
    if (n === undefined || n < least || n > most) throw mismatch(value, dtypeName(type));
    if (bits === 8n) view.setUint8(at, Number(BigInt.asUintN(8, n)));
    else if (bits === 16n) view.setUint16(at, Number(BigInt.asUintN(16, n)), type.littleEndian);
    else if (bits === 32n) view.setUint32(at, Number(BigInt.asUintN(32, n)), type.littleEndian);
    else view.setBigUint64(at, BigInt.asUintN(64, n), type.littleEndian);
  };
}

function integerOf(value: unknown): bigint | undefined {
  if (typeof value === "bigint") return value;
  // Beyond 2^53 a JavaScript number may already be another one than was sent: such integers must come as text.
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : undefined;
  return typeof value === "string" && /^-?[0-9]{1,20}$/.test(value) ? BigInt(value) : undefined;
}

function floatWriter(type: Dtype, size: number): ElementWriter {
  const le = type.littleEndian;
  if (size > 8)
    throw invalid(`Numbers of ${size * 8} bits cannot be given as values.`, { remedy: "Give base64." });
  const most = size === 2 ? 65_519.99 : size === 4 ? 3.4028235677973366e38 : Number.MAX_VALUE;
  return (view, at, value) => {
    const n = numberOf(value);
    if (n === undefined || (Number.isFinite(n) && Math.abs(n) > most)) throw mismatch(value, dtypeName(type));
    if (size === 2) view.setUint16(at, float16ToBits(n), le);
    else if (size === 4) view.setFloat32(at, n, le);
    else view.setFloat64(at, n, le);
  };
}

const notFinite: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  "-Infinity": Number.NEGATIVE_INFINITY,
};

/** A number given as JSON: a number, or one of the three that JSON has no number for. */
function numberOf(value: unknown): number | undefined {
  if (typeof value === "number") return value;
  return typeof value === "string" && Object.hasOwn(notFinite, value) ? notFinite[value] : undefined;
}

function complexWriter(type: Dtype): ElementWriter {
  const half = type.itemSizeBytes / 2;
  const part = floatWriter(type, half);
  return (view, at, value) => {
    const pair = typeof value === "number" ? { re: value, im: 0 } : value;
    if (typeof pair !== "object" || pair === null || !("re" in pair) || !("im" in pair)) {
      throw mismatch(value, dtypeName(type));
    }
    part(view, at, pair.re);
    part(view, at + half, pair.im);
  };
}

function ticksOf(value: unknown, type: Dtype): bigint {
  const ticks = value === "NaT" ? notATime : integerOf(value);
  if (
    ticks !== undefined &&
    (type.kind === "m" || typeof value !== "string" || value === "NaT" || !type.unit)
  ) {
    if (ticks < notATime || ticks >= 2n ** 63n) throw mismatch(value, dtypeName(type));
    return ticks;
  }
  if (typeof value !== "string" || type.kind === "m") throw mismatch(value, dtypeName(type));
  return parseTicks(value, type.unit ?? "");
}

function writeText(view: DataView, at: number, from: { value: unknown; type: Dtype }): void {
  const { value, type } = from;
  if (typeof value !== "string") throw mismatch(value, dtypeName(type));
  const chars = [...value];
  if (chars.length * 4 > type.itemSizeBytes || value.endsWith("\0")) throw mismatch(value, dtypeName(type));
  for (const [i, char] of chars.entries()) {
    view.setUint32(at + i * 4, char.codePointAt(0) ?? 0, type.littleEndian);
  }
}

function writeLatin(view: DataView, at: number, from: { value: unknown; size: number }): void {
  const { value, size } = from;
  if (typeof value !== "string" || value.length > size || value.endsWith("\0"))
    throw mismatch(value, `S${size}`);
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code > 255) throw mismatch(value, `S${size}`);
    view.setUint8(at + i, code);
  }
}

function mismatch(value: unknown, type: string) {
  return invalid(`${shown(value)} is not a ${type}.`, { value: shown(value) });
}
