/** What the API must serve of the rows that `write.py` writes, one for each column. */

/** One value of one row. */
export interface Served {
  /** As `write.py` calls it. */
  readonly column: string;
  /** The query's field. */
  readonly type: string;
  readonly n: number;
  readonly select: string;
  readonly want: unknown;
}

const structure = {
  t: "dict",
  items: [
    [
      { t: "str", v: "gain" },
      { t: "int", v: "2" },
    ],
    [
      { t: "str", v: "array" },
      {
        t: "ndarray",
        dtype: "<i8",
        shape: [3],
        data: { size: 24, hex: `${"00".repeat(8)}01${"00".repeat(7)}02${"00".repeat(7)}` },
      },
    ],
  ],
};
const list = {
  t: "list",
  items: [
    { t: "int", v: "1" },
    {
      t: "tuple",
      items: [
        { t: "int", v: "2" },
        { t: "set", items: [{ t: "int", v: "3" }] },
      ],
    },
  ],
};
const note = { name: "note é.txt", text: "attached by DataJoint: é" };
const hashed = { text: "bytes of a hash" };
const numbers = [
  [0, 1, 2],
  [3, 4, 5],
];
const array = (dtype: string) => ({ dtype, shape: [2, 3], values: numbers });
const folder = { isDirectory: true, itemCount: 1, sizeBytes: "256", file: { path: "c/0", sizeBytes: "256" } };
const own = { path: "rigs/own é.bin", status: "PRESENT" };

const scalars: readonly (readonly [column: string, want: unknown])[] = [
  ["int8", -128],
  ["int16", 32_767],
  ["int32", -2_147_483_648],
  ["int64", "9223372036854775807"],
  ["float32", 0.1],
  ["float64", -1.7976931348623157e308],
  ["flag", true],
  ["day", "1858-11-17"],
  ["second", "1969-12-31T23:59:59Z"],
  ["microsecond", "2024-02-29T12:00:00.000001Z"],
  ["price", "-999999999.999"],
  ["word", 'it\'s "quoted" \\ é 漢字 %s {}'],
  ["code", "ab  "],
  ["mood", "wild"],
  ["document", { a: [1, 2.5, null, true, "é"] }],
  ["raw", Buffer.from([0, 255, 1, 128, 92, 39]).toString("base64")],
];
const stored: readonly (readonly [column: string, fields: string, want: unknown])[] = [
  ["blob", "{ tagged }", { tagged: structure }],
  ["file", "{ name text }", note],
  ["stored_blob", "{ tagged }", { tagged: structure }],
  ["named_blob", "{ tagged }", { tagged: list }],
  ["stored_file", "{ name text }", note],
  ["named_file", "{ name text }", note],
  ["hashed", "{ text }", hashed],
  ["named_hashed", "{ text }", hashed],
  ["array", "{ dtype shape values }", array(">i2")],
  ["named_array", "{ dtype shape values }", array("float64")],
  ["object", '{ isDirectory itemCount sizeBytes file(path: "c/0") { path sizeBytes } }', folder],
  ["named_object", '{ isDirectory itemCount sizeBytes file(path: "c/0") { path sizeBytes } }', folder],
  ["own", "{ path status }", own],
  ["named_own", "{ path status }", own],
];

const fieldOf = (column: string): string =>
  column.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** In the order in which they are written; the row of the uuid, which is refused, is the last of the scalars. */
export const writtenByPeer: readonly Served[] = [
  ...scalars.map(([column, want], at) => ({
    column: `scalar.${column}`,
    type: "scalar",
    n: 100 + at,
    select: column,
    want,
  })),
  ...stored.map(([column, fields, want], at) => ({
    column: `stored.${column}`,
    type: "stored",
    n: 100 + at,
    select: `${fieldOf(column)} ${fields}`,
    want,
  })),
];
