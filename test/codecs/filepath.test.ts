import { describe, expect, it } from "vitest";
import filepath from "../../codecs/filepath.ts";
import { referChain } from "../../src/codec/chain.ts";
import type { ReferenceHead } from "../../src/codec/contract.ts";
import { createRegistry } from "../../src/codec/registry.ts";
import { fixtureColumns } from "../support/datajoint-fixture.ts";

const registry = createRegistry([filepath]);
const modifiedAt = new Date(Date.UTC(2024, 1, 29, 1, 2, 3));
const files: Record<string, ReferenceHead> = {
  "raw/a b.bin": { isDirectory: false, sizeBytes: 17, modifiedAt },
  "raw/folder": { isDirectory: true },
};

function refer(path: unknown, prefixes: { hash?: string; schema?: string; filepath?: string } = {}) {
  return (
    registry.get("filepath") &&
    referChain(
      registry,
      { name: "filepath", store: "cold" },
      {
        input: { path },
        context: {
          ...{ schema: "lab", table: "t", field: "raw", store: "cold", now: new Date(0) },
          prefixes: { hash: "_hash", schema: "_schema", ...prefixes },
          head: async (at) => files[at],
        },
      },
    )
  );
}

describe("references to the user's own files", () => {
  it("have the keys that DataJoint writes, and the time of the file beside", async () => {
    const file = await refer("raw/a b.bin");
    expect(file).toEqual({
      ...{ path: "raw/a b.bin", store: "cold", size: 17, is_dir: false },
      ...{ timestamp: "1970-01-01T00:00:00.000+00:00", modified_at: modifiedAt.toISOString() },
    });
    const theirs = Object.keys(fixtureColumns("filepath")[0]?.json ?? {}).sort();
    expect(Object.keys(await refer("raw/folder")).sort()).toEqual(theirs);
    expect(await refer("raw/folder")).toMatchObject({ is_dir: true, size: null });
  });

  it("are refused when there is no such file, by path and store", async () => {
    await expect(refer("raw/none")).rejects.toMatchObject({
      code: "CODEC_INVALID_VALUE",
      message: expect.stringContaining('The store "cold" has no file or folder "raw/none".'),
      details: { field: "raw" },
    });
  });

  it.each([
    "../x",
    "a/../b",
    "./a",
    "a/./b",
    "a//b",
    "/etc/passwd",
    "a/",
    "",
    "a\\b",
    "C:/x",
    "a\0b",
    "a\nb",
    "_hash/x",
    "_schema/lab/t/x",
    "_trash/1",
    "_obj/identity.json",
    "_hash",
    `${"x/".repeat(600)}y`,
    "\ud800",
  ])("are refused for the path %j", async (path) => {
    await expect(refer(path)).rejects.toMatchObject({ code: "CODEC_INVALID_VALUE" });
  });

  it("follow the prefixes of the store", async () => {
    await expect(refer("raw/a b.bin", { filepath: "other" })).rejects.toThrow("lie below other/");
    await expect(refer("raw/a b.bin", { schema: "/raw/" })).rejects.toThrow("raw/ belongs to the service");
    expect(await refer("raw/a b.bin", { filepath: "raw/", schema: "", hash: "" })).toMatchObject({
      size: 17,
    });
  });
});

describe("status", () => {
  const meta = { path: "raw/a b.bin", size: 17, is_dir: false, modified_at: modifiedAt.toISOString() };
  const decoding = { field: "raw", args: {}, inlineLimitBytes: 1 };
  const never = () => Promise.reject(new Error("the file must not be opened"));

  it.each([
    ["PRESENT", { isDirectory: false, sizeBytes: 17, modifiedAt }, meta],
    ["PRESENT", { isDirectory: false, sizeBytes: 17, modifiedAt: new Date(5) }, { size: 17, is_dir: false }],
    ["CHANGED", { isDirectory: false, sizeBytes: 17, modifiedAt: new Date(5) }, meta],
    ["CHANGED", { isDirectory: false, sizeBytes: 18, modifiedAt }, meta],
    ["CHANGED", { isDirectory: true }, meta],
    ["PRESENT", { isDirectory: true }, { is_dir: true, size: null }],
    ["MISSING", undefined, meta],
  ])("is %s for %j", async (status, head, json) => {
    const value = { meta: json, bytes: never, tree: never, head: async () => head };
    expect(await filepath.fields["status"]?.read?.(value, {}, decoding)).toBe(status);
  });
});

it.each([
  [0, "2024-02-29T01:02:03Z"],
  [250, "2024-02-29T01:02:03.25Z"],
  [7, "2024-02-29T01:02:03.007Z"],
])("a time that the store tells is answered as DateTime: %i milliseconds", async (milliseconds, text) => {
  const head = { isDirectory: false, modifiedAt: new Date(modifiedAt.getTime() + milliseconds) };
  const never = () => Promise.reject(new Error("the file must not be opened"));
  const value = { meta: {}, bytes: never, tree: never, head: async () => head };
  const decoding = { field: "raw", args: {}, inlineLimitBytes: 1 };
  expect(await filepath.fields["modifiedAt"]?.read?.(value, {}, decoding)).toBe(text);
});
