/** A value of every type as the API takes it, beside what DataJoint must read: written down from the formats, not taken from what we wrote. */

import {
  absent,
  array,
  bytes,
  float,
  fromJson,
  type Neutral,
  text,
  whole,
} from "../../../src/sample/neutral.ts";

/** As the API takes it, and as DataJoint reads it; `undefined` where the one has no such field, or the other no such column. */
export type Pair = readonly [input: unknown, read: Neutral | undefined];
export type Row = Readonly<Record<string, Pair>>;

export interface Table {
  /** The type's name. */
  readonly type: string;
  /** The table's name. */
  readonly stored: string;
  readonly key: readonly string[];
  readonly rows: readonly Row[];
}

const bool = (v: boolean): Pair => [v, { t: "bool", v }];
const int = (v: number): Pair => [v, whole(v)];
const big = (v: bigint): Pair => [String(v), { t: "int", v: String(v) }];
const str = (v: string): Pair => [v, text(v)];
const number = (v: number): Pair => [v, float(v)];
const day = (v: string): Pair => [v, { t: "date", v }];
/** `micros`: what stands behind the seconds. */
const instant = (seconds: string, micros = ""): Pair => [
  `${seconds}${micros}Z`,
  { t: "datetime", v: `${seconds}${micros === "" ? "" : micros.padEnd(7, "0")}` },
];
const decimal = (v: string): Pair => [v, { t: "decimal", v }];
const uuid = (v: string): Pair => [v, { t: "uuid", v }];
const json = (v: unknown): Pair => [v, { t: "json", v }];
const none: Pair = [null, absent];

const rawBytes = Buffer.from([0, 255, 1, 128, 92, 39]);
const token = "0f0e0d0c-0b0a-4908-8706-050403020100";

const notFinite = (name: "NaN" | "Infinity" | "-Infinity"): Pair => {
  const bits = { NaN: "7ff8000000000000", Infinity: "7ff0000000000000", "-Infinity": "fff0000000000000" };
  const python = { NaN: "nan", Infinity: "inf", "-Infinity": "-inf" };
  return [name, { t: "float", v: python[name], bits: bits[name] }];
};

const scalars: readonly Row[] = [
  {
    n: int(1),
    int8: int(-128),
    int16: int(-32_768),
    int32: int(-2_147_483_648),
    int64: big(-9_223_372_036_854_775_808n),
    float32: number(0.1),
    float64: number(1.7976931348623157e308),
    flag: bool(true),
    day: day("1858-11-17"),
    second: instant("1969-12-31T23:59:59"),
    microsecond: instant("2024-02-29T12:00:00", ".000001"),
    price: decimal("-999999999.999"),
    word: str('it\'s "quoted" \\ é 漢字 %s {}'),
    code: str("ab  "),
    mood: ["wild", text("very wild")],
    document: json({ a: [1, 2.5, null, true, "é"], nested: { "": {} } }),
    raw: [rawBytes.toString("base64"), { t: "bytes", ...bytes(rawBytes) }],
    token: uuid(token),
  },
  {
    n: int(2),
    int8: int(127),
    int16: int(32_767),
    int32: int(2_147_483_647),
    int64: big(9_223_372_036_854_775_807n),
    float32: notFinite("NaN"),
    float64: notFinite("-Infinity"),
    flag: bool(false),
    day: day("9999-12-31"),
    second: instant("2024-01-01T00:00:00"),
    microsecond: instant("9999-12-31T23:59:59", ".999999"),
    price: decimal("0.000"),
    word: str(""),
    code: str("abcd"),
    mood: ["calm", text("calm")],
    document: json([]),
    raw: ["", { t: "bytes", ...bytes(Buffer.alloc(0)) }],
    token: none,
  },
  Object.fromEntries(
    "int8 int16 int32 int64 float32 float64 flag day second microsecond price word code mood document raw token"
      .split(" ")
      .map((column) => [column, none])
      .concat([["n", int(3)]]),
  ),
];

const keys: readonly Row[] = [
  {
    day: day("2024-02-29"),
    at: instant("2024-02-29T01:02:03", ".004"),
    price: decimal("-0.10"),
    word: str("a/b 'c' ü"),
    mood: ["wild", text("very wild")],
    flag: bool(true),
    size: big(2n ** 53n + 1n),
  },
  {
    day: day("1999-12-31"),
    at: instant("1999-12-31T23:59:59"),
    price: decimal("123456.78"),
    word: str(""),
    mood: ["calm", text("calm")],
    flag: bool(false),
    size: big(-1n),
  },
];

export const inputOf = (row: Row): Readonly<Record<string, unknown>> => picked(row, 0);
export const readOf = (row: Row): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(picked(row, 1)).map(([name, read]) => [columnOf(name), read]));

const columnOf = (field: string): string =>
  field.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

function picked(row: Row, side: 0 | 1): Readonly<Record<string, unknown>> {
  const sides = Object.entries(row).map(([name, pair]) => [name, pair[side]] as const);
  return Object.fromEntries(sides.filter(([, value]) => value !== undefined));
}

/** A reference: one field of the API, and a column for each of the key. */
function referring(field: string, row: Row, prefix = ""): Row {
  const columns = Object.entries(row).map(([column, [, read]]) => [
    `${prefix}${column}`,
    [undefined, read] as Pair,
  ]);
  return { ...Object.fromEntries(columns), [field]: [{ key: inputOf(row) }, undefined] };
}

const [first, second] = keys as readonly [Row, Row];
const nobody = Object.fromEntries(
  Object.keys(first).map((column) => [`previous_${column}`, [undefined, absent] as Pair]),
);

const parts: readonly Row[] = [
  { ...referring("keyed", first), part: int(1), ...nobody },
  { ...referring("keyed", first), part: int(2), ...referring("previous", second, "previous_") },
];

const numbers = Buffer.from(Int16Array.of(1, -2, 3, -4, 5, 32_767).buffer);
const ndarray: Pair = [
  { values: { dtype: "int16", shape: [2, 3], data: [1, -2, 3, -4, 5, 32_767] } },
  {
    t: "npy",
    meta_dtype: "int16",
    meta_shape: [2, 3],
    file_dtype: "<i2",
    fortran_order: false,
    array: array("<i2", [2, 3], numbers),
  },
];
const structure = { gain: 2, rate: 2.5, channels: ["a", "b"], none: null, deep: { on: true } };
const blob: Pair = [{ json: structure }, fromJson(structure)];
const blobArray: Pair = [
  { arrayBase64: { dtype: "int16", shape: [2, 3], data: numbers.toString("base64") } },
  array("<i2", [2, 3], numbers),
];
const note = "attached by Holdfast: é";
const file: Pair = [
  { text: { name: "note é.txt", content: note } },
  { t: "attach", filename: "note é.txt", content: bytes(Buffer.from(note)) },
];
const hashed: Pair = [
  { base64: { content: rawBytes.toString("base64") } },
  { t: "bytes", ...bytes(rawBytes) },
];

/** Files of the folder that is sent. */
export const folder: Readonly<Record<string, Buffer>> = {
  "c/0/0": Buffer.from(Array.from({ length: 256 }, (_, index) => index)),
  empty: Buffer.alloc(0),
  "zarr.json": Buffer.from("{}"),
};
/** The one file that is sent. */
export const single = Buffer.from("one file".repeat(1000));
/** A file that the lab itself has put into the store, and where. */
export const own = Buffer.from("a recording that the rig wrote itself");
export const ownPath = "rigs/own é.bin";

const reference: Pair = [
  { path: ownPath },
  { t: "filepath", path: ownPath, size: own.length, is_dir: false, content: bytes(own) },
];

/** What is sent before the row; its id takes the place of this. */
export const sends = { folder: Symbol("folder"), file: Symbol("file") };

const tree: Pair = [
  sends.folder,
  {
    t: "object",
    is_dir: true,
    ext: ".zarr",
    size: 258,
    item_count: 3,
    files: Object.entries(folder).map(([path, content]) => [path, bytes(content)]),
  },
];
const oneFile: Pair = [
  sends.file,
  { t: "object", is_dir: false, ext: ".dat", size: single.length, item_count: null, content: bytes(single) },
];

const columns = {
  blob,
  file,
  storedBlob: blob,
  namedBlob: blobArray,
  storedFile: file,
  namedFile: file,
  hashed,
  namedHashed: hashed,
  array: ndarray,
  namedArray: ndarray,
  object: tree,
  namedObject: oneFile,
  own: reference,
  namedOwn: reference,
};
const stored: readonly Row[] = [
  { n: int(1), ...columns },
  { n: int(2), ...Object.fromEntries(Object.keys(columns).map((column) => [column, none])) },
];

/** Parents before children. */
export const tables: readonly Table[] = [
  { type: "Scalar", stored: "scalar", key: ["n"], rows: scalars },
  { type: "Keyed", stored: "keyed", key: Object.keys(first), rows: keys },
  { type: "Part", stored: "keyed__part", key: [...Object.keys(first), "part"], rows: parts },
  {
    type: "Token",
    stored: "token",
    key: ["token"],
    rows: [{ token: uuid(token), note: str("by its token") }],
  },
  { type: "Stored", stored: "stored", key: ["n"], rows: stored },
  { type: "Single", stored: "#single", key: [], rows: [{ note: str("only one") }] },
];
