/** Element types of HDF5: what they are called in numpy, and which of them are read. */

import type { Dtype } from "./dtype.ts";
import { descrOf, dtypeName } from "./dtype.ts";
import type { LibraryType } from "./hdf5-library-types.ts";

/** An element type that is read. Sizes are in the library's memory. */
export type Hdf5Type =
  /** Numbers, truth values, complex numbers: `file` as in the file, `read` as the library gives them. */
  | { readonly kind: "number"; readonly sizeBytes: number; readonly file: Dtype; readonly read: Dtype }
  | {
      readonly kind: "fixed";
      readonly sizeBytes: number;
      readonly isUtf8: boolean;
      /** Filled with spaces instead of zeros. */
      readonly isSpaced: boolean;
    }
  /** A pointer to text that ends with a zero byte. */
  | { readonly kind: "text"; readonly sizeBytes: number; readonly isUtf8: boolean }
  | { readonly kind: "record"; readonly sizeBytes: number; readonly fields: readonly Hdf5Field[] }
  | {
      readonly kind: "array";
      readonly sizeBytes: number;
      readonly shape: readonly number[];
      readonly item: Hdf5Type;
    };

/** A field of a record. */
export interface Hdf5Field {
  readonly name: string;
  readonly offsetBytes: number;
  readonly type: Hdf5Type;
}

/** Why a type is not read; the rest of the sentence after its name. */
export class Unreadable extends Error {}

const classes = ["integer", "float", "time", "text", "bitfield", "opaque", "compound", "reference"];
const moreClasses = ["enum", "variable-length list", "array", "complex"];

/** @throws {Unreadable} @param nesting levels of records that are left */
export function typeOf(type: LibraryType, nesting: number): Hdf5Type {
  // The library turns a type to little-endian if all of its numbers are big-endian, and leaves it alone else.
  const orders = [...ordersIn(type)];
  return typeIn(type, { nesting, turned: orders.length > 0 && orders.every((isLittle) => !isLittle) });
}

function* ordersIn(type: LibraryType): Generator<boolean> {
  if (type.compound_type !== undefined) for (const one of type.compound_type.members) yield* ordersIn(one);
  else if (type.array_type !== undefined) yield* ordersIn(type.array_type);
  else if (type.type !== 3 || type.vlen) yield type.littleEndian;
}

interface Reading {
  readonly nesting: number;
  readonly turned: boolean;
}

function typeIn(type: LibraryType, reading: Reading): Hdf5Type {
  if (reading.nesting < 0) throw new Unreadable("its type is nested too deep");
  const { size: sizeBytes } = type;
  switch (type.type) {
    case 0:
      return number(type, type.signed ? "i" : "u", reading);
    case 1:
      return number(type, "f", reading);
    case 3: {
      const isUtf8 = type.cset === 1;
      if (type.vlen) return { kind: "text", sizeBytes, isUtf8 };
      return { kind: "fixed", sizeBytes, isUtf8, isSpaced: type.strpad === 2 };
    }
    case 6:
      return recordOf(type, reading);
    case 8:
      return enumOf(type, reading);
    case 10:
      return arrayOf(type, reading);
    default:
      throw new Unreadable(
        `its element type is ${[...classes, ...moreClasses][type.type] ?? `of class ${type.type}`}`,
      );
  }
}

const sizes = { i: [1, 2, 4, 8], u: [1, 2, 4, 8], f: [2, 4, 8], b: [1] };

function number(type: LibraryType, kind: "i" | "u" | "f" | "b", { turned }: Reading): Hdf5Type {
  const { size: sizeBytes } = type;
  if (!sizes[kind].includes(sizeBytes)) throw new Unreadable(`its numbers have ${sizeBytes * 8} bits`);
  const littleEndian = type.littleEndian || sizeBytes === 1;
  const file: Dtype = { kind, littleEndian, itemSizeBytes: sizeBytes };
  return { kind: "number", sizeBytes, file, read: turned ? { ...file, littleEndian: true } : file };
}

function enumOf(type: LibraryType, reading: Reading): Hdf5Type {
  const members = type.enum_type?.members ?? {};
  const names = Object.keys(members);
  // As h5py writes truth values.
  const isBool = names.length === 2 && members["FALSE"] === 0 && members["TRUE"] === 1 && type.size === 1;
  const signed = type.signed || Object.values(members).some((value) => value < 0);
  return number(type, isBool ? "b" : signed ? "i" : "u", reading);
}

function arrayOf(type: LibraryType, reading: Reading): Hdf5Type {
  if (type.array_type === undefined) throw new Unreadable("its type is damaged");
  const item = typeIn(type.array_type, { ...reading, nesting: reading.nesting - 1 });
  const { shape } = type.array_type;
  const count = shape.reduce((product, n) => product * n, 1);
  if (count * item.sizeBytes !== type.size) throw new Unreadable("its type is damaged");
  return { kind: "array", sizeBytes: type.size, shape, item };
}

function recordOf(type: LibraryType, reading: Reading): Hdf5Type {
  const members = type.compound_type?.members ?? [];
  const fields = members.map((member): Hdf5Field => {
    const inner = typeIn(member, { ...reading, nesting: reading.nesting - 1 });
    if (member.offset < 0 || member.offset + inner.sizeBytes > type.size)
      throw new Unreadable("its type is damaged");
    return { name: member.name, offsetBytes: member.offset, type: inner };
  });
  return complexOf(fields, type.size) ?? { kind: "record", sizeBytes: type.size, fields };
}

/** As h5py writes complex numbers: a record of r and i. */
function complexOf(fields: readonly Hdf5Field[], sizeBytes: number): Hdf5Type | undefined {
  const [re, im, more] = fields;
  if (re?.name !== "r" || im?.name !== "i" || more !== undefined) return undefined;
  if (re.type.kind !== "number" || im.type.kind !== "number" || re.type.file.kind !== "f") return undefined;
  const half = re.type.sizeBytes;
  const isPair =
    im.type.file.kind === "f" &&
    im.type.sizeBytes === half &&
    im.type.file.littleEndian === re.type.file.littleEndian;
  if (!isPair || half < 4 || re.offsetBytes !== 0 || im.offsetBytes !== half || sizeBytes !== 2 * half)
    return undefined;
  const whole = (part: Dtype): Dtype => ({ ...part, kind: "c", itemSizeBytes: sizeBytes });
  return { kind: "number", sizeBytes, file: whole(re.type.file), read: whole(re.type.read) };
}

/** numpy's name of the type as in the file; `str` for text of variable length. */
export function nameOf(type: Hdf5Type): string {
  if (type.kind === "number") return dtypeName(type.file);
  if (type.kind === "text") return "str";
  if (type.kind === "fixed") return `|S${type.sizeBytes}`;
  if (type.kind === "array") return `(${descr(type.item)}, (${tuple(type.shape)}))`;
  return descr(type);
}

function descr(type: Hdf5Type): string {
  if (type.kind === "number") return `'${descrOf(type.file)}'`;
  if (type.kind === "text") return "'str'";
  if (type.kind === "fixed") return `'|S${type.sizeBytes}'`;
  if (type.kind === "array") return `${descr(type.item)}, (${tuple(type.shape)})`;
  return `[${[...described(type)].join(", ")}]`;
}

/** Fields in order of their places; what lies between them is told as numpy does. */
function* described(type: Extract<Hdf5Type, { readonly kind: "record" }>): Generator<string> {
  let at = 0;
  for (const field of [...type.fields].sort((a, b) => a.offsetBytes - b.offsetBytes)) {
    if (field.offsetBytes > at) yield `('', '|V${field.offsetBytes - at}')`;
    yield `(${JSON.stringify(field.name).replace(/^"(.*)"$/, "'$1'")}, ${descr(field.type)})`;
    at = field.offsetBytes + field.type.sizeBytes;
  }
  if (type.sizeBytes > at) yield `('', '|V${type.sizeBytes - at}')`;
}

function tuple(shape: readonly number[]): string {
  return shape.length === 1 ? `${shape[0]},` : shape.join(", ");
}

/** Whether the bytes hold pointers: then they mean nothing outside the library. */
export function hasPointers(type: Hdf5Type): boolean {
  if (type.kind === "record") return type.fields.some((field) => hasPointers(field.type));
  return type.kind === "array" ? hasPointers(type.item) : type.kind === "text";
}
