/** Kinds of values: how stored text is read, compared and shown, told from the declared type alone. */

import type { Column, Model } from "../../../src/model/model.ts";
import { type Json, jsonFrom, NumberText, sortedJson } from "../json.ts";
import { compareExact, type Exact, exactText, parseExact } from "./exact.ts";
import { Approximate } from "./floats.ts";
import { fault } from "./refused.ts";

export type KindName =
  | "exact"
  | "float"
  | "single"
  | "approximate"
  | "text"
  | "padded"
  | "boolean"
  | "date"
  | "instant"
  | "uuid"
  | "bytes"
  | "json"
  | "list"
  | "enum";

/** What a value is. */
export interface Kind {
  readonly name: KindName;
  /** GraphQL scalar, enum, or element of the list. */
  readonly scalar: string;
  /** Names and stored texts of an enum, in the order of the schema file. */
  readonly names?: readonly { readonly name: string; readonly stored: string }[];
  /** Characters of char(n). */
  readonly width?: number;
}

/** A value in the form in which it is compared. */
export type Value = Exact | Approximate | Exclude<Json, null> | number | string | boolean;

const kindOfScalar: Readonly<Record<string, KindName>> = {
  Int: "exact",
  BigInt: "exact",
  Decimal: "exact",
  Float: "float",
  Float32: "float",
  Float64: "float",
  String: "text",
  Boolean: "boolean",
  Date: "date",
  DateTime: "instant",
  UUID: "uuid",
  Bytes: "bytes",
  JSON: "json",
};

/** The kind of a scalar's values; absent for a scalar that is not known. */
export function kindOfType(scalar: string): Kind | undefined {
  const name = kindOfScalar[scalar];
  return name === undefined ? undefined : { name, scalar };
}

/** The kind of a column's values; absent for codecs. */
export function kindOf(model: Model, { type }: Column): Kind | undefined {
  if (type.codec !== undefined) return undefined;
  if (type.list !== undefined) {
    const names = model.enum.get(type.list.element)?.values;
    return { name: "list", scalar: type.list.element, ...(names === undefined ? {} : { names }) };
  }
  const names = type.enum === undefined ? undefined : model.enum.get(type.enum)?.values;
  if (names !== undefined) return { name: "enum", scalar: type.graphql, names };
  const width = /^char\((\d+)\)$/.exec(type.spec)?.[1];
  if (width !== undefined) return { name: "padded", scalar: "String", width: Number(width) };
  const known = kindOfType(type.graphql);
  return known?.name === "float" && type.spec === "float32" ? { ...known, name: "single" } : known;
}

/** Reads PostgreSQL's text of a value. */
export function read(kind: Kind, text: string): Value {
  switch (kind.name) {
    case "exact":
      return parseExact(text);
    case "float":
    case "single":
    case "approximate":
      return Number(text);
    case "padded":
      return text.replace(/ +$/, "");
    case "boolean":
      return text === "true";
    case "instant": {
      const [seconds = "", fraction = ""] = text.replace(" ", "T").split(".");
      return `${seconds}.${fraction.padEnd(6, "0")}`;
    }
    case "json":
    case "list":
      return jsonFrom(text) ?? "null";
    case "enum":
      return (kind.names ?? []).findIndex(({ stored }) => stored === text);
    default:
      return text;
  }
}

/** Reads an operand of a filter, as the oracle's scalars parsed it. */
export function readOperand(kind: Kind, given: unknown): Value {
  switch (kind.name) {
    case "exact":
      return parseExact(String(given));
    case "float":
    case "approximate":
      return Number(given);
    case "single":
      return Math.fround(Number(given));
    case "boolean":
      return given === true;
    case "instant":
      return read(kind, String(given).replace("Z", ""));
    case "json":
      return jsonFrom(JSON.stringify(given)) ?? "null";
    case "bytes":
      return `\\x${Buffer.from(String(given), "base64").toString("hex")}`;
    case "enum":
      return (kind.names ?? []).findIndex(({ name }) => name === given);
    case "padded":
      return String(given).replace(/ +$/, "");
    default:
      return String(given);
  }
}

/** Negative, zero or positive. NaN is above every number, false before true, text in the order of its bytes. */
export function compare(kind: Kind, a: Value, b: Value): number {
  switch (kind.name) {
    case "exact":
      // Values of this kind are made by `read`.
      return compareExact(a as Exact, b as Exact);
    case "float":
    case "boolean":
    case "enum":
      return compareNumbers(Number(a), Number(b));
    case "single":
      return compareNumbers(Math.fround(Number(a)), Math.fround(Number(b)));
    case "approximate":
      return compareNumbers(numberOf(a), numberOf(b));
    case "json":
    case "list":
      return compareBytes(sortedJson(a as Json), sortedJson(b as Json));
    default:
      return compareBytes(String(a), String(b));
  }
}

/** The number that a floating point value, a measured one too, stands for. */
export function numberOf(value: Value): number {
  return value instanceof Approximate ? value.value : Number(value);
}

function compareNumbers(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  return a < b ? -1 : a > b ? 1 : 0;
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** The value as the API answers it. @throws an oracle's fault for what Float cannot carry. */
export function show(kind: Kind, value: Value): unknown {
  switch (kind.name) {
    case "exact": {
      const text = exactText(value as Exact); // made by `read`
      return kind.scalar === "Int" ? Number(text) : text;
    }
    case "float":
    case "single":
      return showFloat(kind.scalar, Number(value));
    case "padded":
      return String(value) + " ".repeat(Math.max((kind.width ?? 0) - [...String(value)].length, 0));
    case "instant":
      return `${String(value).replace(/\.?0*$/, "")}Z`;
    case "bytes":
      return Buffer.from(String(value).slice(2), "hex").toString("base64");
    case "list":
      return Array.isArray(value) ? value.map((item: Json) => showElement(kind, item)) : value;
    case "enum":
      return kind.names?.[Number(value)]?.name;
    default:
      return value;
  }
}

function showFloat(scalar: string, value: number): unknown {
  if (Number.isFinite(value)) return value;
  if (scalar === "Float") throw fault("VALUE_NOT_FINITE");
  return String(value);
}

function showElement({ scalar, names }: Kind, item: Json): unknown {
  if (item === null) return null;
  if (names !== undefined) return names.find(({ stored }) => stored === item)?.name;
  if (!(item instanceof NumberText)) return item;
  if (scalar === "BigInt" || scalar === "Decimal") return item.text;
  return scalar === "JSON" ? item : Number(item.text);
}
