/** Filters of rows and of single values. */

import { type GraphQLSchema, getNamedType, isInputObjectType } from "graphql";
import type { Column, Entity } from "../../../src/model/model.ts";
import { type Contents, isTold, toldPart } from "./codecs.ts";
import type { Features } from "./features.ts";
import { Approximate } from "./floats.ts";
import { compare, type Kind, kindOfType, numberOf, readOperand, type Value } from "./kinds.ts";
import { badInput } from "./refused.ts";
import type { Row, Tables } from "./tables.ts";

/** What the parts of the oracle share. */
export interface Scope {
  readonly schema: GraphQLSchema;
  readonly tables: Tables;
  readonly contents: Contents;
  readonly features: Features;
}

type Given = Readonly<Record<string, unknown>>;

/** A filter's object. @throws Refused for null, which is no operand. */
function given(value: unknown, name: string): Given {
  if (value === null || value === undefined || typeof value !== "object") throw badInput(`${name} is null.`);
  return value as Given; // input objects are plain objects
}

/** The column that a field of filters, orders and answers shows. */
export function exposedColumn(entity: Entity, field: string): Column | undefined {
  return entity.columns.find((column) => column.exposed && column.field === field);
}

/** Whether a row fits. An absent or null `where` is no filter. */
export function fits(scope: Scope, row: Row, where: unknown): boolean {
  if (where === undefined || where === null) return true;
  return Object.entries(given(where, "where")).every(([name, part]) => condition(scope, row, name, part));
}

function condition(scope: Scope, row: Row, name: string, part: unknown): boolean {
  const { tables, features } = scope;
  if (part === null || part === undefined) throw badInput(`${name} is null.`);
  if (name === "and" || name === "or") {
    const items = part as readonly unknown[]; // the schema makes it a list
    features.meet(`filter ${name}${items.length === 0 ? " of nothing" : ""}`);
    return name === "and"
      ? items.every((item) => fits(scope, row, item))
      : items.some((item) => fits(scope, row, item));
  }
  if (name === "not") {
    features.meet("filter not");
    return !fits(scope, row, part);
  }
  const { entity } = row;
  const column = exposedColumn(entity, name);
  if (column !== undefined) return columnCondition(scope, row, { column, part });
  const reference = entity.references.find(({ field }) => field === name);
  if (reference !== undefined) {
    const target = tables.target(row, reference);
    features.meet(`filter by a reference${Object.keys(part as Given).length === 0 ? " that is there" : ""}`);
    return target !== undefined && fits(scope, target, part);
  }
  const child = entity.children.find(({ field }) => field === name);
  if (child === undefined) throw new TypeError(`The oracle knows no filter ${entity.name}.${name}.`);
  const rows = tables.children(row, child);
  if (child.unique) {
    features.meet("filter by the one child");
    return rows.some((one) => fits(scope, one, part));
  }
  return Object.entries(given(part, name)).every(([quantifier, inner]) => {
    features.meet(`filter ${quantifier}`);
    if (quantifier === "every") return rows.every((one) => fits(scope, one, inner));
    const isSome = rows.some((one) => fits(scope, one, inner));
    return quantifier === "some" ? isSome : !isSome;
  });
}

function columnCondition(scope: Scope, row: Row, at: { column: Column; part: unknown }): boolean {
  const { column, part } = at;
  const { codec } = column.type;
  const kind = scope.tables.kind(column);
  if (codec === undefined && kind !== undefined)
    return holds(scope.features, { kind, value: row.value(column, kind) }, part);
  const cell = row.cells[column.name] ?? null;
  return Object.entries(given(part, column.field)).every(([name, operand]) => {
    scope.features.meet(`filter ${column.type.graphql} ${name}`);
    if (name === "isNull") return (cell === null) === operand;
    if (codec === undefined || !isTold(codec, name)) throw badInput(`${name} is not in the row.`);
    const value = cell === null ? null : toldPart(codec, name, { cell, contents: scope.contents });
    const told = partKind(scope.schema, column.type.graphql, name);
    const found = value === null ? null : readOperand(told, value);
    return holds(scope.features, { kind: told, value: found }, operand);
  });
}

/** The kind by which a codec's field is filtered: `String` of `StringFilter`. */
function partKind(schema: GraphQLSchema, output: string, part: string): Kind {
  const filter = schema.getType(`${output}Filter`);
  const type = isInputObjectType(filter) ? filter.getFields()[part]?.type : undefined;
  const name = type === undefined ? "" : getNamedType(type).name.replace(/Filter$/, "");
  const kind = kindOfType(name);
  if (kind === undefined) throw new TypeError(`The oracle knows no values of ${output}.${part}.`);
  return kind;
}

/** Whether all operators of a value's filter hold. */
export function holds(
  features: Features,
  at: { readonly kind: Kind; readonly value: Value | null },
  filter: unknown,
): boolean {
  return Object.entries(given(filter, at.kind.scalar)).every(([name, operand]) => {
    features.meet(`filter ${at.kind.names === undefined ? at.kind.scalar : "enum"} ${name}`);
    return operator(features, at, { name, operand });
  });
}

function operator(
  features: Features,
  { kind, value }: { readonly kind: Kind; readonly value: Value | null },
  { name, operand }: { readonly name: string; readonly operand: unknown },
): boolean {
  if (operand === null || operand === undefined) throw badInput(`${name} is null.`);
  if (name === "isNull") return (value === null) === operand;
  if (name === "in" || name === "notIn") {
    const isIn = (operand as readonly unknown[]).some((one) => order(features, { kind, value }, one) === 0);
    return name === "in" ? isIn : !isIn;
  }
  if (value !== null && (kind.name === "text" || kind.name === "padded")) {
    const found = search(name, String(value), String(operand));
    if (found !== undefined) return found;
  }
  const sign = order(features, { kind, value }, operand);
  switch (name) {
    case "eq":
      return sign === 0;
    case "neq":
      return sign !== 0;
    case "lt":
      return sign !== undefined && sign < 0;
    case "lte":
      return sign !== undefined && sign <= 0;
    case "gt":
      return sign !== undefined && sign > 0;
    case "gte":
      return sign !== undefined && sign >= 0;
    default:
      if (value === null) return false;
      throw new TypeError(`The oracle knows no operator ${name}.`);
  }
}

/** The value against an operand; undefined where there is no value. */
function order(
  features: Features,
  { kind, value }: { readonly kind: Kind; readonly value: Value | null },
  operand: unknown,
): number | undefined {
  if (value === null) return undefined;
  const other = readOperand(kind, operand);
  doubt(features, value, other);
  return compare(kind, value, other);
}

/** Notes when an order hangs on the last digits of a sum. */
export function doubt(features: Features, a: Value, b: Value): void {
  const slack = slackOf(a) + slackOf(b);
  if (slack === 0) return;
  const [x, y] = [numberOf(a), numberOf(b)];
  if (Math.abs(x - y) <= slack || (!Number.isFinite(x - y) && Math.abs(x) !== Math.abs(y) && slack > 1e290))
    features.unsure = `${x} or ${y}`;
}

/** How far another order of adding may lead away from a value. */
export function slackOf(value: Value): number {
  return value instanceof Approximate ? value.slack : 0;
}

function search(name: string, text: string, wanted: string): boolean | undefined {
  switch (name) {
    case "startsWith":
      return text.startsWith(wanted);
    case "endsWith":
      return text.endsWith(wanted);
    case "contains":
      return text.includes(wanted);
    case "like":
      return like(wanted).test(text);
    case "ilike":
      return like(lowered(wanted)).test(lowered(text));
    default:
      return undefined;
  }
}

/** The collation of the tests is C, whose letters with two cases are those of ASCII. */
const lowered = (text: string): string => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());

/** `%` is any text, `_` one character, `\` takes the next character literally. */
function like(pattern: string): RegExp {
  const parts = pattern.match(/\\[\s\S]|[^\\]/gu) ?? [];
  const source = parts.map((part) => {
    if (part === "%") return "[\\s\\S]*";
    if (part === "_") return "[\\s\\S]";
    const literal = part.length > 1 && part.startsWith("\\") ? part.slice(1) : part;
    return `\\u{${(literal.codePointAt(0) ?? 0).toString(16)}}`;
  });
  return new RegExp(`^${source.join("")}$`, "u");
}
