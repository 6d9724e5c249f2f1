/** Values of Parquet columns as JSON. */

import { type ElementJson, numberToJson } from "./elements.ts";
import { corrupt } from "./fault.ts";
import { float16FromBits } from "./float16.ts";
import { elementOf, type Kind, kindOf, type ParquetField } from "./parquet-schema.ts";
import type { Budget } from "./table.ts";
import {
  cellBase64,
  cellText,
  dateText,
  decimalText,
  instantText,
  signedOf,
  timeText,
} from "./table-cell.ts";

/** Bytes of a decimal: its digits cost their square. */
const maxDecimalBytes = 512;

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
  const isStruct = typeof value === "object" && value !== null && !Array.isArray(value);
  if (!isStruct || ArrayBuffer.isView(value)) throw corrupt("A struct is no struct.");
  return Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined;
}

function leafCell(kind: Kind, value: unknown, budget: Budget): ElementJson {
  const spent = value instanceof Uint8Array ? value.length * 2 : 6;
  budget.spend(spent);
  const cell = leafJson(kind, value);
  // Texts that are longer than what they are made of: decimals of many digits, instants, UUIDs.
  if (typeof cell === "string" && cell.length > spent) budget.spend(cell.length - spent);
  return cell;
}

function leafJson(kind: Kind, value: unknown): ElementJson {
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
      checkLength(kind, bytes, 2);
      return numberToJson(float16FromBits(view.getUint16(0, true)));
    case "uuid":
      checkLength(kind, bytes, 16);
      return Buffer.from(bytes)
        .toString("hex")
        .replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
    case "interval":
      checkLength(kind, bytes, 12);
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

function checkLength({ kind }: Kind, { length }: Uint8Array, wanted: number): void {
  if (length !== wanted) throw corrupt(`A value of the type ${kind} has ${length} bytes, not ${wanted}.`);
}

function unscaled(value: unknown): bigint {
  if (value instanceof Uint8Array) {
    if (value.length > maxDecimalBytes) throw corrupt(`A decimal has ${value.length} bytes.`);
    return signedOf(value, "big");
  }
  if (typeof value === "number" || typeof value === "bigint") return BigInt(value);
  throw corrupt("A decimal is no number.");
}
