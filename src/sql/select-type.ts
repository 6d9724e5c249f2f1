/** How values of each column type are compared, sent as parameters, ordered and turned into JSON. */

import type { Column, ColumnType, EnumType, Model } from "../model/model.ts";
import { literal } from "./quote.ts";

/**
 * What stands in the JSON text in the place of a list that is too long: `{"":"1000"}`. Data cannot imitate it: inside strings quotes are
 * escaped, and PostgreSQL prints jsonb with a blank after the colon.
 */
const tooManyMark = '{"":"';
/** As {@link tooManyMark}, for a codec field that SQL could not tell: the stored value follows. */
export const unreadMark = '{"":{';

/** The type that parameters compared with the column are cast to, without length or precision. */
export function parameterType(type: ColumnType): string {
  if (type.enum !== undefined) return "text";
  const base = type.sql.replace(/\s*\([^)]*\)/, "").toLowerCase();
  // A value beyond the column's range is no row's value; it must not be a fault.
  if (/^(smallint|integer|int|int2|int4)$/.test(base))
    return type.graphql === "BigInt" ? "bigint" : "integer";
  // Blanks at the end of char(n) carry no meaning: as text they would.
  if (/^(char|character|bpchar)$/.test(base)) return "bpchar";
  return /^(varchar|character varying|text|citext)$/.test(base) ? "text" : base;
}

/** What stands in the place of a list of groups that has more of them than there may be, a number that is given. */
export function groupsMark(cap: string): string {
  return `('${tooManyMark}' || ${cap} || '"}')::json`;
}

/** The column as it is compared: enums by their text. */
export function comparable(column: Column, sql: string): string {
  return column.type.enum === undefined ? sql : `${sql}::text`;
}

/** The column as lists are ordered by it: enums in the order of the schema file. */
export function orderable(
  model: Model,
  column: Column,
  sql: string,
): { readonly sql: string; readonly type: string } {
  const type = column.type.enum === undefined ? undefined : model.enum.get(column.type.enum);
  if (type === undefined) return { sql, type: parameterType(column.type) };
  const stored = type.values.map((value) => literal(value.stored)).join(", ");
  return { sql: `array_position(ARRAY[${stored}]::text[], ${sql}::text)`, type: "integer" };
}

/** The part of a statement in the making that the values of columns concern. */
interface ToldFloats {
  readonly model: Model;
  hasFloats: boolean;
}

/** The column's value as the JSON of its GraphQL type. */
export function asJson(builder: ToldFloats, column: Column, sql: string): string {
  const { model } = builder;
  const { type } = column;
  if (type.graphql === "Float" && type.list === undefined) builder.hasFloats = true;
  if (type.list !== undefined) return listJson(model, type.list.element, sql);
  const enumType = type.enum === undefined ? undefined : model.enum.get(type.enum);
  if (enumType !== undefined) return enumJson(enumType, sql);
  return scalarJson(type.graphql, sql, type.sql);
}

/** A value of a GraphQL scalar as JSON. What JSON has no number for (`NaN`, the infinities) PostgreSQL itself writes as a string. */
export function scalarJson(scalar: string, sql: string, sqlType = ""): string {
  switch (scalar) {
    case "BigInt":
    case "Decimal":
    case "UUID":
      return `${sql}::text`;
    case "Date":
      return `to_json(${sql})`;
    case "DateTime":
      return /with time zone|timestamptz/i.test(sqlType)
        ? instantText(`${sql} AT TIME ZONE 'UTC'`)
        : instantText(sql);
    case "Bytes":
      return base64(sql);
    default:
      return sql;
  }
}

/** As JSON has it, with the zone. What lies between its quotes is cut out as text: taking the JSON apart would cost several times as much. */
function instantText(sql: string): string {
  return `(split_part(to_json(${sql})::text, '"', 2) || 'Z')`;
}

/** Bytes as base64 text in one line; PostgreSQL breaks lines at 76 characters. */
export function base64(sql: string): string {
  return `replace(encode(${sql}, 'base64'), E'\\n', '')`;
}

function enumJson(type: EnumType, sql: string): string {
  const renamed = type.values.filter((value) => value.stored !== value.name);
  if (renamed.length === 0) return `${sql}::text`;
  const cases = renamed.map((value) => `WHEN ${literal(value.stored)} THEN ${literal(value.name)}`);
  return `CASE ${sql}::text ${cases.join(" ")} ELSE ${sql}::text END`;
}

/** Lists are stored as JSON; elements that JSON numbers would round are answered as text. */
function listJson(model: Model, element: string, sql: string): string {
  const enumType = model.enum.get(element);
  const each = (value: string) =>
    `(SELECT coalesce(json_agg(${value} ORDER BY i), '[]'::json) FROM jsonb_array_elements(${sql}) WITH ORDINALITY AS e(v, i) WHERE ${sql} IS NOT NULL)`;
  if (enumType?.values.some((value) => value.stored !== value.name) === true) {
    return `CASE WHEN ${sql} IS NOT NULL THEN ${each(enumJson(enumType, "(v #>> '{}')"))} END`;
  }
  if (element === "BigInt" || element === "Decimal") {
    return `CASE WHEN ${sql} IS NOT NULL THEN ${each("(v #>> '{}')")} END`;
  }
  return sql;
}
