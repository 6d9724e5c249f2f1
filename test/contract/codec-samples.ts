/** Samples for the codecs of `codecs/`, edges first. Codecs that write no bytes of their own have none. */

import { readFileSync } from "node:fs";
import type { CodecSample } from "../../src/codec/testing.ts";
import { parseDtype } from "../../src/format/dtype.ts";
import { fromTagged } from "../../src/format/tagged-value.ts";
import { reorder } from "../../src/format/transpose.ts";
import type { Value } from "../../src/format/value.ts";

const array = (dtype: string, shape: number[], hex: string) => ({
  dtype: parseDtype(dtype),
  shape,
  fortranOrder: false,
  bytes: Uint8Array.from(Buffer.from(hex, "hex")),
});

function npy(dtype: string, shape: number[], from: { data: unknown; hex: string }): CodecSample {
  return {
    name: `${dtype} [${shape}]`,
    input: { values: { dtype, shape, data: from.data } },
    decoded: array(dtype, shape, from.hex),
  };
}

const npySamples: CodecSample[] = [
  npy("int16", [2, 3], { data: [1, -1, 300, 0, 7, 8], hex: "0100ffff2c010000" + "07000800" }),
  npy("float64", [], { data: "-Infinity", hex: "000000000000f0ff" }),
  npy("float32", [0, 4], { data: [], hex: "" }),
  npy(">i4", [2], { data: [1, -2], hex: "00000001fffffffe" }),
  npy("float64", [2], { data: [-0, "NaN"], hex: "0000000000000080000000000000f87f" }),
  npy("uint64", [1], { data: ["18446744073709551615"], hex: "ffffffffffffffff" }),
  npy("complex64", [1], { data: [{ re: 1, im: -2 }], hex: "0000803f000000c0" }),
  npy("<U3", [2], { data: ["a", "é鼠"], hex: "610000000000000000000000e9000000209f000000000000" }),
  npy("datetime64[ms]", [2], { data: ["1969-12-31", "NaT"], hex: "00a4d9faffffffff0000000000000080" }),
  {
    name: "base64 with the payload of a NaN",
    input: {
      base64: {
        dtype: "float64",
        shape: [1],
        data: Buffer.from("010000000000f47f", "hex").toString("base64"),
      },
    },
    decoded: array("float64", [1], "010000000000f47f"),
  },
];

const zarrSamples: CodecSample[] = [
  npy("int16", [2, 3], { data: [1, -1, 300, 0, 7, 8], hex: "0100ffff2c010000" + "07000800" }),
  npy("float64", [], { data: "-Infinity", hex: "000000000000f0ff" }),
  npy("float32", [0, 4], { data: [], hex: "" }),
  npy("<U3", [2], { data: ["a", "é鼠"], hex: "610000000000000000000000e9000000209f000000000000" }),
  npy("datetime64[25us]", [2], { data: ["1970-01-01", "NaT"], hex: "00000000000000000000000000000080" }),
  npy("complex64", [1], { data: [{ re: 1, im: -2 }], hex: "0000803f000000c0" }),
  {
    name: "big-endian, which becomes little-endian",
    input: { values: { dtype: ">i4", shape: [2], data: [1, -2] } },
    decoded: array("int32", [2], "01000000feffffff"),
  },
];

function tagged(name: string, value: unknown): CodecSample {
  return { name, input: { tagged: value }, decoded: inBlobOrder(fromTagged(value)) };
}

/** Blobs hold arrays in Fortran order, and are decoded as they are. */
function inBlobOrder(value: Value): Value {
  if (value.t !== "ndarray" || !("array" in value)) return value;
  const { shape, dtype, bytes } = value.array;
  if (bytes.length === 0 || shape.filter((n) => n !== 1).length < 2) return value;
  const turned = reorder(bytes, { shape, itemSizeBytes: dtype.itemSizeBytes, from: "C" });
  return { t: "ndarray", array: { ...value.array, fortranOrder: true, bytes: turned } };
}

const blobSamples: CodecSample[] = [
  tagged("null", { t: "null" }),
  tagged("NaN with payload", { t: "float", bits: "7ff4000000000001" }),
  tagged("minus zero", { t: "float", v: "-0.0" }),
  tagged("large integer", { t: "int", v: String(-(2n ** 200n)) }),
  tagged("dict", {
    t: "dict",
    items: [
      [
        { t: "str", v: "__proto__" },
        {
          t: "tuple",
          items: [
            { t: "int", v: "1" },
            { t: "decimal", v: "1E+2" },
          ],
        },
      ],
      [
        { t: "tuple", items: [{ t: "bool", v: true }] },
        { t: "set", items: [{ t: "uuid", v: "f81d4fae-7dec-11d0-a765-00a0c91e6bf6" }] },
      ],
      [
        { t: "datetime", v: "0001-01-01T00:00:00" },
        { t: "bytes", hex: "00ff" },
      ],
    ],
  }),
  tagged("array of two axes", { t: "ndarray", dtype: "<c16", shape: [1, 2], data: { hex: "00".repeat(32) } }),
  tagged("empty array", { t: "ndarray", dtype: "<i4", shape: [0, 3], data: { hex: "" } }),
  tagged("array of values", {
    t: "ndarray",
    dtype: "object",
    shape: [2, 1],
    items: [{ t: "null" }, { t: "str", v: "é" }],
  }),
  tagged("records", {
    t: "recarray",
    shape: [2],
    fields: [["a", { t: "ndarray", dtype: "|u1", shape: [2], data: { hex: "0102" } }]],
  }),
  tagged("cell", {
    t: "matcell",
    shape: [1, 2],
    items: [
      { t: "int", v: "1" },
      { t: "list", items: [] },
    ],
  }),
  tagged("struct", { t: "matstruct", shape: [1, 1], fields: [["x", [{ t: "bool", v: false }]]] }),
  tagged("compressed", { t: "ndarray", dtype: "<i2", shape: [40, 40], data: { hex: "0100".repeat(1600) } }),
  {
    name: "plain JSON",
    input: { json: { a: [1, 1.5, true, null, "x"], b: {} } },
    decoded: fromTagged({
      t: "dict",
      items: [
        [
          { t: "str", v: "a" },
          {
            t: "list",
            items: [
              { t: "int", v: "1" },
              { t: "float", v: "1.5" },
              { t: "bool", v: true },
              { t: "null" },
              { t: "str", v: "x" },
            ],
          },
        ],
        [
          { t: "str", v: "b" },
          { t: "dict", items: [] },
        ],
      ],
    }),
  },
];

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, "hex"));

const attachSamples: CodecSample[] = [
  {
    name: "text",
    input: { text: { name: "notes é.txt", content: "line\n鼠" } },
    decoded: { name: "notes é.txt", content: bytes(Buffer.from("line\n鼠").toString("hex")) },
  },
  { name: "empty", input: { text: { name: "x", content: "" } }, decoded: { name: "x", content: bytes("") } },
  {
    name: "bytes with zeros",
    input: { base64: { name: "raw.bin", content: Buffer.from("00ff00", "hex").toString("base64") } },
    decoded: { name: "raw.bin", content: bytes("00ff00") },
  },
];

const hashSamples: CodecSample[] = [
  { name: "empty", input: { text: { name: "dropped", content: "" } }, decoded: bytes("") },
  { name: "text", input: { text: { name: "dropped", content: "é" } }, decoded: bytes("c3a9") },
  { name: "bytes of another codec", input: { body: bytes("00ff7f") }, decoded: bytes("00ff7f") },
];

const fixtures = `${import.meta.dirname}/../fixtures`;
const base64 = (file: string) => readFileSync(`${fixtures}/${file}`).toString("base64");
const expected = (folder: string) => JSON.parse(readFileSync(`${fixtures}/${folder}/expected.json`, "utf8"));

function tableSamples(
  folder: string,
  files: readonly (readonly [file: string, name: string])[],
): CodecSample[] {
  return files.map(([file, name]) => ({
    name: file,
    input: { base64: base64(`${folder}/${file}`) },
    decoded: expected(folder)[name],
  }));
}

const imageSamples: CodecSample[] = ["grey.png"].map((file) => {
  const { base64: values, ...rest } = expected("image")[file];
  const decoded = { ...rest, bytes: Uint8Array.from(Buffer.from(values, "base64")) };
  return { name: file, input: { base64: { name: file, content: base64(`image/${file}`) } }, decoded };
});

const jsonSamples: CodecSample[] = [
  { name: "null", input: { json: null }, decoded: null },
  {
    name: "nested",
    input: { json: { b: [1, -0.5, true, {}], a: "é\u0000" } },
    decoded: { a: "é\u0000", b: [1, -0.5, true, {}] },
  },
  {
    name: "digits",
    input: { raw: ' { "n" : 9223372036854775807, "d": 0.1000, "x": [1e400, 1.00000000000000000001] } ' },
    decoded: { d: 0.1, n: "9223372036854775807", x: ["1e400", "1.00000000000000000001"] },
  },
  { name: "__proto__", input: { raw: '{"__proto__": 1}' }, decoded: JSON.parse('{"__proto__": 1}') },
  { name: "compressed", input: { json: Array(500).fill("again") }, decoded: Array(500).fill("again") },
];

const textSamples: CodecSample[] = [
  { name: "empty", input: { text: "" }, decoded: "" },
  { name: "lines", input: { text: "é\r\n鼠\n\u{1f400}\0" }, decoded: "é\r\n鼠\n\u{1f400}\0" },
];

/** By codec name. A codec without an entry here fails the suite. */
export const codecSamples: Readonly<Record<string, readonly CodecSample[]>> = {
  npy: npySamples,
  blob: blobSamples,
  attach: attachSamples,
  hash: hashSamples,
  object: [],
  zarr: zarrSamples,
  filepath: [],
  image: imageSamples,
  json: jsonSamples,
  text: textSamples,
  parquet: tableSamples("parquet", [["small_v1.parquet", "small_v1"]]),
  arrow: tableSamples("arrow", [
    ["small.arrow", "small.arrow"],
    ["small.arrows", "small.arrows"],
  ]),
  hdf5: [],
};
