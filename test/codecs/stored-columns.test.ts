import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { readField } from "../../src/codec/chain.ts";
import { loadCodecs } from "../../src/codec/load.ts";
import { storedValueOf } from "../../src/codec/memory-reader.ts";
import { createRegistry } from "../../src/codec/registry.ts";
import { fixtureColumns, storeFile } from "../support/datajoint-fixture.ts";

const registry = createRegistry(await loadCodecs([`${import.meta.dirname}/../../codecs`]));
const context = { field: "x", inlineLimitBytes: 2 ** 20 };

/** A field of a value as the service reads it. */
function ask(
  name: string,
  of: { codec: string; inStore: boolean },
  value: ReturnType<typeof storedValueOf>,
  args = {},
) {
  const use = { name: of.codec, ...(of.inStore ? { store: "main" } : {}) };
  return readField(registry, use, { name, value, args, context });
}

describe("attach columns of DataJoint", () => {
  const rows = fixtureColumns("attach");

  it("are found in the row and in stores", () => {
    expect(new Set(rows.map((row) => row.spec)).size).toBeGreaterThanOrEqual(2);
  });

  it.each(rows)("$table $column reads name, size, digest and text", async ({ value, json, bytes }) => {
    const stored = storedValueOf(bytes ?? storeFile(json), json);
    const of = { codec: "attach", inStore: bytes === undefined };
    const content = Object(value["content"]);
    expect(await ask("name", of, stored)).toBe(value["filename"]);
    expect(await ask("sizeBytes", of, stored)).toBe(String(content.size));
    const whole = Buffer.from(content.hex, "hex");
    expect(await ask("digest", of, stored)).toBe(
      `sha256:${createHash("sha256").update(whole).digest("hex")}`,
    );
    const text = await ask("text", of, stored, { maxBytes: 100_000 });
    if (text !== null) expect(Buffer.from(String(text))).toEqual(whole);
    else expect(whole.toString("utf8")).toContain("\ufffd");
  });
});

describe("hash columns of DataJoint", () => {
  it.each(fixtureColumns("hash"))("$table $column reads the bytes", async ({ value, json }) => {
    const stored = storedValueOf(storeFile(json), json);
    const bytes = await registry.get("hash").decode(stored, { ...context, args: {} });
    expect(Buffer.from(bytes as Uint8Array).toString("hex")).toBe(value["hex"]);
  });
});

describe("object columns of DataJoint", () => {
  const rows = fixtureColumns("object");
  const folders = rows.filter((row) => row.value["is_dir"]);

  it("are found as files and as folders", () => {
    expect(folders.length).toBeGreaterThanOrEqual(3);
    expect(rows.length).toBeGreaterThan(folders.length);
  });

  it.each(folders)("$table $column lists the folder", async ({ value, json }) => {
    const files = value["files"] as [string, { size: number; hex: string }][];
    const inside = files.map(([path, raw]) => [path.slice(path.indexOf("/") + 1), raw] as const);
    const tree = Object.fromEntries(inside.map(([path]) => [path, storeFile(json, path)]));
    const stored = storedValueOf(tree, json);
    const of = { codec: "object", inStore: true };
    const listed = inside.map(([path, { size }]) => ({ path, sizeBytes: String(size) }));
    expect(await ask("entries", of, stored)).toEqual(listed);
    expect(await ask("entries", of, stored, { first: 1, after: inside[0]?.[0] })).toEqual(listed.slice(1, 2));
    expect(await ask("file", of, stored, { path: inside[0]?.[0] })).toEqual(listed[0]);
    expect(await ask("file", of, stored, { path: "not/there" })).toBeNull();
    expect(await ask("sizeBytes", of, stored)).toBe(String(value["size"]));
    await expect(ask("file", of, stored, { path: "../a" })).rejects.toMatchObject({ code: "BAD_USER_INPUT" });
  });

  it.each(rows.filter((row) => !row.value["is_dir"]))("$table $column is a file", async ({ value, json }) => {
    const stored = storedValueOf(storeFile(json), json);
    const bytes = await registry.get("object").decode(stored, { ...context, args: {} });
    expect(Buffer.from(bytes as Uint8Array).toString("hex")).toBe(Object(value["content"]).hex);
    expect(await ask("entries", { codec: "object", inStore: true }, stored)).toBeNull();
  });
});

describe("metadata", () => {
  const object = {
    ...{ store: "cold", path: "p/x.npy", schema: "lab", sizeBytes: 9, sha256: "ab", isTree: false },
    ...{ hash: "unwli6dqh5hkrs4def2rgayp5m", ext: ".npy", writtenAt: new Date(Date.UTC(2024, 0, 2)) },
  };

  it("has every key that DataJoint writes, and only additions beside", () => {
    const samples = { npy: { dtype: "int8", shape: [9] }, hash: {}, object: {} };
    for (const [name, meta] of Object.entries(samples)) {
      const written = registry.get(name).metadata?.(object, meta) ?? {};
      const theirs = fixtureColumns(name)[0]?.json ?? {};
      const added = Object.keys(written).filter((key) => !(key in theirs));
      expect(Object.keys(theirs).every((key) => key in written)).toBe(true);
      expect(added.every((key) => ["sha256", "size"].includes(key))).toBe(true);
    }
  });

  it("says of a folder what DataJoint does", () => {
    const { ext: _ext, sha256: _sha256, ...folder } = { ...object, isTree: true, itemCount: 3 };
    expect(registry.get("object").metadata?.(folder, {})).toEqual({
      ...{ path: "p/x.npy", store: "cold", size: 9, ext: null, is_dir: true, item_count: 3 },
      timestamp: "2024-01-02T00:00:00.000+00:00",
    });
  });
});
