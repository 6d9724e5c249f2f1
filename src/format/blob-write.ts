/** Packs values as DataJoint's blobs, byte for byte as DataJoint-Python does. @source DataJoint 2.3 `blob.py` */

import { checkShape, cOrderBytes, elementCount } from "./array.ts";
import { maxBlobDepth, permuted } from "./blob-read.ts";
import { blobIdOfDtype, objectId } from "./blob-types.ts";
import { ByteWriter } from "./byte-writer.ts";
import { type Dtype, dtypeName, parseDtype } from "./dtype.ts";
import { invalid } from "./fault.ts";
import { reorder, splitComplex } from "./transpose.ts";
import type { ArrayValue, RecordValue, Value } from "./value.ts";

/** Packed, uncompressed bytes, protocol included. @throws {CODEC_INVALID_VALUE} for what blobs cannot hold. */
export function packBlob(value: Value): Uint8Array {
  const state = { isDj0: false };
  const body = new ByteWriter();
  writeValue(body, value, { state, depth: 0 });
  const protocol = Buffer.from(state.isDj0 ? "dj0\0" : "mYm\0", "latin1");
  return new ByteWriter().bytes(protocol).all(body).finish();
}

interface Place {
  /** Set as soon as anything is written that the older protocol does not know. */
  readonly state: { isDj0: boolean };
  readonly depth: number;
}

type KindOf<T extends Value["t"]> = Extract<Value, { readonly t: T }>;

function writeValue(out: ByteWriter, value: Value, place: Place): void {
  if (place.depth > maxBlobDepth) throw invalid(`The value is nested more than ${maxBlobDepth} levels deep.`);
  if (value.t === "ndarray") writeArray(out, value, place);
  else if (value.t === "matcell") writeCell(out, value, place);
  else if (value.t === "matstruct") writeStruct(out, value, place);
  else {
    place.state.isDj0 = true;
    writeDj0(out, value, place);
  }
}

function writeDj0(
  out: ByteWriter,
  value: Exclude<Value, KindOf<"ndarray" | "matcell" | "matstruct">>,
  place: Place,
) {
  switch (value.t) {
    case "null":
      return out.u8(0xff);
    case "bool":
      return out.u8(0x0b).u8(value.v ? 1 : 0);
    case "int":
      return writeInt(out, value.v);
    case "float":
      return out.u8(0x0d).u64(value.bits);
    case "complex":
      return out.u8(0x0c).u64(value.re).u64(value.im);
    case "str":
      return writeSized(out.u8(0x05), utf8Bytes(value.v));
    case "bytes":
      return writeSized(out.u8(0x06), value.bytes);
    case "decimal":
      return writeSized(out.u8(0x64), Buffer.from(value.v, "latin1"));
    case "date":
    case "time":
    case "datetime":
      return writeTime(out, value.v, value.t);
    case "uuid":
      return out.u8(0x75).bytes(Buffer.from(value.v.replaceAll("-", ""), "hex"));
    case "tuple":
    case "list":
    case "set":
      return writeSequence(out, value, place);
    case "dict":
      return writeDict(out, value, place);
    case "recarray":
      return writeRecords(out, value, place);
  }
}

function writeSized(out: ByteWriter, bytes: Uint8Array): ByteWriter {
  return out.u64(bytes.length).bytes(bytes);
}

function utf8Bytes(text: string): Uint8Array {
  if (!text.isWellFormed()) throw invalid("The text has half a character (a lone surrogate).");
  return new TextEncoder().encode(text);
}

function writeInt(out: ByteWriter, value: bigint): ByteWriter {
  const bits = value === 0n ? 0 : (value < 0n ? -value : value).toString(2).length;
  const size = Math.floor(bits / 8) + 1;
  if (size > 0xffff) throw invalid(`The integer has ${bits} bits; at most ${0xffff * 8 - 1} can be stored.`);
  const hex = BigInt.asUintN(size * 8, value)
    .toString(16)
    .padStart(size * 2, "0");
  return out.u8(0x0a).u16(size).bytes(Buffer.from(hex, "hex").reverse());
}

function writeTime(out: ByteWriter, text: string, kind: "date" | "time" | "datetime"): ByteWriter {
  const [date, time] = kind === "date" ? [text, ""] : kind === "time" ? ["", text] : text.split("T");
  const [clock = "", fraction = ""] = (time ?? "").split(".");
  const micros = fraction.padEnd(6, "0");
  return out
    .u8(0x74)
    .i32(date ? Number(date.replaceAll("-", "")) : -1)
    .i64(clock ? BigInt(clock.replaceAll(":", "")) * 1_000_000n + BigInt(micros) : -1n);
}

const sequenceTags = { tuple: 0x01, list: 0x02, set: 0x03 } as const;

function writeSequence(out: ByteWriter, value: KindOf<"tuple" | "list" | "set">, place: Place): ByteWriter {
  out.u8(sequenceTags[value.t]).u64(value.items.length);
  const unique = new UniqueParts(value.t === "set" ? "An element of the set" : undefined);
  for (const item of value.items) unique.write(out, item, place);
  return out;
}

function writeDict(out: ByteWriter, value: KindOf<"dict">, place: Place): ByteWriter {
  out.u8(0x04).u64(value.items.length);
  const unique = new UniqueParts("A key of the dict");
  for (const [key, item] of value.items) {
    unique.write(out, key, place);
    writeItem(out, item, place);
  }
  return out;
}

/** Writes items that must be hashable and different, where `what` names them. */
class UniqueParts {
  readonly #seen = new Set<string>();
  readonly #what: string | undefined;

  constructor(what: string | undefined) {
    this.#what = what;
  }

  write(out: ByteWriter, value: Value, place: Place): void {
    const part = new ByteWriter();
    writeValue(part, value, { ...place, depth: place.depth + 1 });
    if (this.#what !== undefined) {
      if (!isHashable(value)) throw invalid(`${this.#what} is a ${value.t}, which Python cannot hash.`);
      const key = Buffer.from(part.finish()).toString("latin1");
      if (this.#seen.has(key)) throw invalid(`${this.#what} stands twice.`);
      this.#seen.add(key);
    }
    out.item(part);
  }
}

function isHashable(value: Value): boolean {
  if (value.t === "tuple") return value.items.every(isHashable);
  if (value.t === "ndarray") return "array" in value && value.array.shape.length === 0;
  // A frozenset is hashable, and a blob does not tell it from a set.
  return !["list", "dict", "recarray", "matcell", "matstruct"].includes(value.t);
}

function writeItem(out: ByteWriter, value: Value, place: Place): void {
  const part = new ByteWriter();
  writeValue(part, value, { ...place, depth: place.depth + 1 });
  out.item(part);
}

function writeShape(out: ByteWriter, shape: readonly number[]): ByteWriter {
  out.u64(shape.length);
  for (const n of shape) out.u64(n);
  return out;
}

function writeArray(out: ByteWriter, value: ArrayValue, place: Place): void {
  if (!("array" in value)) {
    place.state.isDj0 = true;
    checkItems(value);
    writeShape(out.u8(0x41), value.shape).u32(objectId).u32(0);
    for (const item of permuted(value.items, value.shape, "C")) writeItem(out, item, place);
    return;
  }
  const { dtype, shape } = value.array;
  const type = blobIdOfDtype(dtype);
  if (type === undefined) throw unsupported(dtype);
  if (type.isTime || shape.length === 0) place.state.isDj0 = true;
  const elements = cOrderBytes(value.array);
  checkShape(shape, dtype, elements.length);
  const fortran = reorder(elements, { shape, itemSizeBytes: dtype.itemSizeBytes, from: "C" });
  writeShape(out.u8(0x41), shape)
    .u32(type.id)
    .u32(type.isComplex ? 1 : 0);
  out.bytes(type.isComplex ? splitComplex(fortran, dtype.itemSizeBytes) : fortran);
}

function checkItems(value: Extract<ArrayValue, { readonly items: unknown }>): void {
  checkShape(value.shape, parseDtype("|u1"), value.items.length);
  if (value.dtype !== "object" && value.items.some((item) => item.t !== "str")) {
    throw invalid(`The array of type ${value.dtype} holds something that is not text.`);
  }
}

function unsupported(dtype: Dtype) {
  return invalid(`A blob cannot hold elements of type ${dtypeName(dtype)}.`, {
    remedy:
      "Use bool, int8 to int64, uint8 to uint64, float32, float64, complex64, complex128 or datetime64, little-endian; or the codec npy.",
  });
}

function writeNames(out: ByteWriter, names: readonly string[]): void {
  out.u32(names.length);
  if (new Set(names).size !== names.length) throw invalid("Two fields have one name.");
  for (const name of names) {
    if (name.includes("\0")) throw invalid("A field name holds a zero character.");
    out.bytes(utf8Bytes(name)).u8(0);
  }
}

function writeRecords(out: ByteWriter, value: RecordValue, place: Place): ByteWriter {
  if (place.depth > maxBlobDepth) throw invalid(`The value is nested more than ${maxBlobDepth} levels deep.`);
  if (value.fields.length === 0) throw invalid("A record array needs at least one field.");
  place.state.isDj0 = true;
  writeNames(
    out.u8(0x46),
    value.fields.map(([name]) => name),
  );
  for (const [name, column] of value.fields) {
    const shape = "array" in column ? column.array.shape : column.shape;
    if (shape.join() !== value.shape.join()) throw invalid(`The record field ${name} has another shape.`);
    if (column.t === "ndarray") writeArray(out, column, place);
    else writeRecords(out, column, { ...place, depth: place.depth + 1 });
  }
  return out;
}

function writeStruct(out: ByteWriter, value: KindOf<"matstruct">, place: Place): void {
  const count = elementCount(value.shape);
  writeShape(out.u8(0x53), value.shape);
  writeNames(
    out,
    value.fields.map(([name]) => name),
  );
  const columns = value.fields.map(([name, items]) => {
    if (BigInt(items.length) !== count)
      throw invalid(`The struct field ${name} has another number of values.`);
    return permuted(items, value.shape, "C");
  });
  for (let i = 0; columns.length > 0 && i < count; i++) {
    for (const column of columns) writeItem(out, column[i] ?? { t: "null" }, place);
  }
}

function writeCell(out: ByteWriter, value: KindOf<"matcell">, place: Place): void {
  checkShape(value.shape, parseDtype("|u1"), value.items.length);
  writeShape(out.u8(0x43), value.shape);
  for (const item of permuted(value.items, value.shape, "C")) writeItem(out, item, place);
}
