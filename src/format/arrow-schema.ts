/**
 * Schemas of Arrow, read from their flatbuffers.
 *
 * @source https://github.com/apache/arrow/blob/main/format/Schema.fbs
 */

import { corrupt } from "./fault.ts";
import type { FlatTable } from "./flatbuffer.ts";
import { maxTableColumns, maxTableDepth } from "./table.ts";
import type { TimeUnit } from "./table-cell.ts";

/** Types that need no more to be said. */
type PlainKind =
  | ("null" | "bool" | "struct" | "map" | "run_end_encoded")
  | ("list" | "large_list" | "list_view" | "large_list_view")
  | ("binary" | "large_binary" | "binary_view")
  | ("string" | "large_string" | "string_view");

/** What a column holds; children are told by the field. */
export type ArrowType =
  | { readonly kind: PlainKind }
  | { readonly kind: "int"; readonly bits: number; readonly signed: boolean }
  | { readonly kind: "float"; readonly bits: number }
  | { readonly kind: "decimal"; readonly bits: number; readonly precision: number; readonly scale: number }
  | { readonly kind: "date"; readonly bits: 32 | 64 }
  | { readonly kind: "time"; readonly bits: 32 | 64; readonly unit: TimeUnit }
  | { readonly kind: "timestamp"; readonly unit: TimeUnit; readonly zone: string | undefined }
  | { readonly kind: "duration"; readonly unit: TimeUnit }
  | { readonly kind: "interval"; readonly unit: "month" | "day_time" | "month_day_nano" }
  | { readonly kind: "fixed_binary" | "fixed_list"; readonly size: number }
  | { readonly kind: "union"; readonly dense: boolean; readonly ids: readonly number[] };

/** A column, or a part of a nested one. */
export interface ArrowField {
  readonly name: string;
  readonly nullable: boolean;
  readonly type: ArrowType;
  readonly children: readonly ArrowField[];
  /** The column holds numbers of values that stand elsewhere. */
  readonly dictionary?: { readonly id: bigint; readonly bits: number; readonly signed: boolean };
}

/** Fields of a Schema table. @throws {CODEC_CORRUPT} for types that are unknown and for big-endian files. */
export function readArrowSchema(schema: FlatTable): ArrowField[] {
  if (schema.i16(0) !== 0) throw corrupt("The table is big-endian; write it on a little-endian machine.");
  const count = { left: maxTableColumns };
  return schema.tables(1).map((field) => readField(field, 0, count));
}

function readField(field: FlatTable, depth: number, count: { left: number }): ArrowField {
  count.left -= 1;
  if (count.left < 0) throw corrupt(`The table has more than ${maxTableColumns} columns.`);
  if (depth > maxTableDepth) throw corrupt(`The columns are nested more than ${maxTableDepth} levels deep.`);
  const children = field.tables(5).map((child) => readField(child, depth + 1, count));
  const type = readType(field.u8(2), field.table(3));
  checkChildren(type, children);
  const dictionary = field.table(4);
  const base = { name: field.text(0) ?? "", nullable: field.u8(1) !== 0, type, children };
  if (dictionary === undefined) return base;
  const index = dictionary.table(1);
  const bits = index === undefined ? 32 : index.i32(0);
  return {
    ...base,
    dictionary: {
      id: dictionary.i64(0),
      bits: checkedBits(bits, [8, 16, 32, 64]),
      signed: index === undefined || index.u8(1) !== 0,
    },
  };
}

const units: readonly TimeUnit[] = ["s", "ms", "us", "ns"];
const plain: Readonly<Record<number, PlainKind>> = {
  1: "null",
  4: "binary",
  5: "string",
  6: "bool",
  12: "list",
  13: "struct",
  17: "map",
  19: "large_binary",
  20: "large_string",
  21: "large_list",
  22: "run_end_encoded",
  23: "binary_view",
  24: "string_view",
  25: "list_view",
  26: "large_list_view",
};

function readType(id: number, table: FlatTable | undefined): ArrowType {
  const kind = plain[id];
  if (kind !== undefined) return { kind };
  if (table === undefined) throw corrupt("A column has no type.");
  if (id === 2)
    return { kind: "int", bits: checkedBits(table.i32(0), [8, 16, 32, 64]), signed: table.u8(1) !== 0 };
  if (id === 3) return { kind: "float", bits: [16, 32, 64][table.i16(0)] ?? unknown("float", table.i16(0)) };
  if (id === 7) {
    const bits = checkedBits(table.i32(2, 128), [32, 64, 128, 256]);
    return { kind: "decimal", bits, precision: table.i32(0), scale: checkedScale(table.i32(1)) };
  }
  if (id === 8) return { kind: "date", bits: table.i16(0, 1) === 0 ? 32 : 64 };
  if (id === 15 || id === 16) {
    const size = table.i32(0);
    if (size < 0) throw corrupt(`A column of fixed size has the size ${size}.`);
    return { kind: id === 15 ? "fixed_binary" : "fixed_list", size };
  }
  if (id === 14) return readUnion(table);
  return readTimeType(id, table);
}

function readTimeType(id: number, table: FlatTable): ArrowType {
  if (id === 11) {
    const unit = (["month", "day_time", "month_day_nano"] as const)[table.i16(0)];
    return { kind: "interval", unit: unit ?? unknown("interval", table.i16(0)) };
  }
  const number = table.i16(0, id === 10 ? 0 : 1);
  const unit = units[number] ?? unknown("unit of time", number);
  if (id === 9) return { kind: "time", unit, bits: table.i32(1, 32) === 64 ? 64 : 32 };
  if (id === 10) return { kind: "timestamp", unit, zone: table.text(1) };
  if (id === 18) return { kind: "duration", unit };
  return unknown("type", id);
}

function readUnion(table: FlatTable): ArrowType {
  const ids = table.structs(1, 4).map((view) => view.getInt32(0, true));
  return { kind: "union", dense: table.i16(0) === 1, ids };
}

/** Children that a type must have; any number where it is not listed. */
const childCounts: Readonly<Partial<Record<ArrowType["kind"], number>>> = {
  list: 1,
  large_list: 1,
  list_view: 1,
  large_list_view: 1,
  fixed_list: 1,
  map: 1,
  run_end_encoded: 2,
};

function checkChildren({ kind }: ArrowType, children: readonly ArrowField[]): void {
  const wanted = childCounts[kind] ?? (kind === "struct" || kind === "union" ? undefined : 0);
  if (wanted !== undefined && children.length !== wanted)
    throw corrupt(`A column of the type ${kind} has ${children.length} parts instead of ${wanted}.`);
  if (kind === "map" && children[0]?.children.length !== 2) throw corrupt("A map has no keys and values.");
  if (kind === "struct" && new Set(children.map(({ name }) => name)).size !== children.length)
    throw corrupt("Two parts of a struct have one name.");
}

function checkedBits(bits: number, known: readonly number[]): number {
  return known.includes(bits) ? bits : unknown("width", bits);
}

function checkedScale(scale: number): number {
  return Math.abs(scale) <= 1000 ? scale : unknown("scale", scale);
}

function unknown(what: string, value: number): never {
  throw corrupt(`A column has the unknown ${what} ${value}.`);
}

/** The type as text; of a dictionary, of its values. */
export function arrowTypeName({ type, children }: ArrowField): string {
  const inside = () => children.map(arrowTypeName).join(", ");
  switch (type.kind) {
    case "int":
      return `${type.signed ? "" : "u"}int${type.bits}`;
    case "float":
      return `float${type.bits}`;
    case "decimal":
      return `decimal(${type.precision}, ${type.scale})`;
    case "time":
    case "duration":
      return `${type.kind}[${type.unit}]`;
    case "timestamp":
      return `timestamp[${type.unit}${type.zone === undefined ? "" : `, ${type.zone}`}]`;
    case "interval":
      return `interval[${type.unit}]`;
    case "fixed_binary":
      return `binary[${type.size}]`;
    case "fixed_list":
      return `list[${type.size}]<${inside()}>`;
    case "map":
      return `map<${(children[0]?.children ?? []).map(arrowTypeName).join(", ")}>`;
    case "struct":
      return `struct<${children.map((child) => `${child.name}: ${arrowTypeName(child)}`).join(", ")}>`;
    case "union":
      return `union<${inside()}>`;
    case "run_end_encoded":
      return children[1] === undefined ? "null" : arrowTypeName(children[1]);
    default: {
      const name = type.kind.replace(/^large_|_view$/g, "").replace(/^list_view$/, "list");
      return name.startsWith("list") ? `list<${inside()}>` : name;
    }
  }
}
