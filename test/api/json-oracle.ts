/** JSON filters judged in JavaScript, with exact numbers: what the statements must agree with. Imports nothing of ours. */

/** A number as its JSON text: JavaScript's own would lose digits. */
export class Num {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  /** The value times 10^500. */
  get scaled(): bigint {
    const match = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(this.text);
    if (match === null) throw new Error(`No number: ${this.text}`);
    const [, sign, whole = "", fraction = "", exponent = "0"] = match;
    const shift = 500 + Number(exponent) - fraction.length;
    return BigInt(whole + fraction) * 10n ** BigInt(shift) * (sign === "-" ? -1n : 1n);
  }
}

export type J = null | boolean | string | Num | readonly J[] | Fields;
export interface Fields {
  readonly [key: string]: J;
}
type Found = J | undefined;

/** JSON text of a document. */
export function textOf(value: J): string {
  if (value instanceof Num) return value.text;
  if (isList(value)) return `[${value.map(textOf).join(",")}]`;
  if (isFields(value)) {
    const parts = Object.entries(value).map(([key, inner]) => `${JSON.stringify(key)}:${textOf(inner)}`);
    return `{${parts.join(",")}}`;
  }
  return JSON.stringify(value);
}

/** An operand as clients send it, as a document. */
function fromPlain(value: unknown): J {
  if (typeof value === "number") return new Num(Object.is(value, -0) ? "0" : String(value));
  if (value === null || typeof value === "boolean" || typeof value === "string") return value;
  if (Array.isArray(value)) return value.map(fromPlain);
  return Object.fromEntries(Object.entries(value as object).map(([key, inner]) => [key, fromPlain(inner)]));
}

function isList(value: Found): value is readonly J[] {
  return Array.isArray(value);
}

function isFields(value: Found): value is Fields {
  return typeof value === "object" && value !== null && !(value instanceof Num) && !Array.isArray(value);
}

function kindOf(value: Found): string {
  if (value instanceof Num) return "number";
  if (value === null) return "null";
  return isList(value) ? "array" : typeof value;
}

const isScalar = (value: Found) => !isList(value) && !isFields(value);

function equal(a: Found, b: Found): boolean {
  if (a instanceof Num && b instanceof Num) return a.scaled === b.scaled;
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

/** What lies at a path. */
function at(value: Found, path: readonly string[]): Found {
  return path.reduce<Found>((found, step) => {
    if (isFields(found)) return Object.hasOwn(found, step) ? found[step] : undefined;
    if (!isList(found) || !/^[+-]?\d{1,9}$/.test(step)) return undefined;
    return found.at(Number(step));
  }, value);
}

const bytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
const bySign: Readonly<Record<string, (sign: number) => boolean>> = {
  lt: (sign) => sign < 0,
  lte: (sign) => sign <= 0,
  gt: (sign) => sign > 0,
  gte: (sign) => sign >= 0,
};

type Filter = Readonly<Record<string, unknown>>;
// The generator gives what the schema allows.
const filterOf = (operand: unknown) => operand as Filter;
const listOf = (operand: unknown) => operand as readonly unknown[];

/** Whether a filter holds for what was found. */
export function holds(value: Found, filter: Filter): boolean {
  return Object.entries(filter).every(([name, operand]) => name === "path" || fits(value, name, operand));
}

function fits(value: Found, name: string, operand: unknown): boolean {
  const elements = isList(value) ? value : [];
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
      return typed(value instanceof Num ? value : undefined, filterOf(operand));
    case "text":
      return typed(typeof value === "string" ? value : undefined, filterOf(operand));
    case "length":
      return typed(isList(value) ? new Num(String(value.length)) : undefined, filterOf(operand));
    case "some":
      return elements.some((one) => holds(one, filterOf(operand)));
    case "every":
      return isList(value) && value.every((one) => holds(one, filterOf(operand)));
    case "none":
      return !elements.some((one) => holds(one, filterOf(operand)));
    case "at":
      return listOf(operand).every((one) => {
        const inner = filterOf(one);
        return holds(at(value, listOf(inner["path"]).map(String)), inner);
      });
    case "and":
      return listOf(operand).every((one) => holds(value, filterOf(one)));
    case "or":
      return listOf(operand).some((one) => holds(value, filterOf(one)));
    case "not":
      return !holds(value, filterOf(operand));
    default:
      return compared(value, name, fromPlain(operand));
  }
}

function compared(value: Found, name: string, operand: J): boolean {
  const test = bySign[name];
  if (test === undefined) throw new Error(`The oracle does not know ${name}.`);
  if (kindOf(value) !== kindOf(operand)) return false;
  if (typeof value === "string" && typeof operand === "string") return test(bytes(value, operand));
  if (!(value instanceof Num) || !(operand instanceof Num)) return false;
  return test(value.scaled < operand.scaled ? -1 : value.scaled > operand.scaled ? 1 : 0);
}

/** Filters of scalars, on a number or a text that may not be there. */
function typed(value: Num | string | undefined, filter: Filter): boolean {
  return Object.entries(filter).every(([name, operand]) => {
    const given =
      value instanceof Num || typeof operand === "number" ? new Num(String(operand)) : String(operand);
    switch (name) {
      case "eq":
        return value !== undefined && equal(value, given);
      case "neq":
        return value === undefined || !equal(value, given);
      case "isNull":
        return (value === undefined) === operand;
      case "contains":
        return typeof value === "string" && value.includes(String(operand));
      case "startsWith":
        return typeof value === "string" && value.startsWith(String(operand));
      case "endsWith":
        return typeof value === "string" && value.endsWith(String(operand));
      default:
        return value !== undefined && compared(value, name, given);
    }
  });
}
