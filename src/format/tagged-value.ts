/** Reads the tagged JSON form of `value-tagged.ts`, checking every part. */

import { checkShape } from "./array.ts";
import { isDecimal, maxBlobDepth } from "./blob-read.ts";
import { daysInMonth } from "./calendar.ts";
import { parseDtype } from "./dtype.ts";
import { invalid, shown } from "./fault.ts";
import { parsePythonFloat } from "./python-float.ts";
import { type ArrayValue, bitsOf, nullValue, type RecordValue, type Value } from "./value.ts";

type Tagged = Readonly<Record<string, unknown>>;

/** @throws {CODEC_INVALID_VALUE} naming the part that is not in the form. */
export function fromTagged(json: unknown, depth = 0): Value {
  if (depth > maxBlobDepth) throw invalid(`The value is nested more than ${maxBlobDepth} levels deep.`);
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw invalid(`${shown(json)} is not a tagged value.`, {
      remedy: 'Write for example {t: "int", v: "1"}.',
    });
  }
  // Any object may be looked into by key; every key is checked where it is read.
  const tagged = json as Tagged;
  const kind = tagged["t"];
  const reader = typeof kind === "string" && Object.hasOwn(readers, kind) ? readers[kind] : undefined;
  if (reader === undefined) throw bad(tagged, `t must be one of ${Object.keys(readers).join(", ")}`);
  return reader(tagged, depth);
}

const readers: Readonly<Record<string, (tagged: Tagged, depth: number) => Value>> = {
  null: () => nullValue,
  bool: readBool,
  int: readInt,
  float: (tagged) => ({ t: "float", bits: floatBits(tagged) }),
  complex: (tagged) => ({ t: "complex", re: partBits(tagged, "re"), im: partBits(tagged, "im") }),
  str: (tagged) => ({ t: "str", v: text(tagged) }),
  bytes: (tagged) => ({ t: "bytes", bytes: hexBytes(tagged) }),
  date: (tagged) => ({ t: "date", v: isoText(tagged, /^(\d{4})-(\d\d)-(\d\d)$/) }),
  time: (tagged) => ({ t: "time", v: clockText(tagged) }),
  datetime: readDatetime,
  decimal: readDecimal,
  uuid: readUuid,
  list: (tagged, depth) => ({ t: "list", items: values(tagged, depth) }),
  tuple: (tagged, depth) => ({ t: "tuple", items: values(tagged, depth) }),
  set: (tagged, depth) => ({ t: "set", items: values(tagged, depth) }),
  dict: (tagged, depth) => ({
    t: "dict",
    items: pairs(tagged, "items").map(([key, item]) => [
      fromTagged(key, depth + 1),
      fromTagged(item, depth + 1),
    ]),
  }),
  ndarray: readArray,
  recarray: readRecords,
  matcell: (tagged, depth) => {
    const items = values(tagged, depth);
    return { t: "matcell", shape: shapeOf(tagged, items.length), items };
  },
  matstruct: readStruct,
};

function readBool(tagged: Tagged): Value {
  if (typeof tagged["v"] !== "boolean") throw bad(tagged, "v must be true or false");
  return { t: "bool", v: tagged["v"] };
}

function readInt(tagged: Tagged): Value {
  const { v } = tagged;
  if (typeof v === "number" && Number.isSafeInteger(v)) return { t: "int", v: BigInt(v) };
  // 65535 bytes, the most that a blob can hold, are 157 826 digits.
  if (typeof v === "string" && /^[+-]?\d{1,157826}$/.test(v))
    return { t: "int", v: BigInt(v.replace(/^\+/, "")) };
  throw bad(tagged, "v must be a whole number as text");
}

function floatBits(tagged: Tagged): bigint {
  const { bits, v } = tagged;
  if (typeof bits === "string" && /^[0-9a-fA-F]{16}$/.test(bits)) return BigInt(`0x${bits}`);
  if (bits !== undefined && bits !== null) throw bad(tagged, "bits must be 16 hexadecimal digits");
  const number = typeof v === "number" ? v : typeof v === "string" ? parsePythonFloat(v) : undefined;
  if (number === undefined) throw bad(tagged, "v must be a number, nan, inf or -inf");
  return bitsOf(number);
}

function partBits(tagged: Tagged, key: string): bigint {
  const part = fromTagged(tagged[key]);
  if (part.t !== "float") throw bad(tagged, `${key} must be a float`);
  return part.bits;
}

function text(tagged: Tagged): string {
  const { v } = tagged;
  if (typeof v !== "string" || !v.isWellFormed()) throw bad(tagged, "v must be text");
  return v;
}

function hexBytes(tagged: Tagged): Uint8Array {
  const { hex, size } = tagged;
  if (typeof hex !== "string" || hex.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(hex)) {
    throw bad(tagged, "hex must be pairs of hexadecimal digits");
  }
  if (size !== undefined && size !== null && size !== hex.length / 2)
    throw bad(tagged, "size is not that of hex");
  return new Uint8Array(Buffer.from(hex, "hex"));
}

function isoText(tagged: Tagged, form: RegExp): string {
  const v = text(tagged);
  const match = form.exec(v);
  const [year, month, day] = [1, 2, 3].map((i) => BigInt(match?.[i] ?? 0));
  if (!year || !month || !day || month > 12n || day > daysInMonth(year, month)) throw badTime(tagged);
  return v;
}

function clockText(tagged: Tagged, v = text(tagged)): string {
  const match = /^([01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.(\d{1,6}))?$/.exec(v);
  if (match === null) throw badTime(tagged);
  const micros = (match[2] ?? "").padEnd(6, "0");
  return micros === "000000" ? v.slice(0, 8) : `${v.slice(0, 8)}.${micros}`;
}

function readDatetime(tagged: Tagged): Value {
  const date = isoText(tagged, /^(\d{4})-(\d\d)-(\d\d)T[0-9:.]+$/).slice(0, 10);
  return { t: "datetime", v: `${date}T${clockText(tagged, text(tagged).slice(11))}` };
}

function badTime(tagged: Tagged) {
  return bad(tagged, "v must be ISO text of the years 1 to 9999, without a zone, with microseconds at most");
}

function readDecimal(tagged: Tagged): Value {
  const v = text(tagged);
  if (!isDecimal(v)) throw bad(tagged, "v must be a number as text");
  return { t: "decimal", v };
}

function readUuid(tagged: Tagged): Value {
  const v = text(tagged).toLowerCase();
  if (!/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(v)) throw bad(tagged, "v must be a UUID");
  return { t: "uuid", v };
}

function list(tagged: Tagged, key: string): readonly unknown[] {
  const items = tagged[key];
  if (!Array.isArray(items)) throw bad(tagged, `${key} must be a list`);
  return items;
}

function values(tagged: Tagged, depth: number): Value[] {
  return list(tagged, "items").map((item) => fromTagged(item, depth + 1));
}

function pairs(tagged: Tagged, key: string): [unknown, unknown][] {
  return list(tagged, key).map((pair) => {
    if (!Array.isArray(pair) || pair.length !== 2) throw bad(tagged, `${key} must be pairs`);
    return [pair[0], pair[1]];
  });
}

/** The shape, which must have room for exactly so many elements. */
function shapeOf(tagged: Tagged, count: number): number[] {
  return checkShape(list(tagged, "shape"), parseDtype("|u1"), count);
}

function readArray(tagged: Tagged, depth: number): ArrayValue {
  const { dtype, data } = tagged;
  if (typeof dtype !== "string") throw bad(tagged, "dtype must be text");
  if (dtype === "object") {
    const items = values(tagged, depth);
    return { t: "ndarray", dtype, shape: shapeOf(tagged, items.length), items };
  }
  const type = parseDtype(dtype);
  if (type.kind === "U") return readTexts(tagged, dtype);
  if (typeof data !== "object" || data === null) throw bad(tagged, "data must be {hex}");
  const bytes = hexBytes(data as Tagged);
  const shape = checkShape(list(tagged, "shape"), type, bytes.length);
  return { t: "ndarray", array: { dtype: type, shape, fortranOrder: false, bytes } };
}

function readTexts(tagged: Tagged, dtype: string): ArrayValue {
  const items = list(tagged, "items").map((item): Value => {
    if (typeof item !== "string") throw bad(tagged, "items must be text");
    return { t: "str", v: item };
  });
  return { t: "ndarray", dtype, shape: shapeOf(tagged, items.length), items };
}

function fieldName(tagged: Tagged, name: unknown): string {
  if (typeof name !== "string" || name.includes("\0")) throw bad(tagged, "a field name must be text");
  return name;
}

function readRecords(tagged: Tagged, depth: number): RecordValue {
  const fields = pairs(tagged, "fields").map(([name, column]) => {
    const value = fromTagged(column, depth + 1);
    if (value.t !== "ndarray" && value.t !== "recarray") throw bad(tagged, "fields must be arrays");
    return [fieldName(tagged, name), value] as const;
  });
  const shape = checkShape(list(tagged, "shape"), parseDtype("|u1"));
  return { t: "recarray", shape, fields };
}

function readStruct(tagged: Tagged, depth: number): Value {
  const fields = pairs(tagged, "fields").map(([name, items]) => {
    const column = values({ ...tagged, items }, depth);
    shapeOf(tagged, column.length);
    return [fieldName(tagged, name), column] as const;
  });
  return { t: "matstruct", shape: checkShape(list(tagged, "shape"), parseDtype("|u1")), fields };
}

function bad(tagged: Tagged, why: string) {
  return invalid(`${shown(tagged)} is not a tagged value: ${why}.`, { value: shown(tagged) });
}
