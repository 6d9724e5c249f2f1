/** Elements of HDF5 as JSON, and their bytes as in the file. */

import { type ElementJson, elementReader, nested } from "./elements.ts";
import { corrupt } from "./fault.ts";
import type { Hdf5Type } from "./hdf5-type.ts";
import { withoutEnd } from "./without-end.ts";

/** Elements in C order, as the library gave them. */
export interface Hdf5Elements {
  readonly type: Hdf5Type;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
  /** Text at a pointer, without its ending zero. */
  readonly textAt: (pointer: number) => Uint8Array;
}

type Reader = (view: DataView, at: number) => ElementJson;

/** Every element, nested by axis. @throws {CODEC_CORRUPT} for text that is not in its character set */
export function hdf5ToJson({ type, shape, bytes, textAt }: Hdf5Elements): ElementJson {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return nested(shape, { view, read: readerOf(type, textAt), size: type.sizeBytes });
}

function readerOf(type: Hdf5Type, textAt: Hdf5Elements["textAt"]): Reader {
  if (type.kind === "number") return elementReader(type.read);
  if (type.kind === "text") return (view, at) => textOf(textAt(view.getUint32(at, true)), type.isUtf8);
  if (type.kind === "fixed") return (view, at) => fixedText(view, at, type);
  if (type.kind === "array") {
    const read = readerOf(type.item, textAt);
    return (view, at) => nested(type.shape, { view, read, size: type.item.sizeBytes }, at);
  }
  const fields = type.fields.map((field) => ({ ...field, read: readerOf(field.type, textAt) }));
  return (view, at) => fields.map((field) => field.read(view, at + field.offsetBytes));
}

function fixedText(view: DataView, at: number, type: Extract<Hdf5Type, { readonly kind: "fixed" }>): string {
  const bytes = new Uint8Array(view.buffer, view.byteOffset + at, type.sizeBytes);
  const zero = bytes.indexOf(0);
  const text = textOf(zero < 0 ? bytes : bytes.subarray(0, zero), type.isUtf8);
  return type.isSpaced ? withoutEnd(text, " ") : text;
}

function textOf(bytes: Uint8Array, isUtf8: boolean): string {
  if (!isUtf8) return Buffer.from(bytes).toString("latin1");
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw corrupt("A text is not UTF-8.", cause);
  }
}

/** The bytes in the byte order of the file. Never writes the given ones. */
export function fileBytes({ type, bytes }: Pick<Hdf5Elements, "type" | "bytes">): Uint8Array {
  const units = [...turnedUnits(type, 0)];
  if (units.length === 0) return bytes;
  const out = new Uint8Array(bytes);
  for (let at = 0; at < out.length; at += type.sizeBytes) {
    for (const { start, size } of units) out.subarray(at + start, at + start + size).reverse();
  }
  return out;
}

/** Numbers that the library has turned, within one element. */
function* turnedUnits(type: Hdf5Type, start: number): Generator<{ start: number; size: number }> {
  if (type.kind === "number") {
    if (type.file.littleEndian === type.read.littleEndian) return;
    const parts = type.file.kind === "c" ? 2 : 1;
    const size = type.sizeBytes / parts;
    for (let i = 0; i < parts; i++) yield { start: start + i * size, size };
  } else if (type.kind === "record") {
    for (const field of type.fields) yield* turnedUnits(field.type, start + field.offsetBytes);
  } else if (type.kind === "array") {
    for (let at = 0; at < type.sizeBytes; at += type.item.sizeBytes)
      yield* turnedUnits(type.item, start + at);
  }
}

/** The elements with some axes in the opposite direction. */
export function reversedAxes(
  bytes: Uint8Array,
  layout: {
    readonly shape: readonly number[];
    readonly itemSizeBytes: number;
    readonly axes: readonly number[];
  },
): Uint8Array {
  const { shape, itemSizeBytes } = layout;
  return layout.axes.reduce((from, axis) => {
    const length = shape[axis] ?? 1;
    const inner = shape.slice(axis + 1).reduce((product, n) => product * n, itemSizeBytes);
    const out = new Uint8Array(from.length);
    for (let at = 0; at < from.length; at += length * inner) {
      for (let i = 0; i < length; i++) {
        const part = from.subarray(at + i * inner, at + (i + 1) * inner);
        out.set(part, at + (length - 1 - i) * inner);
      }
    }
    return out;
  }, bytes);
}
