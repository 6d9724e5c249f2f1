/** Columns of Parquet: what they hold. Their values: `parquet-cell.ts`. */

import type { SchemaElement } from "hyparquet/src/types.js";
import { corrupt } from "./fault.ts";
import { maxMetadataBytes, maxTableColumns, maxTableDepth } from "./table.ts";
import type { TimeUnit } from "./table-cell.ts";

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
  for (const column of root.children) checkPaths(column);
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

/** The library knows the parts of a column by their names with points between them. */
function checkPaths(column: ParquetField): void {
  const paths = new Set<string>();
  let characters = 0;
  const walk = (field: ParquetField, path: string): void => {
    // The name of a group stands in the path of everything in it.
    characters += path.length;
    if (characters > maxMetadataBytes) throw corrupt("The names of the columns are too long.");
    if (paths.has(path)) throw corrupt(`Two parts of a column are called ${JSON.stringify(path)}.`);
    paths.add(path);
    for (const child of field.children) walk(child, `${path}.${child.name}`);
  };
  walk(column, column.name);
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
export function elementOf(field: ParquetField): ParquetField | undefined {
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

/** What the values of a leaf are. */
export type Kind =
  | { readonly kind: "bool" | "string" | "binary" | "uuid" | "date" | "interval" | "int96" }
  | { readonly kind: "int"; readonly bits: number; readonly signed: boolean }
  | { readonly kind: "float"; readonly bits: number }
  | { readonly kind: "decimal"; readonly scale: number }
  | { readonly kind: "time"; readonly unit: TimeUnit }
  | { readonly kind: "timestamp"; readonly unit: TimeUnit; readonly utc: boolean };

/** Digits behind the point of a decimal. */
const maxScale = 1000;
const widths: ReadonlySet<number> = new Set([8, 16, 32, 64]);

const units: Readonly<Record<string, TimeUnit>> = { MILLIS: "ms", MICROS: "us", NANOS: "ns" };

/** What a leaf holds. @throws {CODEC_CORRUPT} */
export function kindOf({
  type,
  converted_type: converted,
  logical_type: logical,
  scale,
}: SchemaElement): Kind {
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
  if (Math.abs(scale ?? 0) > maxScale) throw corrupt(`A column has the scale ${scale}.`);
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
  if (logical?.type === "INTEGER") {
    if (!widths.has(logical.bitWidth)) throw corrupt(`A column has integers of ${logical.bitWidth} bits.`);
    return { kind: "int", bits: logical.bitWidth, signed: logical.isSigned };
  }
  const [, sign, bits] = /^(U?)INT_(\d+)$/.exec(converted) ?? [];
  if (bits !== undefined) return { kind: "int", bits: Number(bits), signed: sign === "" };
  return { kind: "int", bits: of.type === "INT32" ? 32 : 64, signed: true };
}
