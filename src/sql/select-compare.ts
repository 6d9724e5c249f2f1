/** One value compared with the operators of a scalar's filter. */

import type { FilterScalar } from "../codec/contract.ts";
import { ServiceError } from "../errors.ts";
import type { Column, EnumType } from "../model/model.ts";
import { type Argument, all, type Builder, parameter, partOf } from "./select-builder.ts";
import { comparable, parameterType } from "./select-type.ts";

/** Names of the operators or fields that a filter object gives. */
export function operatorsOf(filter: Argument): readonly string[] {
  const { value } = filter;
  if (value === null || typeof value !== "object" || Array.isArray(value)) return [];
  const given: Readonly<Record<string, unknown>> = { ...value };
  return Object.keys(given).filter((name) => given[name] !== undefined);
}

/** What is compared: an SQL expression, the type of parameters, and how API values become parameters. */
interface Subject {
  readonly sql: string;
  readonly type: string;
  readonly convert: (value: unknown) => unknown;
}

/** Conditions on a column that holds no codec. */
export function compareColumn(
  builder: Builder,
  { column, sql }: { readonly column: Column; readonly sql: string },
  filter: Argument,
): string {
  return compare(builder, { sql: comparable(column, sql), ...parameterOf(builder, column) }, filter);
}

/** `column = argument`, for a column that holds no codec. */
export function equalsSql(
  builder: Builder,
  { column, sql }: { readonly column: Column; readonly sql: string },
  argument: Argument,
): string {
  const { type, convert } = parameterOf(builder, column);
  return `${comparable(column, sql)} = ${parameter(builder, argument, type, convert)}`;
}

function parameterOf(builder: Builder, column: Column): Pick<Subject, "type" | "convert"> {
  const enumType = column.type.enum === undefined ? undefined : builder.model.enum.get(column.type.enum);
  const type = column.type.list === undefined ? parameterType(column.type) : "jsonb";
  const convert = enumType === undefined ? converter(type) : (value: unknown) => storedName(enumType, value);
  return { type, convert };
}

/** PostgreSQL type by the scalar of a codec's field. */
export const typeOfScalar: Readonly<Record<Exclude<FilterScalar, "IntList">, string>> = {
  String: "text",
  Int: "bigint",
  BigInt: "bigint",
  Float: "double precision",
  Boolean: "boolean",
  DateTime: "timestamptz",
};

/** Conditions on an expression of a type whose values are sent as they are. */
export function compareTyped(
  builder: Builder,
  { sql, type }: { readonly sql: string; readonly type: string },
  filter: Argument,
): string {
  return compare(builder, { sql, type, convert: converter(type) }, filter);
}

function compare(builder: Builder, subject: Subject, filter: Argument): string {
  return all(
    operatorsOf(filter).map((name) => operator(builder, subject, { name, part: partOf(filter, name) })),
  );
}

const comparisons: Readonly<Record<string, string>> = {
  eq: "=",
  neq: "IS DISTINCT FROM",
  lt: "<",
  lte: "<=",
  gt: ">",
  gte: ">=",
};

/** Operators that look into a text, where blanks at the end of what is looked for count. */
const textOperators: ReadonlySet<string> = new Set(["like", "ilike", "startsWith", "endsWith", "contains"]);

function operator(
  builder: Builder,
  { sql, type, convert }: Subject,
  { name, part }: { readonly name: string; readonly part: Argument },
): string {
  if (part.value === null) throw nullOperand(part);
  if (name === "isNull") return `${sql} IS ${part.value === true ? "" : "NOT "}NULL`;
  if (name === "in" || name === "notIn") {
    const list = parameter(builder, part, `${type}[]`, (value) =>
      Array.isArray(value) ? value.map(convert) : [],
    );
    return name === "in" ? `${sql} = ANY (${list})` : `(${sql} = ANY (${list})) IS NOT TRUE`;
  }
  const isPattern = name === "like" || name === "ilike";
  const sent = isPattern ? (pattern: unknown) => wholePattern(pattern, part) : convert;
  const value = parameter(builder, part, textOperators.has(name) ? "text" : type, sent);
  switch (name) {
    case "startsWith":
      return `starts_with(${sql}, ${value})`;
    case "endsWith":
      return `right(${sql}, length(${value})) = ${value}`;
    case "contains":
      return `strpos(${sql}, ${value}) > 0`;
    case "like":
    case "ilike":
      // Of char(n) the other text operators do not see the blanks at the end either.
      return `${type === "bpchar" ? `${sql}::text` : sql} ${name.toUpperCase()} ${value}`;
    default:
      return `${sql} ${comparisons[name] ?? unknownOperator(name)} ${value}`;
  }
}

/** PostgreSQL refuses a pattern that ends in the middle of an escape only when a row gets that far: the refusal would tell of rows. */
function wholePattern(pattern: unknown, part: Argument): unknown {
  const text = String(pattern);
  let end = text.length;
  while (text[end - 1] === "\\") end -= 1;
  if ((text.length - end) % 2 === 0) return pattern;
  const field = part.path.slice(1).join(".");
  const remedy = "Write \\\\ for a backslash itself, or use contains, which takes its text literally.";
  throw new ServiceError(
    "BAD_USER_INPUT",
    `The filter ${field} ends with a backslash, which escapes the next character. ${remedy}`,
    { details: { field, remedy } },
  );
}

function unknownOperator(name: string): never {
  throw new ServiceError("BAD_USER_INPUT", `There is no filter operator ${name}.`);
}

/** The refusal of `null` in an operator's place. */
export function nullOperand(part: Argument): ServiceError {
  const field = part.path.slice(1).join(".");
  return new ServiceError(
    "BAD_USER_INPUT",
    `The filter ${field} is null. Leave it out, or ask for rows without a value by isNull: true.`,
    { details: { field } },
  );
}

function storedName(type: EnumType, name: unknown): unknown {
  return type.values.find((value) => value.name === name)?.stored ?? name;
}

/** API values as the driver sends them. */
function converter(type: string): (value: unknown) => unknown {
  if (type === "jsonb") return (value) => JSON.stringify(value);
  if (type === "real") return singlePrecision;
  return (value) => value;
}

/** A value that single precision cannot hold compares as what it is nearest to: an infinity, or zero. */
function singlePrecision(value: unknown): unknown {
  if (typeof value !== "number") return value;
  const single = Math.fround(value);
  return Number.isFinite(single) && single !== 0 ? value : single;
}
