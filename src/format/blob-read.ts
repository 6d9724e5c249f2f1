/**
 * Unpacks DataJoint's blobs: protocols `mYm` and `dj0`, every tag.
 *
 * @source DataJoint 2.3 `blob.py`; mYm (https://github.com/datajoint/mym)
 */

import { elementCount } from "./array.ts";
import { charId, dtypeOfBlobId, objectId } from "./blob-types.ts";
import { ByteCursor, utf8 } from "./byte-cursor.ts";
import { daysInMonth } from "./calendar.ts";
import { type DecodeLimits, defaultDecodeLimits } from "./decode-limits.ts";
import { parseDtype } from "./dtype.ts";
import { corrupt } from "./fault.ts";
import { joinComplex, reorder } from "./transpose.ts";
import { type ArrayValue, nullValue, type RecordValue, type Value } from "./value.ts";

/** Nesting beyond this is never written. */
export const maxBlobDepth = 512;
/** Smallest item: a length and a tag. */
const itemBytes = 9;

/** A value from its packed, uncompressed bytes, protocol included. @throws {CODEC_CORRUPT} when they are not in the format; {LIMIT_EXCEEDED} */
export function unpackBlob(bytes: Uint8Array, limits: DecodeLimits = defaultDecodeLimits): Value {
  const protocol = Buffer.from(bytes.subarray(0, 4)).toString("latin1");
  if (protocol !== "mYm\0" && protocol !== "dj0\0") {
    throw corrupt("The blob begins neither with mYm nor with dj0.");
  }
  const cursor = ByteCursor.within(bytes, 4, limits);
  const value = readValue(cursor, 0);
  cursor.done();
  return value;
}

function readValue(cursor: ByteCursor, depth: number): Value {
  cursor.allowance.level(depth);
  const tag = cursor.u8();
  const reader = readers[tag];
  if (reader === undefined)
    throw corrupt(`The blob holds the unknown tag 0x${tag.toString(16).padStart(2, "0")}.`);
  return reader(cursor, depth);
}

function readItem(cursor: ByteCursor, depth: number): Value {
  const size = cursor.count(1);
  const part = cursor.part(size);
  const value = readValue(part, depth + 1);
  part.done();
  return value;
}

function readItems(cursor: ByteCursor, depth: number, count: number): Value[] {
  cursor.allowance.take(count);
  const items: Value[] = [];
  for (let i = 0; i < count; i++) items.push(readItem(cursor, depth));
  return items;
}

type Reader = (cursor: ByteCursor, depth: number) => Value;

const readers: Readonly<Record<number, Reader>> = {
  255: () => nullValue,
  11: readBool,
  10: readInt,
  13: (cursor) => ({ t: "float", bits: cursor.u64() }),
  12: (cursor) => ({ t: "complex", re: cursor.u64(), im: cursor.u64() }),
  5: (cursor) => ({ t: "str", v: utf8(cursor.take(cursor.count(1))) }),
  6: (cursor) => ({ t: "bytes", bytes: cursor.take(cursor.count(1)) }),
  1: (cursor, depth) => ({ t: "tuple", items: readItems(cursor, depth, cursor.count(itemBytes)) }),
  2: (cursor, depth) => ({ t: "list", items: readItems(cursor, depth, cursor.count(itemBytes)) }),
  3: (cursor, depth) => ({ t: "set", items: readItems(cursor, depth, cursor.count(itemBytes)) }),
  4: readDict,
  100: readDecimal,
  116: readTime,
  117: (cursor) => {
    const hex = Buffer.from(cursor.take(16)).toString("hex");
    return { t: "uuid", v: hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-") };
  },
  65: readArray,
  70: readRecords,
  83: readStruct,
  67: readCell,
  80: () => {
    throw corrupt("The blob holds a MATLAB sparse array, which nothing reads.");
  },
};

function readBool(cursor: ByteCursor): Value {
  const byte = cursor.u8();
  if (byte > 1) throw corrupt(`A bool has the value ${byte}.`);
  return { t: "bool", v: byte === 1 };
}

function readInt(cursor: ByteCursor): Value {
  const bytes = cursor.take(cursor.u16());
  if (bytes.length === 0) return { t: "int", v: 0n };
  const hex = Buffer.from(bytes).reverse().toString("hex");
  return { t: "int", v: BigInt.asIntN(bytes.length * 8, BigInt(`0x${hex}`)) };
}

function readDict(cursor: ByteCursor, depth: number): Value {
  const count = cursor.count(2 * itemBytes);
  cursor.allowance.take(2 * count);
  const items: [Value, Value][] = [];
  for (let i = 0; i < count; i++) items.push([readItem(cursor, depth), readItem(cursor, depth)]);
  return { t: "dict", items };
}

function readDecimal(cursor: ByteCursor): Value {
  const text = Buffer.from(cursor.take(cursor.count(1))).toString("latin1");
  if (!isDecimal(text)) throw corrupt("A Decimal is no number.");
  return { t: "decimal", v: text };
}

/** Text that Python's Decimal reads. */
export function isDecimal(text: string): boolean {
  return /^[+-]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,18})?|inf(?:inity)?|s?nan\d*)$/i.test(text);
}

function readTime(cursor: ByteCursor): Value {
  const date = cursor.i32();
  const time = cursor.i64();
  if (date === -1 && time === -1n) throw corrupt("A time has neither date nor time of day.");
  if (date === -1) return { t: "time", v: timeText(time) };
  if (time === -1n) return { t: "date", v: dateText(date) };
  return { t: "datetime", v: `${dateText(date)}T${timeText(time)}` };
}

function dateText(date: number): string {
  const [year, month, day] = [Math.floor(date / 10_000), Math.floor(date / 100) % 100, date % 100];
  if (date < 0 || year < 1 || year > 9999 || month < 1 || month > 12 || day < 1)
    throw corrupt(`${date} is no date.`);
  if (BigInt(day) > daysInMonth(BigInt(year), BigInt(month))) throw corrupt(`${date} is no date.`);
  return `${String(year).padStart(4, "0")}-${String(month).padStart(2, "0")}-${String(day).padStart(2, "0")}`;
}

function timeText(time: bigint): string {
  const [whole, micro] = [Number(time / 1_000_000n), Number(time % 1_000_000n)];
  const [hour, minute, second] = [Math.floor(whole / 10_000), Math.floor(whole / 100) % 100, whole % 100];
  if (time < 0n || hour > 23 || minute > 59 || second > 59) throw corrupt(`${time} is no time of day.`);
  const text = [hour, minute, second].map((n) => String(n).padStart(2, "0")).join(":");
  return micro === 0 ? text : `${text}.${String(micro).padStart(6, "0")}`;
}

function readShape(cursor: ByteCursor): number[] {
  const axes = cursor.count(8);
  if (axes > 64) throw corrupt(`An array has ${axes} axes.`);
  return Array.from({ length: axes }, () => {
    const n = cursor.u64();
    if (n > BigInt(Number.MAX_SAFE_INTEGER)) throw corrupt(`An axis has ${n} elements.`);
    return Number(n);
  });
}

/** Number of elements, where each takes at least `eachBytes` of what is left. */
function checkedCount(cursor: ByteCursor, shape: readonly number[], eachBytes: number): number {
  const count = elementCount(shape);
  cursor.expect(count * BigInt(eachBytes));
  cursor.allowance.take(count);
  return Number(count);
}

function readArray(cursor: ByteCursor, depth: number): ArrayValue {
  const shape = readShape(cursor);
  const id = cursor.u32();
  const isComplex = cursor.u32();
  if (id === objectId) {
    const items = readItems(cursor, depth, checkedCount(cursor, shape, itemBytes));
    return { t: "ndarray", dtype: "object", shape, items: toCOrder(items, shape) };
  }
  if (id === charId) return readChars(cursor, shape);
  const text = isComplex > 1 ? undefined : dtypeOfBlobId(id, isComplex === 1);
  if (text === undefined) throw corrupt(`An array has the unknown element type ${id}.`);
  const dtype = parseDtype(text);
  const bytes = cursor.take(checkedCount(cursor, shape, dtype.itemSizeBytes) * dtype.itemSizeBytes);
  const joined = isComplex === 1 ? joinComplex(bytes, dtype.itemSizeBytes) : bytes;
  // In the order that is there: who needs the other one makes it, and many need none.
  const fortranOrder = joined.length > 0 && shape.filter((n) => n !== 1).length > 1;
  return { t: "ndarray", array: { dtype, shape, fortranOrder, bytes: joined } };
}

/** 16-bit units whose low byte is the character; a row of them is one text. */
function readChars(cursor: ByteCursor, shape: readonly number[]): ArrayValue {
  const units = cursor.take(checkedCount(cursor, shape, 2) * 2);
  const chars: Value[] = [];
  for (let i = 0; i < units.length; i += 2) chars.push({ t: "str", v: String.fromCharCode(units[i] ?? 0) });
  const isRow = shape.length === 1 || (shape.length === 2 && shape[0] === 1);
  if (!isRow) return { t: "ndarray", dtype: "<U1", shape, items: toCOrder(chars, shape) };
  const text = chars.map((char) => (char.t === "str" ? char.v : "")).join("");
  return { t: "ndarray", dtype: `<U${Math.max(1, text.length)}`, shape: [1], items: [{ t: "str", v: text }] };
}

function readNames(cursor: ByteCursor): string[] {
  const count = cursor.u32();
  cursor.expect(count);
  const names = Array.from({ length: count }, () => utf8(cursor.zeroEnded()));
  if (new Set(names).size !== names.length) throw corrupt("Two fields have one name.");
  return names;
}

function readRecords(cursor: ByteCursor, depth: number): ArrayValue | RecordValue {
  cursor.allowance.level(depth);
  const names = readNames(cursor);
  if (names.length === 0) return { t: "ndarray", dtype: "object", shape: [], items: [nullValue] };
  const fields = names.map((name) => [name, readColumn(cursor, depth + 1)] as const);
  const shape = shapeOf(fields[0]?.[1]);
  for (const [name, column] of fields) {
    if (shapeOf(column).join() !== shape.join()) throw corrupt(`The record field ${name} has another shape.`);
  }
  return { t: "recarray", shape, fields };
}

function readColumn(cursor: ByteCursor, depth: number): ArrayValue | RecordValue {
  const tag = cursor.u8();
  if (tag === 65) return readArray(cursor, depth);
  if (tag === 70) return readRecords(cursor, depth);
  throw corrupt("A record field is no array.");
}

function shapeOf(value: ArrayValue | RecordValue | undefined): readonly number[] {
  if (value === undefined) return [];
  return value.t === "ndarray" && "array" in value ? value.array.shape : value.shape;
}

function readStruct(cursor: ByteCursor, depth: number): Value {
  const shape = readShape(cursor);
  const names = readNames(cursor);
  const count = checkedCount(cursor, shape, names.length * itemBytes);
  const columns = names.map((): Value[] => []);
  for (let i = 0; names.length > 0 && i < count; i++) {
    for (const column of columns) column.push(readItem(cursor, depth));
  }
  const fields = names.map((name, i) => [name, toCOrder(columns[i] ?? [], shape)] as const);
  return { t: "matstruct", shape, fields };
}

function readCell(cursor: ByteCursor, depth: number): Value {
  const shape = readShape(cursor);
  const items = readItems(cursor, depth, checkedCount(cursor, shape, itemBytes));
  // An empty cell has one axis whatever its dimensions were: so the peer reads it.
  return { t: "matcell", shape: items.length === 0 ? [0] : shape, items: toCOrder(items, shape) };
}

function toCOrder(items: readonly Value[], shape: readonly number[]): Value[] {
  return permuted(items, shape, "F");
}

/** Items in the other memory order. */
export function permuted(items: readonly Value[], shape: readonly number[], from: "C" | "F"): Value[] {
  const indexes = new Uint32Array(items.length).map((_, i) => i);
  const bytes = reorder(new Uint8Array(indexes.buffer), { shape, itemSizeBytes: 4, from });
  const order = new Uint32Array(bytes.buffer, bytes.byteOffset, items.length);
  return Array.from(order, (i) => items[i] ?? nullValue);
}
