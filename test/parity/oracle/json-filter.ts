/** Filters of JSON, judged with exact numbers. */

import { type Json, jsonFrom, NumberText } from "../json.ts";
import { compareExact, parseExact } from "./exact.ts";
import type { Features } from "./features.ts";
import { type Kind, readOperand } from "./kinds.ts";
import { given, holds } from "./operators.ts";
import { badInput } from "./refused.ts";

type Fields = { readonly [key: string]: Json };
/** Nothing is not a JSON null. */
type Found = Json | undefined;

/** An operand as the oracle's scalar has parsed it. */
function fromPlain(value: unknown): Json {
  return jsonFrom(JSON.stringify(value));
}

function isList(value: Found): value is readonly Json[] {
  return Array.isArray(value);
}

function isFields(value: Found): value is Fields {
  return (
    typeof value === "object" && value !== null && !(value instanceof NumberText) && !Array.isArray(value)
  );
}

const isScalar = (value: Found): boolean => !isList(value) && !isFields(value);

function compareNumbers(a: NumberText, b: NumberText): number {
  return compareExact(parseExact(a.text), parseExact(b.text));
}

function equal(a: Found, b: Found): boolean {
  if (a instanceof NumberText && b instanceof NumberText) return compareNumbers(a, b) === 0;
  if (isList(a) && isList(b)) return a.length === b.length && a.every((one, index) => equal(one, b[index]));
  if (isFields(a) && isFields(b)) {
    const names = Object.keys(a);
    return (
      names.length === Object.keys(b).length &&
      names.every((name) => Object.hasOwn(b, name) && equal(a[name], b[name]))
    );
  }
  return a === b;
}

function contains(a: Found, b: Found, isTop = true): boolean {
  if (a === undefined || b === undefined) return false;
  if (isTop && isList(a) && isScalar(b)) return a.some((one) => equal(one, b));
  if (isScalar(a) || isScalar(b)) return equal(a, b);
  if (isList(a) && isList(b)) return b.every((wanted) => a.some((one) => contains(one, wanted, false)));
  if (isFields(a) && isFields(b))
    return Object.entries(b).every(
      ([name, wanted]) => Object.hasOwn(a, name) && contains(a[name], wanted, false),
    );
  return false;
}

/** What lies at a path: keys of objects, places in lists. */
function jsonAt(value: Found, path: readonly string[]): Found {
  return path.reduce<Found>((found, step) => {
    if (isFields(found)) return Object.hasOwn(found, step) ? found[step] : undefined;
    if (!isList(found) || !/^[+-]?\d{1,9}$/.test(step)) return undefined;
    return found.at(Number(step));
  }, value);
}

const bySign: Readonly<Record<string, (sign: number) => boolean>> = {
  lt: (sign) => sign < 0,
  lte: (sign) => sign <= 0,
  gt: (sign) => sign > 0,
  gte: (sign) => sign >= 0,
};

// The schema gives no others.
const listOf = (operand: unknown) => operand as readonly unknown[];
const asText: Kind = { name: "text", scalar: "String" };
const asNumber: Kind = { name: "exact", scalar: "Decimal" };
const asLength: Kind = { name: "exact", scalar: "Int" };

/** Whether a filter holds for what was found; `undefined` is nothing. @throws Refused for operands that are none. */
export function holdsJson(features: Features, value: Found, filter: unknown): boolean {
  return Object.entries(given(filter, "JSON")).every(([name, operand]) => {
    if (name === "path") return true;
    features.meet(`filter JSON ${name}`);
    if (operand === null || operand === undefined) throw badInput(`${name} is null.`);
    return fits(features, value, { name, operand });
  });
}

interface Named {
  readonly name: string;
  readonly operand: unknown;
}

function fits(features: Features, value: Found, { name, operand }: Named): boolean {
  const hasKey = (key: unknown) => isFields(value) && Object.hasOwn(value, String(key));
  switch (name) {
    case "eq":
    case "neq":
      return equal(value, fromPlain(operand)) === (name === "eq");
    case "in":
    case "notIn":
      return listOf(operand).some((one) => equal(value, fromPlain(one))) === (name === "in");
    case "contains":
      return contains(value, fromPlain(operand));
    case "containedBy":
      return contains(fromPlain(operand), value);
    case "hasKey":
      return hasKey(operand);
    case "hasKeys":
      return isFields(value) && listOf(operand).every(hasKey);
    case "hasAnyKey":
      return listOf(operand).some(hasKey);
    case "exists":
      return (value !== undefined) === operand;
    case "isNull":
      return ((value ?? null) === null) === operand;
    case "number":
    case "text":
    case "length":
      return typed(features, value, { name, operand });
    case "lt":
    case "lte":
    case "gt":
    case "gte":
      return compared(value, name, fromPlain(operand));
    default:
      return combined(features, value, { name, operand });
  }
}

function combined(features: Features, value: Found, { name, operand }: Named): boolean {
  const elements = isList(value) ? value : [];
  const isFit = (one: Found, filter: unknown): boolean => holdsJson(features, one, filter);
  switch (name) {
    case "some":
      return elements.some((one) => isFit(one, operand));
    case "every":
      return isList(value) && value.every((one) => isFit(one, operand));
    case "none":
      return !elements.some((one) => isFit(one, operand));
    case "at":
      return listOf(operand).every((one) => {
        const inner = given(one, "at");
        return isFit(jsonAt(value, listOf(inner["path"]).map(String)), inner);
      });
    case "and":
      return listOf(operand).every((one) => isFit(value, one));
    case "or":
      return listOf(operand).some((one) => isFit(value, one));
    case "not":
      return !isFit(value, operand);
    default:
      throw new TypeError(`The oracle knows no operator ${name} of JSON.`);
  }
}

function compared(value: Found, name: string, operand: Json): boolean {
  const test = bySign[name];
  if (test === undefined || !isOrderable(operand)) throw badInput(`${name} of what has no order.`);
  if (typeof value === "string" && typeof operand === "string")
    return test(Buffer.compare(Buffer.from(value), Buffer.from(operand)));
  if (!(value instanceof NumberText) || !(operand instanceof NumberText)) return false;
  return test(compareNumbers(value, operand));
}

/** Whether JSON has an order with others of its kind: numbers and texts. */
function isOrderable(value: Json): boolean {
  return typeof value === "string" || value instanceof NumberText;
}

/** Filters of scalars, on a number or a text that may not be there. */
function typed(features: Features, value: Found, { name, operand }: Named): boolean {
  if (name === "text")
    return holds(features, { kind: asText, value: typeof value === "string" ? value : null }, operand);
  if (name === "number") {
    const number = value instanceof NumberText ? readOperand(asNumber, value.text) : null;
    return holds(features, { kind: asNumber, value: number }, operand);
  }
  const length = isList(value) ? readOperand(asLength, value.length) : null;
  return holds(features, { kind: asLength, value: length }, operand);
}
