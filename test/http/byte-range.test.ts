import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseRange } from "../../src/http/byte-range.ts";

describe("parseRange", () => {
  it.each([
    ["bytes=0-4", 10, { start: 0, end: 5 }],
    ["bytes=0-0", 10, { start: 0, end: 1 }],
    ["bytes=9-9", 10, { start: 9, end: 10 }],
    ["bytes=5-", 10, { start: 5, end: 10 }],
    ["bytes=-3", 10, { start: 7, end: 10 }],
    ["bytes=-10", 10, { start: 0, end: 10 }],
    ["bytes=-4000", 10, { start: 0, end: 10 }],
    ["bytes=4-99999999999999999999999999", 10, { start: 4, end: 10 }],
    ["Bytes=0-1", 10, { start: 0, end: 2 }],
    ["bytes= 0-1 ", 10, { start: 0, end: 2 }],
    ["bytes=10-", 10, "unsatisfiable"],
    ["bytes=10-12", 10, "unsatisfiable"],
    ["bytes=99999999999999999999-", 10, "unsatisfiable"],
    ["bytes=-0", 10, "unsatisfiable"],
    ["bytes=0-", 0, "unsatisfiable"],
    ["bytes=-5", 0, "whole"],
    ["bytes=5-2", 10, "whole"],
    ["bytes=-", 10, "whole"],
    ["bytes=", 10, "whole"],
    ["bytes=a-b", 10, "whole"],
    ["bytes=1.5-2", 10, "whole"],
    ["bytes=+1-2", 10, "whole"],
    ["bytes 0-4", 10, "whole"],
    ["items=0-4", 10, "whole"],
    ["bytes=0-1,3-4", 10, "whole"],
    [undefined, 10, "whole"],
  ])("%s of %i bytes", (header, size, expected) => {
    expect(parseRange(header, size)).toEqual(expected);
  });

  it("never leaves the object, and gives what Array.slice gives", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 40 }),
        fc.nat(50),
        fc.option(fc.nat(60), { nil: undefined }),
        (bytes, first, last) => {
          const answer = parseRange(`bytes=${first}-${last ?? ""}`, bytes.length);
          if (last !== undefined && last < first) return answer === "whole";
          if (first >= bytes.length) return answer === "unsatisfiable";
          const expected = bytes.slice(first, last === undefined ? undefined : last + 1);
          return (
            typeof answer === "object" &&
            Buffer.compare(bytes.slice(answer.start, answer.end), expected) === 0
          );
        },
      ),
    );
  });
});
