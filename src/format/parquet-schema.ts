/** Columns of Parquet: what they hold, and their values as JSON. */

import type { SchemaElement } from "hyparquet/src/types.js";
import { type ElementJson, numberToJson } from "./elements.ts";
import { corrupt } from "./fault.ts";
import { float16FromBits } from "./float16.ts";
import { type Budget, maxTableColumns, maxTableDepth } from "./table.ts";
import {
  cellBase64,
  cellText,
  dateText,
  decimalText,
  instantText,
  signedOf,
  type TimeUnit,
  timeText,
} from "./table-cell.ts";

/** A column, or a part of a nested one. */
export interface ParquetField {
  readonly name: string;
  readonly element: SchemaElement;
  readonly children: readonly ParquetField[];
  /** `list`: one child, the elements. `map`: a child of keys and one of values. */
  readonly shape: "leaf" | "struct" | "list" | "map";
}

/** The columns of a flat schema. @throws {CODEC_CORRUPT} when its parts do not fit together. */
export function readParquetSchema(elements: readonly SchemaElement[]): ParquetField[] {
  if (elements.length > maxTableColumns) throw corrupt(`The table has more than ${maxTableColumns} columns.`);
  const at = { index: 0 };
  const root = readField(elements, at, 0);
  if (at.index !== elements.length) throw corrupt("The schema has parts that belong nowhere.");
  return [...root.children];
}

function readField(elements: readonly SchemaElement[], at: { index: number }, depth: number): ParquetField {
  const element = elements[at.index++];
  if (element === undefined) throw corrupt("The schema announces more parts than it has.");
  if (depth > maxTableDepth) throw corrupt(`The columns are nested more than ${maxTableDepth} levels deep.`);
  const { name, num_children: count = 0 } = element;
  // The library keeps parts of structs in plain objects, which have this name for themselves.
  if (typeof name !== "string" || name === "__proto__")
    throw corrupt(`A column is called ${JSON.stringify(name)}.`);
  if (count < 0 || count > elements.length) throw corrupt(`A column has ${count} parts.`);
  if ((count === 0) === (element.type === undefined) && depth > 0)
    throw corrupt(`The column ${JSON.stringify(name)} is neither a value nor a group.`);
  const children = Array.from({ length: count }, () => readField(elements, at, depth + 1));
  if (new Set(children.map((child) => child.name)).size !== children.length)
    throw corrupt(`Two parts of ${JSON.stringify(name)} have one name.`);
  return { name, element, children, shape: shapeOf(element, children) };
}

function shapeOf(element: SchemaElement, children: readonly ParquetField[]): ParquetField["shape"] {
  const [only] = children;
  if (only === undefined) return "leaf";
  const isRepeated = children.length === 1 && only.element.repetition_type === "REPEATED";
  const says = (name: string) => element.converted_type === name || element.logical_type?.type === name;
  if (isRepeated && says("LIST") && only.children.length < 2) return "list";
  const isMap = says("MAP") || element.converted_type === "MAP_KEY_VALUE";
  return isRepeated && isMap && only.children.length === 2 ? "map" : "struct";
}

/**
 * The schema for the library, which is to give values as they lie in the file: what they mean is told here. Only lists are left, as they
 * say how values nest.
 */
export function bareSchema(field: ParquetField | undefined, element: SchemaElement): SchemaElement {
  const { converted_type, logical_type, ...bare } = element;
  return field?.shape === "list" ? { ...bare, converted_type: "LIST" } : bare;
}

/** Elements of a list: of older files they are the repeated part itself. */
function elementOf(field: ParquetField): ParquetField | undefined {
  const [repeated] = field.children;
  return repeated?.children.length === 1 ? repeated.children[0] : repeated;
}

/** The type as Arrow prints it. */
export function parquetTypeName(field: ParquetField): string {
  const inside = (fields: readonly ParquetField[]) => fields.map(parquetTypeName).join(", ");
  const named = (fields: readonly ParquetField[]) =>
    fields.map((child) => `${child.name}: ${parquetTypeName(child)}`).join(", ");
  const bare = () => {
    if (field.shape === "leaf") return leafTypeName(field.element);
    if (field.shape === "list")
      return `list<${inside([elementOf(field)].filter((part) => part !== undefined))}>`;
    if (field.shape === "map") return `map<${inside(field.children[0]?.children ?? [])}>`;
    return `struct<${named(field.children)}>`;
  };
  return field.element.repetition_type === "REPEATED" ? `list<${bare()}>` : bare();
}

function leafTypeName(element: SchemaElement): string {
  const kind = kindOf(element);
  switch (kind.kind) {
    case "decimal":
      return `decimal(${element.precision ?? 0}, ${kind.scale})`;
    case "time":
      return `time[${kind.unit}]`;
    case "timestamp":
      return `timestamp[${kind.unit}${kind.utc ? ", UTC" : ""}]`;
    case "int":
      return `${kind.signed ? "" : "u"}int${kind.bits}`;
    case "binary":
      return element.type === "FIXED_LEN_BYTE_ARRAY" ? `binary[${element.type_length}]` : "binary";
    case "float":
      return `float${kind.bits}`;
    default:
      return kind.kind;
  }
}

type Kind =
  | { readonly kind: "bool" | "string" | "binary" | "uuid" | "date" | "interval" | "int96" }
  | { readonly kind: "int"; readonly bits: number; readonly signed: boolean }
  | { readonly kind: "float"; readonly bits: number }
  | { readonly kind: "decimal"; readonly scale: number }
  | { readonly kind: "time"; readonly unit: TimeUnit }
  | { readonly kind: "timestamp"; readonly unit: TimeUnit; readonly utc: boolean };

const units: Readonly<Record<string, TimeUnit>> = { MILLIS: "ms", MICROS: "us", NANOS: "ns" };

function kindOf({ type, converted_type: converted, logical_type: logical, scale }: SchemaElement): Kind {
  if (type === "BOOLEAN") return { kind: "bool" };
  if (type === "FLOAT" || type === "DOUBLE") return { kind: "float", bits: type === "FLOAT" ? 32 : 64 };
  if (type === "INT96") return { kind: "int96" };
  if (logical?.type === "DECIMAL") return decimal(logical.scale ?? scale);
  if (converted === "DECIMAL") return decimal(scale);
  if (type === "INT32" || type === "INT64") return integerKind({ type, converted, logical });
  if (logical?.type === "FLOAT16") return { kind: "float", bits: 16 };
  if (logical?.type === "UUID") return { kind: "uuid" };
  if (converted === "INTERVAL") return { kind: "interval" };
  const isText = ["STRING", "ENUM", "JSON"].includes(logical?.type ?? "");
  return { kind: isText || ["UTF8", "ENUM", "JSON"].includes(converted ?? "") ? "string" : "binary" };
}

function decimal(scale: number | undefined): Kind {
  if (Math.abs(scale ?? 0) > 1000) throw corrupt(`A column has the scale ${scale}.`);
  return { kind: "decimal", scale: scale ?? 0 };
}

function integerKind(of: {
  type: "INT32" | "INT64";
  converted: SchemaElement["converted_type"];
  logical: SchemaElement["logical_type"];
}): Kind {
  const { converted = "", logical } = of;
  if (logical?.type === "DATE" || converted === "DATE") return { kind: "date" };
  if (logical?.type === "TIME") return { kind: "time", unit: units[logical.unit] ?? "ms" };
  if (logical?.type === "TIMESTAMP")
    return { kind: "timestamp", unit: units[logical.unit] ?? "ms", utc: logical.isAdjustedToUTC };
  const [, what, unit] = /^(TIME|TIMESTAMP)_(MILLIS|MICROS)$/.exec(converted) ?? [];
  if (what === "TIME") return { kind: "time", unit: units[unit ?? ""] ?? "ms" };
  if (what === "TIMESTAMP") return { kind: "timestamp", unit: units[unit ?? ""] ?? "ms", utc: true };
  if (logical?.type === "INTEGER") return { kind: "int", bits: logical.bitWidth, signed: logical.isSigned };
  const [, sign, bits] = /^(U?)INT_(\d+)$/.exec(converted) ?? [];
  if (bits !== undefined) return { kind: "int", bits: Number(bits), signed: sign === "" };
  return { kind: "int", bits: of.type === "INT32" ? 32 : 64, signed: true };
}

/** A value as the library gives it, as JSON. @throws {CODEC_CORRUPT}; {LIMIT_EXCEEDED} when the answer grows too large. */
export function parquetCell(
  field: ParquetField,
  value: unknown,
  budget: Budget,
  isElement = false,
): ElementJson {
  budget.spend(2);
  if (value === null || value === undefined) return null;
  const isRepeated = field.element.repetition_type === "REPEATED" && !isElement;
  if (isRepeated) return listOf(value).map((item) => parquetCell(field, item, budget, true));
  switch (field.shape) {
    case "leaf":
      return leafCell(kindOf(field.element), value, budget);
    case "list": {
      const element = elementOf(field);
      if (element === undefined) return [];
      return listOf(value).map((item) => parquetCell(element, item, budget, true));
    }
    case "map": {
      const [entries] = field.children;
      const [key, item] = entries?.children ?? [];
      if (entries === undefined || key === undefined || item === undefined) return [];
      return listOf(partOf(value, entries.name)).map((entry) => {
        budget.spend(17);
        const [k, v] = [partOf(entry, key.name), partOf(entry, item.name)];
        return { key: parquetCell(key, k, budget), value: parquetCell(item, v, budget) };
      });
    }
    default:
      return Object.fromEntries(
        field.children.map((child) => {
          budget.spend(child.name.length + 3);
          return [child.name, parquetCell(child, partOf(value, child.name), budget)];
        }),
      );
  }
}

function listOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  if (ArrayBuffer.isView(value) && !(value instanceof DataView))
    return Array.from(value as unknown as ArrayLike<unknown>);
  if (value === null || value === undefined) return [];
  throw corrupt("A list is no list.");
}

function partOf(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) throw corrupt("A struct is no struct.");
  return Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined;
}

function leafCell(kind: Kind, value: unknown, budget: Budget): ElementJson {
  budget.spend(value instanceof Uint8Array ? value.length * 2 : 6);
  if (kind.kind === "bool" && typeof value === "boolean") return value;
  if (kind.kind === "float" && typeof value === "number") return numberToJson(value);
  if (kind.kind === "decimal") return decimalText(unscaled(value), kind.scale);
  if (value instanceof Uint8Array) return bytesCell(kind, value);
  if (typeof value === "number" || typeof value === "bigint") return integerCell(kind, value);
  throw corrupt(`A column of the type ${kind.kind} holds another value.`);
}

function integerCell(kind: Kind, value: number | bigint): ElementJson {
  switch (kind.kind) {
    case "int": {
      if (typeof value === "bigint" || kind.bits === 64) {
        const wide = BigInt(value);
        return String(kind.signed ? BigInt.asIntN(64, wide) : BigInt.asUintN(64, wide));
      }
      return kind.signed ? value : value >>> 0;
    }
    case "date":
      return dateText(BigInt(value));
    case "time":
      return timeText(BigInt(value), kind.unit);
    case "timestamp":
      return instantText(BigInt(value), kind.unit, kind.utc);
    case "int96":
      // The library has made nanoseconds of the days and the rest.
      return instantText(BigInt(value), "ns", false);
    default:
      throw corrupt(`A column of the type ${kind.kind} holds a number.`);
  }
}

function bytesCell(kind: Kind, bytes: Uint8Array): ElementJson {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (kind.kind) {
    case "string":
      return cellText(bytes);
    case "float":
      return numberToJson(float16FromBits(view.getUint16(0, true)));
    case "uuid":
      return Buffer.from(bytes)
        .toString("hex")
        .replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
    case "interval":
      return {
        months: view.getUint32(0, true),
        days: view.getUint32(4, true),
        milliseconds: view.getUint32(8, true),
      };
    case "binary":
      return cellBase64(bytes);
    default:
      throw corrupt(`A column of the type ${kind.kind} holds bytes.`);
  }
}

function unscaled(value: unknown): bigint {
  if (value instanceof Uint8Array) return signedOf(value, "big");
  if (typeof value === "number" || typeof value === "bigint") return BigInt(value);
  throw corrupt("A decimal is no number.");
}
