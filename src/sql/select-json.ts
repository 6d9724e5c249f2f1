/**
 * Conditions on JSON values. A value at hand is an SQL expression of type jsonb that is NULL where there is nothing; no condition
 * ever fails on what it finds: a value of another kind does not fit. Paths and operands are parameters, always.
 */

import { ServiceError } from "../errors.ts";
import { type Argument, all, type Builder, freshTable, parameter, partOf } from "./select-builder.ts";
import { compareTyped, nullOperand, operatorsOf } from "./select-compare.ts";

/** The conditions of a JSON filter on the value `sql`. `path` is no condition: it led to the value. */
export function compareJson(builder: Builder, sql: string, filter: Argument): string {
  return all(
    operatorsOf(filter)
      .filter((name) => name !== "path")
      .map((name) => `(${condition(builder, sql, { name, part: partOf(filter, name) })})`),
  );
}

/** An operator and what it is given. */
interface Named {
  readonly name: string;
  readonly part: Argument;
}

const comparisons: Readonly<Record<string, string>> = {
  eq: "=",
  neq: "IS DISTINCT FROM",
  contains: "@>",
  containedBy: "<@",
};
const orders: Readonly<Record<string, string>> = { lt: "<", lte: "<=", gt: ">", gte: ">=" };
const keys: Readonly<Record<string, readonly [operator: string, type: string]>> = {
  hasKey: ["?", "text"],
  hasKeys: ["?&", "text[]"],
  hasAnyKey: ["?|", "text[]"],
};

function condition(builder: Builder, sql: string, { name, part }: Named): string {
  if (part.value === null) throw nullOperand(part);
  const comparison = comparisons[name];
  if (comparison !== undefined) return `${sql} ${comparison} ${parameter(builder, part, "jsonb", text)}`;
  const order = orders[name];
  if (order !== undefined) return ordered(builder, sql, { order, part });
  const key = keys[name];
  if (key !== undefined)
    return `${isKind(sql, "object")} AND ${sql} ${key[0]} ${parameter(builder, part, key[1])}`;
  switch (name) {
    case "isNull":
      return part.value === true ? `${sql} IS NULL OR ${sql} = 'null'::jsonb` : `${sql} <> 'null'::jsonb`;
    case "exists":
      return `${sql} IS ${part.value === true ? "NOT " : ""}NULL`;
    case "in":
    case "notIn":
      return among(builder, sql, { name, part });
    case "number":
    case "text":
    case "length":
      return compareTyped(builder, kinds[name](sql), part);
    case "some":
    case "every":
    case "none":
      return elements(builder, sql, { name, part });
    default:
      return combined(builder, sql, { name, part });
  }
}

function isKind(sql: string, kind: string): string {
  return `jsonb_typeof(${sql}) = '${kind}'`;
}

/** The value as an SQL value of one kind; NULL where it is of another. */
const kinds = {
  number: (sql: string) => ({
    sql: `(CASE WHEN ${isKind(sql, "number")} THEN ${sql}::numeric END)`,
    type: "numeric",
  }),
  text: (sql: string) => ({
    sql: `(CASE WHEN ${isKind(sql, "string")} THEN ${sql} #>> '{}' END)`,
    type: "text",
  }),
  length: (sql: string) => ({
    sql: `(CASE WHEN ${isKind(sql, "array")} THEN jsonb_array_length(${sql}) END)`,
    type: "integer",
  }),
};

/** PostgreSQL orders values of all kinds among each other; here only values of one kind have an order. */
function ordered(
  builder: Builder,
  sql: string,
  { order, part }: { readonly order: string; readonly part: Argument },
): string {
  const operand = parameter(builder, part, "jsonb", (value) => {
    if (typeof value === "number" || typeof value === "string") return text(value);
    const field = part.path.slice(1).join(".");
    throw new ServiceError(
      "BAD_USER_INPUT",
      `The filter ${field} compares numbers with numbers and texts with texts; it is given neither.`,
      { details: { field, remedy: "Give a number or a string, or use eq." } },
    );
  });
  return `jsonb_typeof(${sql}) = jsonb_typeof(${operand}) AND ${sql} ${order} ${operand}`;
}

function among(builder: Builder, sql: string, { name, part }: Named): string {
  const list = parameter(builder, part, "jsonb[]", (value) => (Array.isArray(value) ? value.map(text) : []));
  return name === "in" ? `${sql} = ANY (${list})` : `(${sql} = ANY (${list})) IS NOT TRUE`;
}

/** Levels of `some`, `every`, `none` and `at`: PostgreSQL's time to plan grows with the square of them. */
const depthLimit = 32;
const deeper: ReadonlySet<string | number> = new Set(["some", "every", "none", "at"]);

function checkDepth({ path }: Argument): void {
  if (path.filter((step) => deeper.has(step)).length <= depthLimit) return;
  const field = path.slice(1, 5).join(".");
  throw new ServiceError(
    "LIMIT_EXCEEDED",
    `The filter ${field}… looks deeper than ${depthLimit} levels of some, every, none and at.`,
    { details: { field, limit: depthLimit, remedy: "Write one longer path instead of several." } },
  );
}

/** Elements of a list; what is no list has none. */
function elements(builder: Builder, sql: string, { name, part }: Named): string {
  checkDepth(part);
  const table = freshTable(builder);
  const fits = compareJson(builder, `${table}.v`, part);
  const from = `jsonb_array_elements(CASE WHEN ${isKind(sql, "array")} THEN ${sql} END) ${table}(v)`;
  if (name === "every")
    return `${isKind(sql, "array")} AND NOT EXISTS (SELECT 1 FROM ${from} WHERE (${fits}) IS NOT TRUE)`;
  return `${name === "none" ? "NOT " : ""}EXISTS (SELECT 1 FROM ${from} WHERE ${fits})`;
}

function combined(builder: Builder, sql: string, { name, part }: Named): string {
  if (name === "not") return `(${compareJson(builder, sql, part)}) IS NOT TRUE`;
  const items = Array.isArray(part.value) ? part.value.map((_, index) => partOf(part, index)) : [];
  if (name === "at") {
    checkDepth(part);
    return all(
      items.map((item) => {
        const path = parameter(builder, partOf(item, "path"), "text[]");
        const fits = compareJson(builder, `(${sql} #> ${path})`, item);
        // PostgreSQL refuses a parameter that is nowhere used.
        return fits.includes(path) ? `(${fits})` : `(${fits} AND ${path} IS NOT NULL)`;
      }),
    );
  }
  if (name !== "and" && name !== "or")
    throw new ServiceError("BAD_USER_INPUT", `There is no filter operator ${name}.`);
  const each = items.map((item) => `(${compareJson(builder, sql, item)})`);
  if (each.length === 0) return name === "and" ? "true" : "false";
  return each.join(name === "and" ? " AND " : " OR ");
}

function text(value: unknown): string {
  return JSON.stringify(value);
}
