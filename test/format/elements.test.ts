import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { formatTicks, notATime, parseTicks } from "../../src/format/calendar.ts";
import { parseDtype } from "../../src/format/dtype.ts";
import { elementsToJson } from "../../src/format/elements.ts";
import { arrayFromValues } from "../../src/format/elements-from-json.ts";
import { float16FromBits, float16ToBits } from "../../src/format/float16.ts";
import { parsePythonFloat, pythonFloat } from "../../src/format/python-float.ts";
import { reorder } from "../../src/format/transpose.ts";

describe("elements", () => {
  const types = [
    "bool",
    "int8",
    "uint8",
    "int16",
    ">u2",
    "int32",
    ">i4",
    "int64",
    ">u8",
    "float16",
    "float32",
    ">f8",
    "complex64",
    "complex128",
  ];

  it("come back from JSON as the same bytes, whatever they are", () => {
    fc.assert(
      fc.property(fc.constantFrom(...types), fc.uint8Array({ maxLength: 64 }), (type, junk) => {
        const dtype = parseDtype(type);
        const count = Math.floor(junk.length / dtype.itemSizeBytes);
        const bytes = junk
          .slice(0, count * dtype.itemSizeBytes)
          .map((byte) => (type === "bool" ? byte % 2 : byte));
        const data = elementsToJson({ dtype, shape: [count], fortranOrder: false, bytes });
        const back = arrayFromValues({ dtype: type, shape: [count], data: JSON.parse(JSON.stringify(data)) });
        // NaN has one text and −0 none: values are compared, not bits.
        expect(elementsToJson(back)).toEqual(JSON.parse(JSON.stringify(data)));
      }),
    );
  });

  it("nest by axis, and are taken nested or flat", () => {
    const nested = arrayFromValues({ dtype: "int8", shape: [2, 1, 2], data: [[[1, 2]], [[3, 4]]] });
    expect(nested).toEqual(arrayFromValues({ dtype: "int8", shape: [2, 1, 2], data: [1, 2, 3, 4] }));
    expect(elementsToJson(nested)).toEqual([[[1, 2]], [[3, 4]]]);
    expect(elementsToJson(arrayFromValues({ dtype: "int8", shape: [], data: 7 }))).toBe(7);
    expect(elementsToJson(arrayFromValues({ dtype: "int8", shape: [2, 0], data: [[], []] }))).toEqual([
      [],
      [],
    ]);
  });

  it.each([
    ["int8", 128],
    ["int8", 1.5],
    ["int8", "x"],
    ["int8", null],
    ["uint8", -1],
    ["int64", 2 ** 53],
    ["int64", "9223372036854775808"],
    ["float32", 1e39],
    ["float64", "1"],
    ["float64", null],
    ["bool", 1],
    ["<U2", "abc"],
    ["<U2", 1],
    ["S2", "é鼠"],
    ["complex64", { re: 1 }],
    ["datetime64[D]", "2024-02-30"],
    ["datetime64[D]", "2024-02-29T12:00"],
    ["datetime64[s]", true],
    ["float128", 1],
    ["object", 1],
    ["[('a', '<i4')]", [1]],
    ["nonsense", 1],
    ["[(", 1],
  ])("refuse as %s the value %j", (dtype, value) => {
    expect(() => arrayFromValues({ dtype, shape: [1], data: [value] })).toThrow(
      expect.objectContaining({ code: "CODEC_INVALID_VALUE" }),
    );
  });

  it.each([
    [[3], [1, 2], "needs 3 elements, but 2 were given"],
    [[2, 2], [[1, 2], [3]], "do not have the shape"],
    [[-1], [], "none negative"],
    [[1.5], [], "none negative"],
    [new Array(65).fill(1), [1], "at most 64 axes"],
  ])("refuse the shape %j", (shape, data, message) => {
    expect(() => arrayFromValues({ dtype: "int8", shape, data })).toThrow(message);
  });

  it("do not become endless empty lists", () => {
    const empty = {
      dtype: parseDtype("int8"),
      shape: [2 ** 40, 0],
      fortranOrder: false,
      bytes: new Uint8Array(),
    };
    expect(() => elementsToJson(empty)).toThrow("empty lists");
    const texts = { ...empty, dtype: parseDtype("<U0"), shape: [2 ** 40] };
    expect(() => elementsToJson(texts)).toThrow("empty lists or texts");
    expect(() => parseDtype("[('a', '<U0', (1000000000,))]")).toThrow("not an element type");
    expect(() => parseDtype("[('a', '<i4', (1000000000, 0))]")).toThrow("not an element type");
  });

  it("keep fixed text, records and raw bytes apart", () => {
    const records = { dtype: parseDtype("[('a', '<i2'), ('', '|V1'), ('b', '|S2', (2,))]"), shape: [1] };
    const bytes = Uint8Array.from([5, 0, 9, 65, 66, 67, 0]);
    expect(elementsToJson({ ...records, fortranOrder: false, bytes })).toEqual([[5, ["AB", "C"]]]);
  });
});

describe("memory order", () => {
  it("turns round and back again", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 4 }),
        fc.integer({ min: 1, max: 3 }),
        (shape, size) => {
          const bytes = Uint8Array.from({ length: shape.reduce((a, b) => a * b, size) }, (_, i) => i % 251);
          const fortran = reorder(bytes, { shape, itemSizeBytes: size, from: "C" });
          expect(Buffer.from(reorder(fortran, { shape, itemSizeBytes: size, from: "F" }))).toEqual(
            Buffer.from(bytes),
          );
        },
      ),
    );
  });

  it("puts the first axis first", () => {
    const fortran = reorder(Uint8Array.of(0, 1, 2, 3, 4, 5), { shape: [2, 3], itemSizeBytes: 1, from: "C" });
    expect([...fortran]).toEqual([0, 3, 1, 4, 2, 5]);
  });
});

describe("half precision", () => {
  it("reads back all its numbers", () => {
    for (let bits = 0; bits < 65_536; bits++) {
      const value = float16FromBits(bits);
      if (!Number.isNaN(value)) expect(float16ToBits(value)).toBe(bits);
    }
  });

  it.each([
    [65_519, 0x7bff],
    [65_520, 0x7c00],
    [2 ** -25, 0],
    [2 ** -25 * 1.01, 1],
    [1 + 2 ** -11, 0x3c00],
    [1 + 3 * 2 ** -11, 0x3c02],
  ])("rounds %d to even", (value, bits) => {
    expect(float16ToBits(value)).toBe(bits);
  });
});

describe("times", () => {
  it.each([
    [0n, "D", "1970-01-01"],
    [-1n, "Y", "1969"],
    [11_016n, "D", "2000-02-29"],
    [-1n, "ms", "1969-12-31T23:59:59.999"],
    [-719_529n, "D", "-0001-12-31"],
    [2826n, "W", "2024-02-29"],
    [649n, "M", "2024-02"],
    [5n, "", "5"],
    [notATime, "s", "NaT"],
    [1n, "25us", "1970-01-01T00:00:00.000025"],
    [1n, "as", "1970-01-01T00:00:00.000000000000000001"],
  ])("prints %s %s as numpy does", (ticks, unit, text) => {
    expect(formatTicks(ticks, unit)).toBe(text);
  });

  it("reads back what it prints", () => {
    const units = ["Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as", "10ms"];
    fc.assert(
      fc.property(
        fc.constantFrom(...units),
        fc.bigInt({ min: -(10n ** 12n), max: 10n ** 12n }),
        (unit, ticks) => {
          expect(parseTicks(formatTicks(ticks, unit), unit)).toBe(ticks);
        },
      ),
    );
  });

  it("agrees with JavaScript's own calendar", () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date("0000-01-01"), max: new Date("9999-12-31"), noInvalidDate: true }),
        (date) => {
          expect(`${formatTicks(BigInt(date.getTime()), "ms")}Z`).toBe(date.toISOString());
        },
      ),
    );
  });
});

describe("Python's floats", () => {
  it.each([
    [1e16, "1e+16"],
    [1e15, "1000000000000000.0"],
    [0.0001, "0.0001"],
    [0.00001, "1e-05"],
    [1.5e-7, "1.5e-07"],
    [3, "3.0"],
    [-0, "-0.0"],
    [Number.NaN, "nan"],
    [Number.NEGATIVE_INFINITY, "-inf"],
    [5e-324, "5e-324"],
    [123_456.789, "123456.789"],
  ])("prints %d", (value, text) => {
    expect(pythonFloat(value)).toBe(text);
  });

  it("reads back every float", () => {
    fc.assert(
      fc.property(fc.double(), (value) => {
        expect(parsePythonFloat(pythonFloat(value))).toBe(value);
      }),
    );
  });
});

it("bytes that are filled up with zeros, and others that hold as many, are looked at once", () => {
  const size = 1_000_001;
  const bytes = new Uint8Array(2 * size);
  bytes[0] = 97;
  bytes[2 * size - 1] = 98;
  const dtype = parseDtype(`|S${size}`);
  const found = elementsToJson({ dtype, shape: [2], fortranOrder: false, bytes });
  expect(found).toEqual(["a", `${"\0".repeat(size - 1)}b`]);
});
