import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { segmentsAfter } from "../../src/http/url-segments.ts";
import { dataPath } from "../../src/object/data-path.ts";

describe("segmentsAfter", () => {
  it.each([
    ["/d/cap/a.npy", ["cap", "a.npy"]],
    ["/d/cap/a%20b/%C3%A9.npy?x=1", ["cap", "a b", "é.npy"]],
    ["/d/cap/x.zarr/0/0.0", ["cap", "x.zarr", "0", "0.0"]],
    ["/d/cap/x.zarr/", ["cap", "x.zarr"]],
    ["/d/cap/...", ["cap", "..."]],
    ["/d/cap/..a", ["cap", "..a"]],
    ["/d/cap/100%25.txt", ["cap", "100%.txt"]],
    ["/d/cap/50%2525.txt", ["cap", "50%25.txt"]],
  ])("decodes %s", (target, expected) => {
    expect(segmentsAfter("/d/", target)).toEqual(expected);
  });

  it.each([
    "/d/cap/../x",
    "/d/cap/./x",
    "/d/cap/..",
    "/d/cap//x",
    "/d/cap/%2e%2e/x",
    "/d/cap/%2E%2E/x",
    "/d/cap/.%2e/x",
    "/d/cap/%2e/x",
    "/d/cap/..%2fx",
    "/d/cap/a%2fb",
    "/d/cap/a%2Fb",
    "/d/cap/a%5cb",
    "/d/cap/..\\x",
    "/d/cap/a%00",
    "/d/cap/a%0a",
    "/d/cap/a%7f",
    "/d/cap/%252e%252e/x",
    "/d/cap/%252e%252e%252fx",
    "/d/cap/%25252e%25252e/x",
    "/d/cap/a%252fb",
    "/d/cap/a%255cb",
    "/d/cap/a%2500",
    "/d/cap/%c0%ae%c0%ae/x",
    "/d/cap/%",
    "/d/cap/%zz",
  ])("refuses %s", (target) => {
    expect(() => segmentsAfter("/d/", target)).toThrowError(expect.objectContaining({ code: "BAD_REQUEST" }));
  });

  it("gives back every plain segment that was encoded", () => {
    const segment = fc
      .string({ unit: "grapheme", minLength: 1, maxLength: 20 })
      .filter((text) => !/[/\\%\p{Cc}]|^\.{1,2}$/u.test(text));
    fc.assert(
      fc.property(fc.array(segment, { minLength: 1, maxLength: 5 }), (segments) => {
        expect(segmentsAfter("/d/", `/d/${segments.map(encodeURIComponent).join("/")}`)).toEqual(segments);
      }),
    );
  });

  it("takes every path that dataPath makes, and finds the name last", () => {
    const text = fc.string({ unit: fc.constantFrom(..."a%2fFeE.5cC0 /\\\u0000é\ud800~") });
    fc.assert(
      fc.property(fc.array(text), text, (readable, name) => {
        const segments = segmentsAfter("/d/", dataPath("cap", name, { readable }));
        expect(segments.length).toBe(readable.length + 2);
        expect(segmentsAfter("/d/", dataPath("cap", name, { readable, isTree: true }))).toEqual([
          "cap",
          segments.at(-1),
        ]);
      }),
    );
  });
});
