import { describe, expect, it } from "vitest";
import { checkPreconditions, rangeCounts } from "../../src/http/precondition.ts";

const strong = { etag: '"sha256:ab"' };
const weak = { etag: 'W/"7-1"', modifiedAt: new Date("2026-03-01T10:00:00.500Z") };

describe("checkPreconditions", () => {
  it.each([
    [{ "if-none-match": '"sha256:ab"' }, strong, 304],
    [{ "if-none-match": 'W/"sha256:ab"' }, strong, 304],
    [{ "if-none-match": '"x", "sha256:ab"' }, strong, 304],
    [{ "if-none-match": '"x,y", "sha256:ab"' }, strong, 304],
    [{ "if-none-match": "*" }, strong, 304],
    [{ "if-none-match": '"sha256:abc"' }, strong, "proceed"],
    [{ "if-none-match": "sha256:ab" }, strong, "proceed"],
    [{ "if-none-match": 'W/"7-1"' }, weak, 304],
    [{ "if-match": '"sha256:ab"' }, strong, "proceed"],
    [{ "if-match": "*" }, strong, "proceed"],
    [{ "if-match": '"other"' }, strong, 412],
    [{ "if-match": 'W/"7-1"' }, weak, 412],
    [{ "if-match": '"sha256:ab"', "if-none-match": '"sha256:ab"' }, strong, 304],
    [{ "if-modified-since": "Sun, 01 Mar 2026 10:00:00 GMT" }, weak, 304],
    [{ "if-modified-since": "Sun, 01 Mar 2026 09:59:59 GMT" }, weak, "proceed"],
    [{ "if-modified-since": "nonsense" }, weak, "proceed"],
    [{ "if-modified-since": "Sun, 01 Mar 2026 10:00:00 GMT" }, strong, "proceed"],
    [{ "if-none-match": '"x"', "if-modified-since": "Sun, 01 Mar 2026 10:00:00 GMT" }, weak, "proceed"],
    [{ "if-unmodified-since": "Sun, 01 Mar 2026 09:00:00 GMT" }, weak, 412],
    [{ "if-unmodified-since": "Sun, 01 Mar 2026 10:00:00 GMT" }, weak, "proceed"],
  ])("%j", (headers, validators, expected) => {
    expect(checkPreconditions(headers, validators)).toBe(expected);
  });
});

describe("rangeCounts", () => {
  it.each([
    [{}, strong, true],
    [{ "if-range": '"sha256:ab"' }, strong, true],
    [{ "if-range": '"old"' }, strong, false],
    [{ "if-range": 'W/"7-1"' }, weak, false],
    [{ "if-range": "Sun, 01 Mar 2026 10:00:00 GMT" }, weak, false],
  ])("%j", (headers, validators, expected) => {
    expect(rangeCounts(headers, validators)).toBe(expected);
  });
});
