import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { base32 } from "../../src/object/digest.ts";
import { canonicalHashPath, encodeKeyText, schemaPath, tokenHashPath } from "../../src/object/object-path.ts";
import type { StoreConfig } from "../../src/store/contract.ts";
import { isCanonicalPath } from "../../src/store/path.ts";

function config(more: Partial<StoreConfig> = {}): StoreConfig {
  const common = {
    name: "main",
    protocol: "file",
    location: "/x",
    hashPrefix: "_hash",
    schemaPrefix: "_schema",
  };
  return { ...common, tokenLength: 8, driver: {}, ...more };
}

describe("the peer's hash", () => {
  // From DataJoint-Python 2.3.5.
  test.each([
    ["", "2qoyzwmpaczaj2mabgmoz6ccpy"],
    ["raw bytes", "unwli6dqh5hkrs4def2rgayp5m"],
  ])("of %j", (text, hash) => {
    expect(base32(createHash("md5").update(text).digest())).toBe(hash);
  });

  test("is folded by successive slices", () => {
    const hash = "so4illp6abcdefghijklmnopqr";
    const at = (subfolding: number[]) => canonicalHashPath(config({ subfolding }), "exp", hash);
    expect(at([3, 1, 2])).toBe(`_hash/exp/so4/i/ll/${hash}`);
    expect(at([2, 2])).toBe(`_hash/exp/so/4i/${hash}`);
    expect(canonicalHashPath(config({ hashPrefix: "" }), "exp", hash)).toBe(`exp/${hash}`);
  });

  test("of unknown bytes is random in the peer's alphabet", () => {
    const paths = Array.from({ length: 50 }, () => tokenHashPath(config(), "exp"));
    for (const path of paths) expect(path).toMatch(/^_hash\/exp\/[A-Za-z0-9_-]{8}\/[a-z2-7]{26}$/);
    expect(new Set(paths).size).toBe(50);
  });
});

describe("key values in paths", () => {
  // Paths that DataJoint-Python 2.3.5 wrote.
  test.each([
    ["s1", "s1"],
    ["s2/left ear", "s2%2Fleft%20ear"],
    ["a/b:c", "a%2Fb%3Ac"],
    ['q"<>|?*', "q%22%3C%3E%7C%3F%2A"],
    ["O'Hara", "O'Hara"],
    ["0001-01-01", "0001-01-01"],
    ["2024-03-01T10-00-04", "2024-03-01T10-00-04"],
    ["1.50", "1.50"],
    ["a b é % '", "a b é % '"],
    ["back\\slash", "back%5Cslash"],
  ])("%j is %j", (text, encoded) => {
    expect(encodeKeyText(text)).toBe(encoded);
  });

  test("over 100 characters are cut to 50 and a digest, counted as Python counts", () => {
    const digest = (text: string) => createHash("md5").update(text).digest("hex").slice(0, 8);
    expect(encodeKeyText("x".repeat(100))).toBe("x".repeat(100));
    expect(encodeKeyText("x".repeat(101))).toBe(`${"x".repeat(50)}_${digest("x".repeat(101))}`);
    const long = `a b/${"y".repeat(100)}`;
    expect(encodeKeyText(long)).toBe(`a%20b%2F${"y".repeat(46)}_${digest(long)}`);
    expect(encodeKeyText("😀".repeat(50))).toBe("😀".repeat(50));
  });

  test("whatever the values, the path is canonical and within every limit", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary", maxLength: 400 }),
      fc.string({ unit: "grapheme", maxLength: 120 }),
    );
    const key = fc.uniqueArray(fc.tuple(fc.stringMatching(/^[a-z][a-z0-9_]{0,62}$/), text), {
      selector: ([column]) => column,
      maxLength: 20,
    });
    fc.assert(
      fc.property(key, (pairs) => {
        const target = {
          schema: "s".repeat(63),
          table: "t".repeat(63),
          column: "c".repeat(63),
          key: pairs,
          ext: ".npy",
        };
        const path = schemaPath(config({ partitionPattern: "{a}/{b}" }), target);
        expect(isCanonicalPath(path)).toBe(true);
        expect(isCanonicalPath(`${path}.manifest.json`)).toBe(true);
      }),
    );
  });
});

describe("schema-addressed paths", () => {
  const target = { schema: "exp", table: "_scan", column: "frames", ext: "npy" };
  const key = [
    ["subject", "s2/left ear"],
    ["session_date", "2024-03-01"],
  ] as const;

  test("put the partition before the schema and leave it out of the key", () => {
    const path = schemaPath(
      config({ partitionPattern: "{session_date}-{missing}/{subject}", tokenLength: 12 }),
      { ...target, key },
    );
    expect(path).toMatch(
      /^_schema\/session_date=2024-03-01\/subject=s2%2Fleft%20ear\/exp\/_scan\/frames_[A-Za-z0-9_-]{12}\.npy$/,
    );
  });

  test("have no key part without a key, and no extension without one", () => {
    expect(schemaPath(config(), { ...target, key: [], ext: "" })).toMatch(
      /^_schema\/exp\/_scan\/frames_[A-Za-z0-9_-]{8}$/,
    );
    expect(schemaPath(config({ schemaPrefix: "" }), { ...target, key })).toMatch(/^exp\/_scan\/subject=/);
  });

  test.each(["/x", "a/b", "..\\x", ".\u0000", `.${"x".repeat(70)}`])("refuse the extension %j", (ext) => {
    expect(() => schemaPath(config(), { ...target, key, ext })).toThrow(/no file extension/);
  });
});
