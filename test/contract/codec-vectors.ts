/** Exact bytes of the codecs of `codecs/`, and inputs that a machine makes. Codecs that write no bytes of their own have none. */

import fc from "fast-check";
import type { CodecSample, CodecVector, TryOptions } from "../../src/codec/testing.ts";
import { parseDtype } from "../../src/format/dtype.ts";
import { fromTagged } from "../../src/format/tagged-value.ts";

type Input = CodecSample["input"];

/** What the kit is given for one codec. */
export interface Trial {
  readonly inputs: fc.Arbitrary<Input>;
  readonly vectors: readonly CodecVector[];
  readonly options?: TryOptions;
}

const hex = (text: string) => Buffer.from(text).toString("hex");
const bytes = (text: string) => Uint8Array.from(Buffer.from(text, "hex"));
const base64 = (value: unknown) => Buffer.from(String(value), "base64");
const record = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? { ...value } : {};

/** As numpy 2 writes it: version 1.0, the header filled up to 128 bytes. */
const npyHead = (fields: string) =>
  `${hex("\u{93}").slice(2)}${hex("NUMPY")}01007600${hex(`${fields.padEnd(117)}\n`)}`;

const content = fc.uint8Array({ maxLength: 200 }).map((body) => Buffer.from(body).toString("base64"));
const name = fc.stringMatching(/^[A-Za-z0-9 é鼠_-]{1,20}\.bin$/);
const file = fc.record({ name, data: content });
const numbers = fc.array(fc.integer({ min: -32768, max: 32767 }), { minLength: 1, maxLength: 40 });

const int16 = (values: readonly number[]) => ({
  dtype: parseDtype("int16"),
  shape: [values.length],
  fortranOrder: false,
  bytes: Uint8Array.from(Buffer.from(Int16Array.from(values).buffer)),
});

/** By codec name; one without an entry writes no bytes of its own. */
export const codecTrials: Readonly<Record<string, Trial>> = {
  npy: {
    inputs: numbers.map((data) => ({ values: { dtype: "int16", shape: [data.length], data } })),
    options: {
      decodedOf: (input) => int16((record(input["values"])["data"] ?? []) as number[]),
      runs: 30,
    },
    vectors: [
      {
        name: "three numbers",
        input: { values: { dtype: "int16", shape: [3], data: [1, -1, 300] } },
        bytes: `${npyHead("{'descr': '<i2', 'fortran_order': False, 'shape': (3,), }")}0100ffff2c01`,
        decoded: int16([1, -1, 300]),
      },
    ],
  },
  blob: {
    inputs: fc.jsonValue({ maxDepth: 3 }).map((json) => ({
      json: JSON.parse(JSON.stringify(json, (_, v) => (typeof v === "number" ? Math.trunc(v % 2 ** 53) : v))),
    })),
    options: { runs: 30 },
    vectors: [
      {
        name: "a text",
        input: { json: "a" },
        bytes: `${hex("dj0\0")} 05 0100000000000000 61`,
        decoded: fromTagged({ t: "str", v: "a" }),
      },
    ],
  },
  attach: {
    inputs: file.map(({ name, data }) => ({ base64: { name, content: data } })),
    options: {
      decodedOf: (input) => {
        const given = record(input["base64"]);
        return { name: given["name"], content: Uint8Array.from(base64(given["content"])) };
      },
      runs: 30,
    },
    vectors: [
      {
        name: "a text",
        input: { text: { name: "é.txt", content: "line" } },
        bytes: `c3a92e747874 00 ${hex("line")}`,
        decoded: { name: "é.txt", content: bytes(hex("line")) },
      },
    ],
  },
  hash: {
    inputs: file.map(({ name, data }) => ({ base64: { name, content: data } })),
    options: { decodedOf: (input) => Uint8Array.from(base64(record(input["base64"])["content"])), runs: 30 },
    vectors: [{ name: "bytes", input: { body: bytes("00ff7f") }, bytes: "00ff7f", decoded: bytes("00ff7f") }],
  },
};
