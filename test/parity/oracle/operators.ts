/** Filters of single values of scalars and enums. */

import type { Features } from "./features.ts";
import { Approximate } from "./floats.ts";
import { compare, type Kind, numberOf, readOperand, type Value } from "./kinds.ts";
import { badInput } from "./refused.ts";

type Given = Readonly<Record<string, unknown>>;

/** A filter's object. @throws Refused for null, which is no operand. */
export function given(value: unknown, name: string): Given {
  if (value === null || value === undefined || typeof value !== "object") throw badInput(`${name} is null.`);
  return value as Given; // input objects are plain objects
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
