/** Conditions on lists of scalars, which are stored as JSON. Elements are compared as they are written: exactly, numbers as numbers. */

import type { EnumType } from "../model/model.ts";
import { listText } from "../plan/json-text.ts";
import { type Argument, all, type Builder, parameter, partOf } from "./select-builder.ts";
import { compareTyped, nullOperand, operatorsOf } from "./select-compare.ts";

/** A list: its SQL expression of type jsonb, and the GraphQL scalar of its elements. */
interface List {
  readonly sql: string;
  readonly element: string;
}

/** The conditions of a list filter. */
export function compareList(builder: Builder, { sql, element }: List, filter: Argument): string {
  const list = { sql: element === "Decimal" ? decimals(sql) : sql, element };
  return all(
    operatorsOf(filter).map((name) => `(${condition(builder, list, { name, part: partOf(filter, name) })})`),
  );
}

/** Decimals are stored as strings, so that Python keeps their digits; `1.50` and `1.5` are one number. */
function decimals(sql: string): string {
  const number =
    "(CASE WHEN length(e.v #>> '{}') < 10000 AND e.v #>> '{}' ~ '^-?[0-9]+([.][0-9]+)?$' THEN to_jsonb((e.v #>> '{}')::numeric) ELSE e.v END)";
  const list = `(SELECT coalesce(jsonb_agg(${number} ORDER BY e.i), '[]'::jsonb) FROM jsonb_array_elements(${sql}) WITH ORDINALITY e(v, i))`;
  return `(CASE WHEN jsonb_typeof(${sql}) = 'array' THEN ${list} END)`;
}

function condition(
  builder: Builder,
  { sql, element }: List,
  { name, part }: { readonly name: string; readonly part: Argument },
): string {
  if (part.value === null) throw nullOperand(part);
  const operand = (wrapped: boolean) =>
    parameter(builder, part, "jsonb", (value) => elementsText(element, wrapped ? [value] : value, part));
  const array = `(CASE WHEN jsonb_typeof(${sql}) = 'array' THEN ${sql} END)`;
  switch (name) {
    case "eq":
      return `${sql} = ${operand(false)}`;
    case "neq":
      return `${sql} IS DISTINCT FROM ${operand(false)}`;
    case "has":
    case "hasEvery":
      return element === "JSON"
        ? within(operand(name === "has"), array)
        : `${sql} @> ${operand(name === "has")}`;
    case "hasSome":
      return `EXISTS (SELECT 1 FROM jsonb_array_elements(${array}) e(v) WHERE e.v IN (SELECT jsonb_array_elements(${operand(false)})))`;
    case "isEmpty":
      return `jsonb_array_length(${array}) ${part.value === true ? "=" : ">"} 0`;
    case "isNull":
      return `${sql} IS ${part.value === true ? "" : "NOT "}NULL`;
    default:
      return compareTyped(builder, { sql: `jsonb_array_length(${array})`, type: "integer" }, part);
  }
}

/** Whether each element of one list is an element of the other, where elements have parts: `@>` would let a part do. */
function within(some: string, list: string): string {
  return `${list} IS NOT NULL AND NOT EXISTS (SELECT jsonb_array_elements(${some}) EXCEPT SELECT jsonb_array_elements(${list}))`;
}

const noEnums: ReadonlyMap<string, EnumType> = new Map();

/** The elements as they are stored; decimals as JSON numbers. */
function elementsText(element: string, value: unknown, part: Argument): string {
  const field = part.path.slice(1).join(".");
  const stored = listText({ element, elementNullable: true }, value, { field, enums: noEnums });
  return element === "Decimal" ? stored.replaceAll('"', "") : stored;
}
