/** Values of the API as PostgreSQL's input functions take them, checked first, so that each refusal names the field. */

import type { Column, EnumType } from "../model/model.ts";
import { decimalText } from "./decimal-text.ts";
import { dateText, timestampText } from "./instant.ts";
import { jsonText, listText } from "./json-text.ts";
import { refuseValue, storableText } from "./refuse-value.ts";
import { booleanText, bytesText, enumText, floatText, integerText, uuidText } from "./scalar-text.ts";

/** A value of one column: text for the column's input function, or JSON text for `jsonb`. */
export type ColumnValue =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "json"; readonly json: string };

/** What a column's type text says, taken apart. */
interface SqlType {
  readonly base: string;
  readonly sizes: readonly number[];
}

const baseOf: Readonly<Record<string, string>> = {
  int2: "smallint",
  int4: "integer",
  int: "integer",
  int8: "bigint",
  float4: "real",
  float8: "double precision",
  bool: "boolean",
  decimal: "numeric",
  "character varying": "varchar",
  character: "char",
  bpchar: "char",
  "timestamp without time zone": "timestamp",
  "timestamp with time zone": "timestamptz",
  json: "jsonb",
};

/**
 * The value of a column that holds no codec, ready for PostgreSQL. `field` is the place in the request, for messages.
 * @throws {BAD_USER_INPUT} naming field, value and remedy, when the column cannot hold it exactly.
 */
export function columnValue(
  column: Column,
  value: unknown,
  place: { readonly field: string; readonly enums: ReadonlyMap<string, EnumType> },
): ColumnValue {
  const { field, enums } = place;
  const type = sqlType(column.type.sql);
  if (column.type.list !== undefined)
    return { kind: "json", json: listText(column.type.list, value, { field, enums }) };
  if (type.base === "jsonb") return { kind: "json", json: jsonText(value, field) };
  const enumType = column.type.enum === undefined ? undefined : enums.get(column.type.enum);
  if (enumType !== undefined) return { kind: "text", text: enumText(enumType, value, field) };
  return { kind: "text", text: scalarText(column, type, { value, field }) };
}

/** Types taken apart, by their text: a model has few, and each value asks for one. */
const known = new Map<string, SqlType>();

/** Takes `varchar(64)` apart, with PostgreSQL's other spellings made one. */
export function sqlType(text: string): SqlType {
  const found = known.get(text);
  if (found !== undefined) return found;
  const type = takenApart(text);
  if (known.size < 10_000) known.set(text, type);
  return type;
}

function takenApart(text: string): SqlType {
  const match = /^([a-z][a-z0-9 ]*?)\s*(?:\(([\d, ]+)\))?(\s+with(?:out)? time zone)?$/.exec(
    text.trim().toLowerCase(),
  );
  if (match === null) return { base: text, sizes: [] };
  const base = `${match[1] ?? ""}${match[3] ?? ""}`;
  return { base: baseOf[base] ?? base, sizes: (match[2] ?? "").split(",").filter(Boolean).map(Number) };
}

function scalarText(column: Column, type: SqlType, given: { value: unknown; field: string }): string {
  const { value, field } = given;
  switch (type.base) {
    case "smallint":
    case "integer":
    case "bigint":
      return integerText(value, field, /^int8$/i.test(column.type.spec) ? "int8" : type.base);
    case "real":
    case "double precision":
      return floatText(value, field, type.base === "real");
    case "numeric":
      return decimalText(value, field, decimalSize(type.sizes));
    case "boolean":
      return booleanText(value, field);
    case "date":
      return dateText(value, field);
    case "timestamp":
      return timestampText(value, field, type.sizes[0]);
    case "timestamptz":
      return `${timestampText(value, field, type.sizes[0])}+00`;
    case "uuid":
      return uuidText(value, field);
    case "bytea":
      return bytesText(value, field);
    default:
      return boundedText(value, field, type);
  }
}

function decimalSize(sizes: readonly number[]): { precision: number; scale: number } | undefined {
  return sizes[0] === undefined ? undefined : { precision: sizes[0], scale: sizes[1] ?? 0 };
}

function boundedText(value: unknown, field: string, type: SqlType): string {
  if (typeof value !== "string") return refuseValue(field, value, "is no text", "Write a string.");
  const limit =
    type.base === "varchar" || type.base === "char"
      ? (type.sizes[0] ?? (type.base === "char" ? 1 : undefined))
      : undefined;
  // PostgreSQL counts characters, JavaScript counts UTF-16 units.
  if (limit !== undefined && value.length > limit && [...value].length > limit)
    refuseValue(field, value, `is longer than ${limit} characters`, `The column is ${type.base}(${limit}).`);
  const text = storableText(value, field);
  // Blanks at the end of char(n) carry no meaning: PostgreSQL pads and compares without them.
  return type.base === "char" ? withoutBlanks(text) : text;
}

/** A pattern would look at each run of blanks once for each of them. */
function withoutBlanks(text: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === " ") end -= 1;
  return text.slice(0, end);
}
