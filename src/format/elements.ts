/**
 * Array elements as JSON and back, as numpy's `tolist` nests them.
 *
 * Numbers of up to 53 bits are JSON numbers; 64-bit integers are decimal strings; `"NaN"`, `"Infinity"`, `"-Infinity"` are strings;
 * complex is `{re, im}`; datetime64 is ISO text or `"NaT"`; timedelta64 is ticks as a string; `S` is Latin-1 text; records are lists.
 */

import { cOrderBytes, elementCount, type NdArray } from "./array.ts";
import { formatTicks, notATime } from "./calendar.ts";
import type { Dtype } from "./dtype.ts";
import { corrupt, invalid } from "./fault.ts";
import { float16FromBits } from "./float16.ts";
import { withoutEnd } from "./without-end.ts";

/** JSON for one element or a nest of them. */
export type ElementJson =
  | null
  | boolean
  | number
  | string
  | readonly ElementJson[]
  | { readonly [key: string]: ElementJson };

type ElementReader = (view: DataView, at: number) => ElementJson;

/** Every element, nested by axis; the bare value where there are no axes. @throws {CODEC_INVALID_VALUE} for types without a JSON form. */
export function elementsToJson(array: NdArray): ElementJson {
  const bytes = cOrderBytes(array);
  const count = elementCount(array.shape);
  if (count * BigInt(array.dtype.itemSizeBytes) !== BigInt(bytes.length)) {
    throw corrupt(`The array needs ${count} elements; its bytes hold others.`);
  }
  checkByteless(array, count);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return nest(array.shape, { view, read: elementReader(array.dtype), size: array.dtype.itemSizeBytes });
}

/** Elements without bytes, or lists without elements, may be announced in any number. */
const maxBytelessParts = 1_000_000n;

function checkByteless(array: NdArray, count: bigint): void {
  if (count !== 0n && array.dtype.itemSizeBytes !== 0) return;
  const zero = array.shape.indexOf(0);
  const parts = zero < 0 ? count : elementCount(array.shape.slice(0, zero));
  if (parts > maxBytelessParts) {
    throw invalid(`The array is ${parts} empty lists or texts.`, { remedy: "Its shape says it all." });
  }
}

interface Nest {
  readonly view: DataView;
  readonly read: ElementReader;
  readonly size: number;
}

/** Elements that follow each other from `byte` on, nested by axis. */
export function nested(shape: readonly number[], from: Nest, byte = 0): ElementJson {
  return nest(shape, from, 0, { byte });
}

function nest(shape: readonly number[], from: Nest, axis = 0, at = { byte: 0 }): ElementJson {
  const length = shape[axis];
  if (length === undefined) {
    const value = from.read(from.view, at.byte);
    at.byte += from.size;
    return value;
  }
  const out = new Array<ElementJson>(length);
  for (let i = 0; i < length; i++) out[i] = nest(shape, from, axis + 1, at);
  return out;
}

/** A number as JSON can carry it. */
export function numberToJson(value: number): number | string {
  if (Number.isFinite(value)) return value;
  return Number.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
}

/** Reads one element. @throws {CODEC_INVALID_VALUE} for types without a JSON form. */
export function elementReader(type: Dtype): ElementReader {
  const { kind, littleEndian: le, itemSizeBytes: size } = type;
  if (kind === "b") return (view, at) => view.getUint8(at) !== 0;
  if (kind === "i" || kind === "u") return integerReader(kind === "i", size, le);
  if (kind === "f") return floatReader(size, le);
  if (kind === "c") {
    const part = floatReader(size / 2, le);
    return (view, at) => ({ re: part(view, at), im: part(view, at + size / 2) });
  }
  if (kind === "M") return (view, at) => formatTicks(view.getBigInt64(at, le), type.unit ?? "");
  if (kind === "m") {
    return (view, at) => {
      const ticks = view.getBigInt64(at, le);
      return ticks === notATime ? "NaT" : String(ticks);
    };
  }
  if (kind === "U") return (view, at) => readText(view, at, type);
  if (kind === "S") return (view, at) => withoutEnd(bytesOf(view, at, size).toString("latin1"), "\0");
  return recordReader(type);
}

function integerReader(signed: boolean, size: number, le: boolean): ElementReader {
  if (size === 1) return signed ? (view, at) => view.getInt8(at) : (view, at) => view.getUint8(at);
  if (size === 2) return signed ? (view, at) => view.getInt16(at, le) : (view, at) => view.getUint16(at, le);
  if (size === 4) return signed ? (view, at) => view.getInt32(at, le) : (view, at) => view.getUint32(at, le);
  return signed
    ? (view, at) => String(view.getBigInt64(at, le))
    : (view, at) => String(view.getBigUint64(at, le));
}

function floatReader(size: number, le: boolean): (view: DataView, at: number) => number | string {
  if (size === 2) return (view, at) => numberToJson(float16FromBits(view.getUint16(at, le)));
  if (size === 4) return (view, at) => numberToJson(view.getFloat32(at, le));
  if (size === 8) return (view, at) => numberToJson(view.getFloat64(at, le));
  throw invalid(`Numbers of ${size * 8} bits have no JSON form.`, {
    remedy: "Ask for base64, or fetch the url.",
  });
}

function recordReader(type: Dtype): ElementReader {
  const fields = type.fields;
  if (fields === undefined) return (view, at) => bytesOf(view, at, type.itemSizeBytes).toString("hex");
  const readers = fields
    .filter((field) => field.name !== "")
    .map((field) => ({ field, read: elementReader(field.dtype) }));
  return (view, at) =>
    readers.map(({ field, read }) =>
      nest(field.shape, { view, read, size: field.dtype.itemSizeBytes }, 0, { byte: at + field.offsetBytes }),
    );
}

function readText(view: DataView, at: number, type: Dtype): string {
  let out = "";
  let end = type.itemSizeBytes;
  while (end > 0 && view.getUint32(at + end - 4, type.littleEndian) === 0) end -= 4;
  for (let i = 0; i < end; i += 4) {
    const code = view.getUint32(at + i, type.littleEndian);
    if (code > 0x10ffff) throw corrupt("A text element holds a number that is no character.");
    out += String.fromCodePoint(code);
  }
  return out;
}

function bytesOf(view: DataView, at: number, size: number): Buffer {
  return Buffer.from(view.buffer, view.byteOffset + at, size);
}
