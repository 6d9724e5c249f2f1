/** Schemas and values of Parquet that an enemy has written: names, numbers and lengths that lie, answers that grow beyond what they count for. */

import type { SchemaElement } from "hyparquet/src/types.js";
import { describe, expect, it } from "vitest";
import { parquetCell } from "../../src/format/parquet-cell.ts";
import { parquetTypeName, readParquetSchema } from "../../src/format/parquet-schema.ts";
import { Budget } from "../../src/format/table.ts";

const corrupt = (message: string) =>
  expect.objectContaining({ code: "CODEC_CORRUPT", message: expect.stringContaining(message) });
const beyond = expect.objectContaining({ code: "LIMIT_EXCEEDED" });

const root = (count: number): SchemaElement => ({ name: "schema", num_children: count }) as SchemaElement;
const part = (name: string, more: object = {}): SchemaElement =>
  ({ name, repetition_type: "OPTIONAL", ...more }) as SchemaElement;
const group = (name: string, count: number, more: object = {}) =>
  part(name, { num_children: count, ...more });

function column(...elements: SchemaElement[]) {
  const [found] = readParquetSchema([root(1), ...elements]);
  if (found === undefined) throw new Error("no column");
  return found;
}
const cell = (element: SchemaElement, value: unknown, limit = 1000) =>
  parquetCell(column(element), value, new Budget(limit));

describe("schemas", () => {
  const deep = Array.from({ length: 100 }, (_, i) => group(`g${i}`, 1));
  it.each([
    ["deeper than is read", [root(1), ...deep, part("x", { type: "INT32" })], "levels deep"],
    ["with more parts than there are", [root(2), part("x", { type: "INT32" })], "more parts than it has"],
    ["with parts that belong nowhere", [root(0), part("x", { type: "INT32" })], "belong nowhere"],
    ["of 2^31 parts", [root(2 ** 31 - 1)], "parts"],
    ["of fewer than no parts", [root(-1)], "parts"],
    [
      "with a name that JavaScript has for itself",
      [root(1), part("__proto__", { type: "INT32" })],
      "__proto__",
    ],
    [
      "with two parts of one name",
      [root(2), part("x", { type: "INT32" }), part("x", { type: "INT32" })],
      "one name",
    ],
    [
      "with two parts that have one path",
      [
        root(1),
        ...[group("a", 2), part("b.c", { type: "INT32" }), group("b", 1), part("c", { type: "INT32" })],
      ],
      "a.b.c",
    ],
    [
      "with a long name over many parts",
      [
        root(1),
        group("n".repeat(2 ** 20), 100),
        ...Array.from({ length: 100 }, (_, i) => part(`x${i}`, { type: "INT32" })),
      ],
      "too long",
    ],
    ["that is neither a value nor a group", [root(1), part("x")], "neither"],
  ])("%s", (_, elements, message) => {
    expect(() => readParquetSchema(elements)).toThrow(corrupt(message));
  });

  it.each([
    ["integers of 7 bits", { type: "INT32", logical_type: { type: "INTEGER", bitWidth: 7, isSigned: true } }],
    ["a scale of 10^9", { type: "INT32", converted_type: "DECIMAL", scale: 1e9 }],
    ["a scale of -10^9", { type: "INT32", logical_type: { type: "DECIMAL", scale: -1e9, precision: 5 } }],
  ])("with %s", (_, more) => {
    expect(() => parquetTypeName(column(part("x", more)))).toThrow(corrupt("A column has"));
    expect(() => cell(part("x", more), 1)).toThrow(corrupt("A column has"));
  });

  it("names of Object's own are names like others", () => {
    const names = ["constructor", "toString", "hasOwnProperty"];
    const field = column(group("s", 3), ...names.map((name) => part(name, { type: "INT32" })));
    const value = Object.fromEntries(names.map((name, i) => [name, i]));
    expect(parquetCell(field, value, new Budget(1000))).toEqual(value);
    expect(parquetCell(field, {}, new Budget(1000))).toEqual(
      Object.fromEntries(names.map((name) => [name, null])),
    );
  });
});

describe("values", () => {
  const decimal = { type: "BYTE_ARRAY", converted_type: "DECIMAL", scale: 1000, precision: 1 };

  it("count for what they are answered as", () => {
    // One byte as stored, a thousand digits as told.
    const one = new Uint8Array([1]);
    expect(String(cell(part("x", decimal), one, 1100))).toHaveLength(1002);
    expect(() => cell(part("x", decimal), one, 900)).toThrow(beyond);
    const wide = { type: "INT64" };
    expect(cell(part("x", wide), -(2n ** 63n), 22)).toBe("-9223372036854775808");
    expect(() => cell(part("x", wide), -(2n ** 63n), 21)).toThrow(beyond);
    const list = column(
      group("l", 1, { converted_type: "LIST" }),
      part("e", { ...wide, repetition_type: "REPEATED" }),
    );
    expect(() => parquetCell(list, Array(50).fill(2n ** 62n), new Budget(1000))).toThrow(beyond);
  });

  it("of more digits than anybody writes are refused", () => {
    expect(() => cell(part("x", decimal), new Uint8Array(513), 2 ** 20)).toThrow(corrupt("513 bytes"));
    expect(cell(part("x", { ...decimal, scale: 2 }), new Uint8Array([0xff]))).toBe("-0.01");
  });

  it.each([
    ["half floats", { logical_type: { type: "FLOAT16" } }, 2],
    ["UUIDs", { logical_type: { type: "UUID" } }, 16],
    ["intervals", { converted_type: "INTERVAL" }, 12],
  ])("%s have their length", (_, more, length) => {
    const element = part("x", { type: "FIXED_LEN_BYTE_ARRAY", ...more });
    expect(cell(element, new Uint8Array(length))).toBeDefined();
    for (const wrong of [0, length - 1, length + 1])
      expect(() => cell(element, new Uint8Array(wrong))).toThrow(corrupt(`${wrong} bytes`));
  });

  it.each<[string, SchemaElement[], unknown]>([
    ["a list where a struct is due", [group("s", 1), part("length", { type: "INT32" })], [1, 2]],
    ["bytes where a struct is due", [group("s", 1), part("0", { type: "INT32" })], new Uint8Array(2)],
    ["a number where a struct is due", [group("s", 1), part("a", { type: "INT32" })], 5],
    [
      "a struct where a list is due",
      [part("l", { type: "INT32", repetition_type: "REPEATED" })],
      { length: 3 },
    ],
    ["text where a number is due", [part("x", { type: "INT32" })], "5"],
    ["a flag where text is due", [part("x", { type: "BYTE_ARRAY", converted_type: "UTF8" })], true],
    ["a number where bytes are due", [part("x", { type: "BYTE_ARRAY" })], 5],
    ["bytes where a number is due", [part("x", { type: "INT32" })], new Uint8Array(4)],
    ["half a character", [part("x", { type: "BYTE_ARRAY", converted_type: "UTF8" })], new Uint8Array([0xc3])],
    ["a time beyond its day", [part("x", { type: "INT32", converted_type: "TIME_MILLIS" })], 86_400_001],
  ])("%s", (_, elements, value) => {
    expect(() => parquetCell(column(...elements), value, new Budget(1000))).toThrow(corrupt(""));
  });
});
