/** What aggregates and groups must be, told in JavaScript from whole tables. Knows nothing of plans and of SQL. */

/** A value of a row as the API shows it; floats are numbers, NaN and infinities included. */
export type Value = string | number | boolean | null;
export type Row = Readonly<Record<string, Value>>;

/** How values of a field are compared and summed. */
export type Kind = "int" | "big" | "decimal" | "float" | "text" | "enum" | "boolean" | "time";
export interface FieldFacts {
  readonly kind: Kind;
  /** Of enums, in the order of the schema file. */
  readonly values?: readonly string[];
  /** Digits after the point, of decimals. */
  readonly scale?: number;
  /** Of char(n). */
  readonly isPadded?: boolean;
  /** Of single precision. */
  readonly isSingle?: boolean;
}

/** Negative, zero or positive; null is not compared here. NaN is above every number. */
export function compareValues(
  { kind, values, scale = 40, isPadded }: FieldFacts,
  a: Value,
  b: Value,
): number {
  if (kind === "text" || kind === "time") {
    // A fraction of a second stands before the Z; blanks at the end of char(n) carry no meaning.
    const tail = kind === "time" ? /Z$/ : isPadded === true ? / +$/ : /(?!)/;
    return Buffer.compare(Buffer.from(String(a).replace(tail, "")), Buffer.from(String(b).replace(tail, "")));
  }
  if (kind === "enum") return (values ?? []).indexOf(String(a)) - (values ?? []).indexOf(String(b));
  if (kind === "big" || kind === "decimal") return sign(scaled(a, scale) - scaled(b, scale));
  const [x, y] = [Number(a), Number(b)];
  if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y));
  return x < y ? -1 : x > y ? 1 : 0;
}

function sign(value: bigint): number {
  return value < 0n ? -1 : value > 0n ? 1 : 0;
}

/** A decimal's text as a whole number of 10^-digits. */
export function scaled(value: Value, digits: number): bigint {
  const [, minus = "", whole = "0", fraction = ""] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(String(value)) ?? [];
  const size = BigInt(whole + fraction.padEnd(digits, "0").slice(0, digits));
  return minus === "" ? size : -size;
}

function decimal(value: bigint, digits: number): string {
  const text = String(value < 0n ? -value : value).padStart(digits + 1, "0");
  const shown = digits === 0 ? text : `${text.slice(0, -digits)}.${text.slice(-digits)}`;
  return value < 0n ? `-${shown}` : shown;
}

export type Measure = "sum" | "avg" | "min" | "max";

/** What is told of a field of many rows; averages of exact numbers to 12 significant digits, see {@link shownAverage}. */
export function measure(facts: FieldFacts, name: Measure, values: readonly Value[]): Value {
  const given = values.filter((value) => value !== null);
  if (given.length === 0) return null;
  if (name === "min" || name === "max") {
    const sorted = [...given].sort((a, b) => compareValues(facts, a, b));
    return (name === "min" ? sorted[0] : sorted.at(-1)) ?? null;
  }
  if (facts.kind === "float") {
    const sum = given.reduce<number>((total, value) => total + Number(value), 0);
    return name === "sum" ? sum : sum / given.length;
  }
  const digits = facts.scale ?? 0;
  const sum = given.reduce<bigint>((total, value) => total + scaled(value, digits), 0n);
  if (name === "sum") return decimal(sum, digits);
  return shownAverage(decimal((sum * 10n ** 40n) / BigInt(given.length), digits + 40));
}

/** Averages of exact numbers may be rounded behind the 16th digit; both sides are compared at the 12th. */
export function shownAverage(text: Value): Value {
  return text === null ? null : Number(text).toPrecision(12);
}

/** Beginning of the period in which a Date or DateTime lies, worked out on the calendar. */
export function periodOf(period: string, value: Value): Value {
  if (value === null) return null;
  const text = String(value);
  if (period === "hour") return `${text.slice(0, 13)}:00:00Z`;
  if (period === "day") return text.slice(0, 10);
  if (period === "month") return `${text.slice(0, 7)}-01`;
  if (period === "year") return `${text.slice(0, 4)}-01-01`;
  const day = new Date(`${text.slice(0, 10)}T00:00:00Z`);
  day.setUTCDate(day.getUTCDate() - ((day.getUTCDay() + 6) % 7));
  return day.toISOString().slice(0, 10);
}

/** Rows by what they share, in the order of the keys, null last. */
export function groupRows(
  rows: readonly Row[],
  keys: readonly { readonly facts: FieldFacts; readonly of: (row: Row) => Value }[],
): readonly { readonly key: readonly Value[]; readonly rows: readonly Row[] }[] {
  const groups = new Map<string, { key: Value[]; rows: Row[] }>();
  for (const row of rows) {
    const key = keys.map(({ of }) => of(row));
    const text = JSON.stringify(key.map((value) => (typeof value === "number" ? `${value}` : value)));
    const group = groups.get(text) ?? { key, rows: [] };
    groups.set(text, group);
    group.rows.push(row);
  }
  return [...groups.values()].sort((a, b) => compareKeys(keys, a.key, b.key));
}

function compareKeys(
  keys: readonly { readonly facts: FieldFacts }[],
  a: readonly Value[],
  b: readonly Value[],
): number {
  for (const [index, { facts }] of keys.entries()) {
    const order = compareNullsLast(facts, a[index] ?? null, b[index] ?? null);
    if (order !== 0) return order;
  }
  return 0;
}

/** As lists are ordered ascending. */
function compareNullsLast(facts: FieldFacts, a: Value, b: Value): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  return compareValues(facts, a, b);
}

/** As lists are ordered by a direction of the API. */
export function compareDirected(
  facts: FieldFacts,
  direction: string,
  [a, b]: readonly [Value, Value],
): number {
  const isDown = direction.startsWith("DESC");
  const nullsFirst = direction.endsWith("NULLS_FIRST") || (isDown && !direction.endsWith("NULLS_LAST"));
  if (a === null || b === null) return (Number(a === null) - Number(b === null)) * (nullsFirst ? -1 : 1);
  return compareValues(facts, a, b) * (isDown ? -1 : 1);
}

/** Facts of a measure's values. */
export function measureFacts(facts: FieldFacts, name: Measure): FieldFacts {
  if (name === "min" || name === "max") return facts;
  return facts.kind === "float" ? { kind: "float" } : { kind: "decimal" };
}
