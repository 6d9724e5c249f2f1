/** Scalars for numbers that a JSON number cannot carry: BigInt, Decimal, Float64, Float32. */

import { refusal } from "./fault.ts";
import type { Scalar } from "./scalar.ts";

const lowest = -(2n ** 63n);
const highest = 2n ** 63n - 1n;
const notFinite = new Set(["NaN", "Infinity", "-Infinity"]);

/** Signed 64-bit integers; a string on output, a string or an integer on input. Parses to decimal text. */
export const bigIntScalar: Scalar = {
  name: "BigInt",
  description:
    "A signed 64-bit integer. A string on output, so that no digit is lost; a string or an integer on input.",
  exactNumbers: true,
  parse(value) {
    const number = wholeNumber(value);
    if (number < lowest || number > highest) {
      throw refusal("BigInt", value, `give a value from ${lowest} to ${highest}`);
    }
    return number.toString();
  },
};

function wholeNumber(value: unknown): bigint {
  if (typeof value === "bigint") return value;
  if (typeof value === "string" && /^[+-]?\d{1,40}$/.test(value)) return BigInt(value.replace(/^\+/, ""));
  if (typeof value === "number" && Number.isSafeInteger(value)) return BigInt(value);
  if (typeof value === "number" && Number.isInteger(value)) {
    throw refusal("BigInt", value, "above 2^53 a JSON number loses digits, give a string");
  }
  throw refusal("BigInt", value, 'give an integer, or its digits as a string like "9007199254740993"');
}

/** Exact decimal numbers; a string on output, a string or a number on input. Parses to decimal text. */
export const decimalScalar: Scalar = {
  name: "Decimal",
  description: "An exact decimal number. A string on output; a string, or a number, on input.",
  exactNumbers: true,
  parse(value) {
    if (typeof value === "number" && Number.isFinite(value)) return String(value);
    const fits = typeof value === "string" && value.length <= 1000;
    if (fits && /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,4})?$/.test(value)) return value;
    throw refusal("Decimal", value, 'give a decimal number such as "12.50"');
  },
};

/** 64-bit floating point, non-finite values included. Parses to a number, or to "NaN", "Infinity", "-Infinity". */
export const float64Scalar: Scalar = {
  name: "Float64",
  description:
    'A 64-bit floating point number, NaN and the infinities included: those are the strings "NaN", "Infinity" and "-Infinity", finite values are numbers.',
  parse: (value) => floatingPoint("Float64", value),
};

/** As {@link float64Scalar}, for single precision. */
export const float32Scalar: Scalar = {
  name: "Float32",
  description:
    'A 32-bit floating point number, NaN and the infinities included: those are the strings "NaN", "Infinity" and "-Infinity", finite values are numbers.',
  parse(value) {
    const number = floatingPoint("Float32", value);
    if (typeof number === "number" && !Number.isFinite(Math.fround(number))) {
      throw refusal("Float32", value, "its magnitude is above 3.4028235e38, the largest of single precision");
    }
    return number;
  },
};

function floatingPoint(name: string, value: unknown): number | string {
  if (typeof value === "number" && Number.isFinite(value)) return value;
  if (typeof value === "string" && notFinite.has(value)) return value;
  throw refusal(name, value, 'give a number, or "NaN", "Infinity" or "-Infinity"');
}
