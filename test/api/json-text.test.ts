/** Numbers of JSON text: kept as they are on the way out, refused on the way in where JavaScript would round them. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseExact } from "../../src/api/json-text.ts";
import { isRounded, roundedInteger } from "../../src/api/long-integer.ts";

describe("whole numbers of a request", () => {
  it.each([
    [
      '{"variables": {"rows": [{"n": 1}, {"n": 9007199254740993}]}}',
      "variables.rows.1.n",
      "9007199254740993",
    ],
    ["[-9223372036854775807]", "0", "-9223372036854775807"],
    ['{"a":\n1152921504606846977\t}', "a", "1152921504606846977"],
    [
      '{"a\\"b": {"c": "{[,", "d": [[], {}, [1, {"e": 0}, 9007199254740993]]}, "z": 9007199254740995}',
      'a"b.d.2.2',
      "9007199254740993",
    ],
    [`[${"9".repeat(400)}]`, "0", "9".repeat(400)],
  ])("%s is told with its place", (text, path, digits) => {
    expect(roundedInteger(text)).toEqual({ path, digits });
  });

  it.each([
    '{"text": "see 9007199254740993, please", "n": 1}',
    '["9007199254740993"]',
    "[9007199254740992, 1152921504606846976, 9223372036854775808]",
    // As JavaScript writes the nearest float: whoever sends it has a float.
    "[12345678901234567000]",
    "[1e300, 0.12345678901234567, 3.1415926535897931, 9007199254740993.0]",
  ])("%s is left alone", (text) => {
    expect(roundedInteger(text)).toBeUndefined();
  });

  it("are told when, and only when, JSON.parse changes them", () => {
    const whole = fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n });
    fc.assert(
      fc.property(fc.array(whole), (numbers) => {
        const digits = numbers.map(String);
        const changed = digits.filter((text) => {
          const number: unknown = JSON.parse(text);
          return String(number) !== text && BigInt(Number(number)) !== BigInt(text);
        });
        const told = roundedInteger(`{"digits": [${digits.join(", ")}]}`);
        expect(told?.digits).toBe(changed[0]);
        expect(digits.filter(isRounded)).toEqual(changed);
      }),
    );
  });

  it("keep their digits on the way out", () => {
    const text = '{"a":[9007199254740993,0.1234567890123456789,-0,1e400]}';
    expect(JSON.stringify(parseExact(text))).toBe(text);
  });
});
