/** Random values of every scalar: what is sent, and what must come back. Nothing of the service's own conversions is used. */

import type { Column, EnumType, Model } from "../../src/model/model.ts";
import type { Random } from "./random.ts";

/** A value as it goes in and as it must come out. */
export interface Given {
  readonly input: unknown;
  readonly want: unknown;
}

/** Stands for the present instant, until it is read. */
export const present = Symbol("CURRENT_TIMESTAMP");

const same = (value: unknown): Given => ({ input: value, want: value });

const integerBits: Readonly<Record<string, bigint>> = { int8: 7n, int16: 15n, int32: 31n, int64: 63n };

/** A value for a column that holds no codec. `short` keeps texts small enough for an index. */
export function scalarValue(
  random: Random,
  column: Column,
  { model, short }: { model: Model; short: boolean },
): Given {
  const { type } = column;
  if (type.list !== undefined) return listValue(random, type.list, model);
  const enumType = type.enum === undefined ? undefined : model.enum.get(type.enum);
  if (enumType !== undefined) return same(random.pick(enumType.values).name);
  return specValue(random, { spec: type.spec, scalar: type.graphql, short });
}

function specValue(
  random: Random,
  { spec, scalar, short }: { spec: string; scalar: string; short: boolean },
): Given {
  const [, name = "", first = "", second = ""] = /^([a-z0-9]+)(?:\((\d+)(?:,\s*(\d+))?\))?$/.exec(spec) ?? [];
  const bits = integerBits[name];
  if (bits !== undefined) return integer(random, bits, scalar === "BigInt");
  switch (name) {
    case "varchar":
    case "char":
      return text(random, Number(first), { isPadded: name === "char", short });
    case "bool":
      return same(random.chance(0.5));
    case "date":
      return same(random.chance(0.2) ? random.pick(days) : dayOf(instant(random)));
    case "datetime":
      return dateTime(random, first === "" ? 6 : Number(first));
    case "decimal":
      return decimal(random, Number(first), Number(second || 0));
    case "uuid":
      return uuid(random);
    case "float32":
    case "float64":
      return float(random, name === "float32", scalar !== "Float");
    case "json":
      return json(random);
    case "bytes":
      return same(random.bytes(40).toString("base64"));
    default:
      throw new Error(`No values for ${spec}.`);
  }
}

function integer(random: Random, bits: bigint, isText: boolean): Given {
  const [low, high] = [-(2n ** bits), 2n ** bits - 1n];
  const value = random.chance(0.2)
    ? random.pick([low, high, 0n, -1n, low + 1n])
    : random.chance(0.5)
      ? random.between(-100n, 100n)
      : random.between(low, high);
  if (!isText) return same(Number(value));
  const isSafe = Number.isSafeInteger(Number(value));
  return { input: isSafe && random.chance(0.3) ? Number(value) : String(value), want: String(value) };
}

const letters = [..."abcxyzABZ0189 _-.:/=%#?*'\"\\<>|&;,{}()[]$^~`+@!"];
const odd = [..."éßµ漢ق😀𝕏\u0301\u200f\n\t\r\u0001\u007f\ufeff\uffff\u{10ffff}\u00a0\u2028"];

/** Text of characters that trouble somebody somewhere. */
export function words(random: Random, longest: number): string {
  const length = random.chance(0.15) ? longest : random.below(Math.min(longest, 12) + 1);
  return Array.from({ length }, () => random.pick(random.chance(0.2) ? odd : letters)).join("");
}

function text(
  random: Random,
  size: number,
  { isPadded, short }: { isPadded: boolean; short: boolean },
): Given {
  const given = words(random, short ? Math.min(size, 20) : size);
  if (!isPadded) return same(given);
  const bare = given.replace(/ +$/, "");
  return { input: given, want: bare + " ".repeat(size - [...bare].length) };
}

const days = ["0001-01-01", "9999-12-31", "2000-02-29", "1900-02-28", "1969-12-31", "0099-12-31"];
const firstInstant = BigInt(Date.parse("0001-01-01T00:00:00Z")) * 1000n;
const lastInstant = BigInt(Date.parse("9999-12-31T23:59:59.999Z")) * 1000n + 999n;

/** Microseconds since 1970. */
function instant(random: Random): bigint {
  if (random.chance(0.1)) return random.pick([firstInstant, lastInstant, 0n, -1n, 951_782_400_000_000n]);
  if (random.chance(0.5)) return random.between(1_600_000_000_000_000n, 1_900_000_000_000_000n);
  return random.between(firstInstant, lastInstant);
}

const dayOf = (micros: bigint): string => instantText(micros, 0).slice(0, 10);

/** RFC 3339 with exactly so many digits of a second. */
function instantText(micros: bigint, digits: number): string {
  const fraction = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const whole = new Date(Number((micros - fraction) / 1000n)).toISOString().slice(0, 19);
  const shown = String(fraction).padStart(6, "0").slice(0, digits);
  return `${whole}${shown === "" ? "" : `.${shown}`}`;
}

/** As the API answers an instant: in UTC, without zeros at the end of the fraction. */
function answered(micros: bigint): string {
  return `${instantText(micros, 6)
    .replace(/0+$/, (zeros: string, _at: number, whole: string) => (whole.includes(".") ? "" : zeros))
    .replace(/\.$/, "")}Z`;
}

function dateTime(random: Random, digits: number): Given {
  const unit = 10n ** BigInt(6 - digits);
  const exact = instant(random);
  // Just above a step of the column: it is rounded down, so that the last instant stays in its year.
  const extra = unit > 1n && random.chance(0.3) ? random.between(0n, (unit - 1n) / 3n) : 0n;
  const value = exact - (((exact % unit) + unit) % unit);
  const given = value + extra;
  return { input: shifted(random, given, extra > 0n ? 6 : digits), want: answered(value) };
}

function shifted(random: Random, micros: bigint, digits: number): string {
  const minutes = random.pick([0, 0, 330, -480, 840, -1, 1439]);
  const local = micros + BigInt(minutes) * 60_000_000n;
  if (minutes === 0 || local < firstInstant || local > lastInstant) return `${instantText(micros, digits)}Z`;
  const clock = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  const offset = clock.map((part) => String(part).padStart(2, "0")).join(":");
  return `${instantText(local, digits)}${minutes < 0 ? "-" : "+"}${offset}`;
}

function decimal(random: Random, precision: number, scale: number): Given {
  const most = 10n ** BigInt(precision) - 1n;
  const units = random.chance(0.2)
    ? random.pick([0n, 1n, -1n, most, -most])
    : random.between(-most, most) / 10n ** BigInt(random.below(precision));
  const want = decimalText(units, scale);
  const bare = want.includes(".") ? want.replace(/\.?0+$/, "") : want;
  const forms: unknown[] = [want, bare, `${units}e-${scale}`];
  if (precision <= 15) forms.push(Number(want));
  return { input: random.pick(forms), want };
}

function decimalText(units: bigint, scale: number): string {
  const digits = String(units < 0n ? -units : units).padStart(scale + 1, "0");
  const point = digits.length - scale;
  const fraction = scale === 0 ? "" : `.${digits.slice(point)}`;
  return `${units < 0n ? "-" : ""}${digits.slice(0, point)}${fraction}`;
}

function uuid(random: Random): Given {
  const hex = [random.bits(), random.bits()].map((bits) => bits.toString(16).padStart(16, "0")).join("");
  const want = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  return { input: random.chance(0.2) ? want.toUpperCase() : want, want };
}

const doubles = [
  0,
  -0,
  5e-324,
  -5e-324,
  1.7976931348623157e308,
  0.1,
  1 / 3,
  2 ** 53 + 2,
  1e21,
  -1e-7,
  123456.789,
];
const singles = [
  0, -0, 1.401298464324817e-45, 3.4028234663852886e38, -3.4028234663852886e38, 0.1, 16777217, 1e-40,
];

/** A double of any magnitude. */
export function double(random: Random): number {
  if (random.chance(0.3)) return random.pick(doubles);
  if (random.chance(0.5)) return Math.round(random.next() * 2e6 - 1e6) / 1000;
  const [value = 0] = new Float64Array(new BigUint64Array([random.bits()]).buffer);
  return Number.isFinite(value) ? value : 1.5;
}

function single(random: Random): number {
  if (random.chance(0.3)) return random.pick(singles);
  if (random.chance(0.5)) return random.next() * 2000 - 1000;
  const [value = 0] = new Float32Array(new Uint32Array([random.below(2 ** 32)]).buffer);
  return Number.isFinite(value) ? value : 1.5;
}

const notFinite = ["NaN", "Infinity", "-Infinity"];

function float(random: Random, isSingle: boolean, takesAll: boolean): Given {
  if (takesAll && random.chance(0.15)) return same(random.pick(notFinite));
  if (!isSingle) return same(double(random));
  const value = single(random);
  return { input: value, want: Math.fround(value) };
}

/** What must come back of a float32 column is judged as the float32 that it is: its shortest text has many spellings. */
export function comparable(column: Column, got: unknown): unknown {
  return column.type.spec === "float32" && typeof got === "number" ? Math.fround(got) : got;
}

/** Any JSON but a text or null, which a column refuses at the top. */
function json(random: Random): Given {
  let value = jsonValue(random, 3);
  while (value === null || typeof value === "string") value = jsonValue(random, 3);
  return { input: value, want: withoutNegativeZero(value) };
}

const jsonKeys = ["a", "b", "", "long key", "__proto__", "é😀", "1", 'quo"te', "constructor"];

/** A JSON value, `depth` levels at most. */
export function jsonValue(random: Random, depth: number): unknown {
  const kind = random.below(depth === 0 ? 4 : 6);
  if (kind === 0) return random.pick([null, true, false]);
  if (kind === 1) return Number(random.between(-(2n ** 53n) + 1n, 2n ** 53n - 1n));
  if (kind === 2) return double(random);
  if (kind === 3) return words(random, 20);
  if (kind === 4) return random.list(4, () => jsonValue(random, depth - 1));
  return Object.fromEntries(random.list(4, () => [random.pick(jsonKeys), jsonValue(random, depth - 1)]));
}

/** JSON in PostgreSQL and in JavaScript's own writer knows no negative zero. */
export function withoutNegativeZero(value: unknown): unknown {
  if (Object.is(value, -0)) return 0;
  if (Array.isArray(value)) return value.map(withoutNegativeZero);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withoutNegativeZero(item)]));
}

const elementSpecs: Readonly<Record<string, string>> = {
  Int: "int32",
  BigInt: "int64",
  String: "varchar(60)",
  Boolean: "bool",
  Float: "float64",
  Float64: "float64",
  Float32: "float32",
  Date: "date",
  DateTime: "datetime(6)",
  Decimal: "decimal(12,4)",
  UUID: "uuid",
};

function listValue(
  random: Random,
  list: { readonly element: string; readonly elementNullable: boolean },
  model: Model,
): Given {
  const enumType = model.enum.get(list.element);
  const elements = random.list(5, (): Given => {
    if (list.elementNullable && random.chance(0.25)) return same(null);
    return element(random, list.element, enumType);
  });
  return {
    input: elements.map(({ input }) => input),
    want: elements.map(({ want }) => withoutNegativeZero(want)),
  };
}

function element(random: Random, scalar: string, enumType: EnumType | undefined): Given {
  if (enumType !== undefined) return same(random.pick(enumType.values).name);
  if (scalar === "JSON") return same(withoutNegativeZero(jsonValue(random, 2)));
  if (scalar === "Decimal") {
    // Without a column's scale a decimal comes back as it was written.
    const { want } = decimal(random, 12, 4);
    return same(want);
  }
  if (scalar === "Float32") return same(Math.fround(1.5 * random.below(100)));
  return specValue(random, { spec: elementSpecs[scalar] ?? "", scalar, short: true });
}

/** What a column holds whose field was left out, or set to null. */
export function defaultValue(column: Column, model: Model): unknown {
  const text = column.default;
  if (text === undefined || text === null) return null;
  const { type } = column;
  if (type.list !== undefined) return JSON.parse(text);
  const enumType = type.enum === undefined ? undefined : model.enum.get(type.enum);
  if (enumType !== undefined) return enumType.values.find(({ stored }) => stored === text)?.name;
  if (text.startsWith("CURRENT_TIMESTAMP")) return present;
  const [, name = "", size = "", scale = "0"] =
    /^([a-z0-9]+)(?:\((\d+)(?:,\s*(\d+))?\))?$/.exec(type.spec) ?? [];
  if (type.graphql === "BigInt") return text;
  if (name.startsWith("int")) return Number(text);
  if (name.startsWith("float")) return notFinite.includes(text) ? text : comparable(column, Number(text));
  if (name === "bool") return text === "true";
  if (name === "char") return text.padEnd(Number(size));
  if (name === "json") return JSON.parse(text);
  if (name === "datetime")
    return answered(BigInt(Date.parse(`${text.replace(" ", "T").replace(/Z$/, "")}Z`)) * 1000n);
  if (name === "decimal") return Number(text).toFixed(Number(scale));
  return text;
}
