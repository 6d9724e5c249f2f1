/** Values of Arrow columns as JSON, one at a time: nothing is made for rows that nobody asked for. */

import type { ArrowArray } from "./arrow-column.ts";
import type { ArrowField } from "./arrow-schema.ts";
import { type ElementJson, numberToJson } from "./elements.ts";
import { corrupt } from "./fault.ts";
import { float16FromBits } from "./float16.ts";
import { type Budget, maxTableDepth } from "./table.ts";
import {
  cellBase64,
  cellText,
  dateText,
  decimalText,
  instantText,
  signedOf,
  timeText,
} from "./table-cell.ts";

/** Values that columns name by number: arrays one after the other, by the dictionary's id. */
export type Dictionaries = ReadonlyMap<bigint, readonly ArrowArray[]>;

interface Reading {
  readonly dictionaries: Dictionaries;
  readonly budget: Budget;
  readonly depth: number;
}

/** Levels of values in each other, dictionaries included: those could hold each other. */
const maxDepth = maxTableDepth * 2 + 2;

/** The value at an index. @throws {CODEC_CORRUPT}; {LIMIT_EXCEEDED} when the answer grows too large. */
export function arrowCell(array: ArrowArray, index: number, from: Reading): ElementJson {
  if (from.depth > maxDepth) throw corrupt("The values are nested without end.");
  if (index < 0 || index >= array.length)
    throw corrupt(`The value ${index} is asked of a column of ${array.length}.`);
  from.budget.spend(2);
  if (array.validity.byteLength > 0 && ((array.validity.getUint8(index >> 3) >> (index & 7)) & 1) === 0)
    return null;
  const inner = { ...from, depth: from.depth + 1 };
  if (array.field.dictionary !== undefined) return dictionaryCell(array, index, inner);
  return flatCell(array, index, inner) ?? nestedCell(array, index, inner);
}

function dictionaryCell(array: ArrowArray, index: number, from: Reading): ElementJson {
  const { dictionary } = array.field;
  if (dictionary === undefined) return null;
  let at = integer(buffer(array, 0), index, dictionary);
  for (const values of from.dictionaries.get(dictionary.id) ?? []) {
    if (at < values.length) return arrowCell(values, Number(at), from);
    at = Number(at) - values.length;
  }
  throw corrupt(`A column names the value ${at} of a dictionary that has fewer.`);
}

/** Values without parts; `undefined` for nested types. A null of the type null is `null`. */
function flatCell(array: ArrowArray, index: number, { budget }: Reading): ElementJson | undefined {
  const { type } = array.field;
  const text = (value: string) => {
    budget.spend(value.length + 2);
    return value;
  };
  switch (type.kind) {
    case "bool":
      return ((buffer(array, 0).getUint8(index >> 3) >> (index & 7)) & 1) === 1;
    case "int": {
      budget.spend(6);
      const value = integer(buffer(array, 0), index, type);
      return type.bits === 64 ? String(value) : Number(value);
    }
    case "float":
      budget.spend(6);
      return numberToJson(float(buffer(array, 0), index, type.bits));
    case "decimal":
      return text(decimalText(signedOf(fixed(array, index, type.bits / 8), "little"), type.scale));
    case "fixed_binary":
      return text(cellBase64(fixed(array, index, type.size)));
    case "binary":
    case "large_binary":
      return text(cellBase64(bytesAt(array, index)));
    case "string":
    case "large_string":
      return text(cellText(bytesAt(array, index)));
    case "binary_view":
      return text(cellBase64(viewBytes(array, index)));
    case "string_view":
      return text(cellText(viewBytes(array, index)));
    default:
      return timeCell(array, index, text);
  }
}

function timeCell(
  array: ArrowArray,
  index: number,
  text: (value: string) => string,
): ElementJson | undefined {
  const { type } = array.field;
  const ticks = (bits: number) => BigInt(integer(buffer(array, 0), index, { bits, signed: true }));
  switch (type.kind) {
    case "date":
      return text(dateText(type.bits === 32 ? ticks(32) : floorDays(ticks(64))));
    case "time":
      return text(timeText(ticks(type.bits), type.unit));
    case "timestamp":
      return text(instantText(ticks(64), type.unit, type.zone !== undefined));
    case "duration":
      return text(String(ticks(64)));
    case "interval": {
      text(" ".repeat(60));
      if (type.unit === "month") return { months: Number(ticks(32)) };
      const view = new DataView(
        Uint8Array.from(fixed(array, index, type.unit === "day_time" ? 8 : 16)).buffer,
      );
      if (type.unit === "day_time")
        return { days: view.getInt32(0, true), milliseconds: view.getInt32(4, true) };
      const nanoseconds = String(view.getBigInt64(8, true));
      return { months: view.getInt32(0, true), days: view.getInt32(4, true), nanoseconds };
    }
    default:
      return undefined;
  }
}

function nestedCell(array: ArrowArray, index: number, from: Reading): ElementJson {
  const { type, children } = array.field;
  switch (type.kind) {
    case "list":
    case "large_list":
    case "list_view":
    case "large_list_view":
    case "fixed_list":
      return listCells(child(array, 0), listRange(array, index), from);
    case "map":
      return mapCell(child(array, 0), listRange(array, index), from);
    case "struct":
      return namedCells(array, children, from, () => index);
    case "union":
      return unionCell(array, index, from);
    case "run_end_encoded":
      return arrowCell(child(array, 1), runOf(child(array, 0), index), from);
    default:
      return null;
  }
}

function namedCells(
  array: ArrowArray,
  fields: readonly ArrowField[],
  from: Reading,
  at: () => number,
): ElementJson {
  return Object.fromEntries(
    fields.map(({ name }, i) => {
      from.budget.spend(name.length + 3);
      return [name, arrowCell(child(array, i), at(), from)];
    }),
  );
}

function listCells(items: ArrowArray, [start, end]: readonly [number, number], from: Reading): ElementJson[] {
  if (start < 0 || end < start) throw corrupt(`A list goes from ${start} to ${end}.`);
  const found: ElementJson[] = [];
  for (let i = start; i < end; i++) found.push(arrowCell(items, i, from));
  return found;
}

/** A list of pairs: keys need not be text, and may stand twice. */
function mapCell(entries: ArrowArray, [start, end]: readonly [number, number], from: Reading): ElementJson[] {
  if (start < 0 || end < start) throw corrupt(`A map goes from ${start} to ${end}.`);
  const found: ElementJson[] = [];
  for (let i = start; i < end; i++) {
    from.budget.spend(17);
    found.push({ key: arrowCell(child(entries, 0), i, from), value: arrowCell(child(entries, 1), i, from) });
  }
  return found;
}

function unionCell(array: ArrowArray, index: number, from: Reading): ElementJson {
  const { type } = array.field;
  if (type.kind !== "union") return null;
  const id = buffer(array, 0).getInt8(index);
  const number = type.ids.length === 0 ? id : type.ids.indexOf(id);
  const at = type.dense ? buffer(array, 1).getInt32(index * 4, true) : index;
  return arrowCell(child(array, number), at, from);
}

/** The run that holds an index: the first that ends after it. */
function runOf(ends: ArrowArray, index: number): number {
  const { type } = ends.field;
  if (type.kind !== "int") throw corrupt("The ends of runs are no numbers.");
  let [low, high] = [0, ends.length];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (integer(buffer(ends, 0), middle, type) > index) high = middle;
    else low = middle + 1;
  }
  return low;
}

function listRange(array: ArrowArray, index: number): readonly [number, number] {
  const { type } = array.field;
  if (type.kind === "fixed_list") return [index * type.size, (index + 1) * type.size];
  const wide = type.kind === "large_list" || type.kind === "large_list_view";
  const start = offset(buffer(array, 0), index, wide);
  if (type.kind === "list_view" || type.kind === "large_list_view")
    return [start, start + offset(buffer(array, 1), index, wide)];
  return [start, offset(buffer(array, 0), index + 1, wide)];
}

function bytesAt(array: ArrowArray, index: number): Uint8Array {
  const wide = array.field.type.kind.startsWith("large");
  const start = offset(buffer(array, 0), index, wide);
  return slice(buffer(array, 1), start, offset(buffer(array, 0), index + 1, wide));
}

/** Up to twelve bytes stand in the view itself; longer ones in one of the buffers after it. */
function viewBytes(array: ArrowArray, index: number): Uint8Array {
  const views = buffer(array, 0);
  const length = views.getInt32(index * 16, true);
  if (length <= 12) return slice(views, index * 16 + 4, index * 16 + 4 + length);
  const start = views.getInt32(index * 16 + 12, true);
  return slice(buffer(array, 1 + views.getInt32(index * 16 + 8, true)), start, start + length);
}

function fixed(array: ArrowArray, index: number, size: number): Uint8Array {
  return slice(buffer(array, 0), index * size, (index + 1) * size);
}

function slice(view: DataView, start: number, end: number): Uint8Array {
  if (start < 0 || end < start || end > view.byteLength)
    throw corrupt(`A value lies from ${start} to ${end} in ${view.byteLength} bytes.`);
  return new Uint8Array(view.buffer, view.byteOffset + start, end - start);
}

function offset(view: DataView, index: number, wide: boolean): number {
  return wide ? Number(view.getBigInt64(index * 8, true)) : view.getInt32(index * 4, true);
}

function integer(
  view: DataView,
  i: number,
  { bits, signed }: { bits: number; signed: boolean },
): number | bigint {
  if (bits === 8) return signed ? view.getInt8(i) : view.getUint8(i);
  if (bits === 16) return signed ? view.getInt16(i * 2, true) : view.getUint16(i * 2, true);
  if (bits === 32) return signed ? view.getInt32(i * 4, true) : view.getUint32(i * 4, true);
  return signed ? view.getBigInt64(i * 8, true) : view.getBigUint64(i * 8, true);
}

function float(view: DataView, i: number, bits: number): number {
  if (bits === 16) return float16FromBits(view.getUint16(i * 2, true));
  return bits === 32 ? view.getFloat32(i * 4, true) : view.getFloat64(i * 8, true);
}

function floorDays(milliseconds: bigint): bigint {
  const day = 86_400_000n;
  return (milliseconds - (((milliseconds % day) + day) % day)) / day;
}

function buffer(array: ArrowArray, i: number): DataView {
  const found = array.buffers[i];
  if (found === undefined)
    throw corrupt(`The column ${JSON.stringify(array.field.name)} has no buffer ${i}.`);
  return found;
}

function child(array: ArrowArray, i: number): ArrowArray {
  const found = array.children[i];
  if (found === undefined) throw corrupt(`The column ${JSON.stringify(array.field.name)} has no part ${i}.`);
  return found;
}
