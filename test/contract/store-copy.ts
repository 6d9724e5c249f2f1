/** What every store driver does with copies, versions and tags. Call inside a `describe`. */

import { describe, expect, test } from "vitest";
import type { StoreDriver } from "../../src/store/contract.ts";
import { bodyOf, codeOf, collect } from "./store.ts";

type Make = () => Promise<StoreDriver>;

const text = (content: string) => bodyOf(Buffer.from(content));

async function contentOf(driver: StoreDriver, path: string, versionId?: string): Promise<string | undefined> {
  const got = await driver.get(path, versionId === undefined ? {} : { versionId });
  return got === undefined ? undefined : (await collect(got.body)).toString("latin1");
}

async function paths(driver: StoreDriver): Promise<string[]> {
  const found: string[] = [];
  for await (const { path } of driver.list("")) if (!path.startsWith("_obj/")) found.push(path);
  return found;
}

export function testCopy(make: Make): void {
  describe("copy", () => {
    test.each([0, 1, 1000, 11_000_001])("makes another object of %i bytes", async (size) => {
      const driver = await make();
      const bytes = Buffer.alloc(size);
      for (let at = 0; at < size; at += 997) bytes[at] = at & 255;
      await driver.put("a b/é+%.bin", bodyOf(bytes));
      const head = await driver.copy("a b/é+%.bin", "to/é %+&=?#.bin");
      expect(head).toMatchObject({ path: "to/é %+&=?#.bin", sizeBytes: size });
      expect(await driver.head("to/é %+&=?#.bin")).toMatchObject({ sizeBytes: size });
      expect((await contentOf(driver, "to/é %+&=?#.bin")) === bytes.toString("latin1")).toBe(true);
      await driver.delete("a b/é+%.bin");
      expect((await contentOf(driver, "to/é %+&=?#.bin")) === bytes.toString("latin1")).toBe(true);
    });

    test("never overwrites, not even with itself", async () => {
      const driver = await make();
      await driver.put("a", text("first"));
      await driver.put("b", text("second"));
      expect(await codeOf(driver.copy("a", "b"))).toBe("STORE_CONFLICT");
      expect(await codeOf(driver.copy("a", "a"))).toBe("STORE_CONFLICT");
      expect([await contentOf(driver, "a"), await contentOf(driver, "b")]).toEqual(["first", "second"]);
    });

    test("lets one of many at once win", async () => {
      const driver = await make();
      const names = Array.from({ length: 6 }, (_, index) => `from${index}`);
      for (const name of names) await driver.put(name, text(name.repeat(1000)));
      const results = await Promise.allSettled(names.map((name) => driver.copy(name, "race")));
      const winners = names.filter((_, index) => results[index]?.status === "fulfilled");
      expect(winners).toHaveLength(1);
      expect(await contentOf(driver, "race")).toBe(winners[0]?.repeat(1000));
    });

    test("of what is absent is told, and leaves nothing", async () => {
      const driver = await make();
      expect(await codeOf(driver.copy("nothing", "to"))).toBe("OBJECT_MISSING");
      expect(await paths(driver)).toEqual([]);
    });

    test("refuses paths that are not canonical, on both sides", async () => {
      const driver = await make();
      await driver.put("a", text("x"));
      for (const path of ["", "/b", "b/../c", "b\\c", "b//c"]) {
        expect(await codeOf(driver.copy("a", path))).toBe("BAD_USER_INPUT");
        expect(await codeOf(driver.copy(path, "b"))).toBe("BAD_USER_INPUT");
      }
      expect(await paths(driver)).toEqual(["a"]);
    });

    test("does nothing for a caller that has given up", async () => {
      const driver = await make();
      await driver.put("a", text("x"));
      await expect(driver.copy("a", "b", { signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);
      expect(await paths(driver)).toEqual(["a"]);
    });

    test("of a version that was never told is told as absent", async () => {
      const driver = await make();
      await driver.put("a", text("x"));
      const versionId = "00000000-0000-4000-8000-000000000000";
      expect(await driver.head("a", undefined, versionId)).toBeUndefined();
      expect(await driver.get("a", { versionId })).toBeUndefined();
      expect(await codeOf(driver.copy("a", "b", { versionId }))).toBe("OBJECT_MISSING");
    });
  });
}

/** Whoever has given up before is served by no call. */
export function testAborted(make: Make): void {
  test("no call begins for a caller that has given up", async () => {
    const driver = await make();
    await driver.put("a", text("x"));
    const reason = new Error("gone");
    const signal = AbortSignal.abort(reason);
    for (const work of [
      () => driver.head("a", signal),
      () => driver.get("a", { signal }),
      () => driver.put("b", text("x"), { signal }),
      () => driver.copy("a", "b", { signal }),
      () => driver.list("", { signal })[Symbol.asyncIterator]().next(),
      () => driver.delete("a", { signal }),
      () => driver.probe(signal),
    ])
      await expect(work()).rejects.toBe(reason);
    expect(await paths(driver)).toEqual(["a"]);
  });
}

/** Where versions are kept. */
export function testVersions(make: Make): void {
  test("reads, ranges and copies a version that a deletion has hidden", async () => {
    const driver = await make();
    const { versionId = "" } = await driver.put("key", text("first"));
    expect(versionId).toMatch(/./);
    await driver.delete("key");
    expect(await driver.head("key")).toBeUndefined();
    expect(await driver.head("key", undefined, versionId)).toMatchObject({ sizeBytes: 5, versionId });
    expect(await contentOf(driver, "key", versionId)).toBe("first");
    const part = await driver.get("key", { versionId, range: { start: 1, end: 3 } });
    expect((await collect(part?.body ?? text(""))).toString()).toBe("ir");
    const none = await driver.get("key", { versionId, range: { start: 5, end: 5 } });
    expect(await collect(none?.body ?? text("x"))).toHaveLength(0);
    await driver.copy("key", "restored", { versionId });
    expect(await contentOf(driver, "restored")).toBe("first");
    await driver.delete("key", { versionId });
    expect(await driver.head("key", undefined, versionId)).toBeUndefined();
    expect(await driver.get("key", { versionId })).toBeUndefined();
    expect(await contentOf(driver, "restored")).toBe("first");
  });

  test("lists versions, the newest first, and copies one back to where a deletion has hidden it", async () => {
    const driver = await make();
    const versionsOf = async (prefix: string): Promise<(string | undefined)[]> => {
      const found: (string | undefined)[] = [];
      for await (const { path, versionId, sizeBytes } of driver.versions?.(prefix) ?? []) {
        expect([path, sizeBytes]).toEqual(["hidden/key", 5]);
        found.push(versionId);
      }
      return found;
    };
    const { versionId = "" } = await driver.put("hidden/key", text("first"));
    expect(await codeOf(driver.copy("hidden/key", "hidden/key", { versionId }))).toBe("STORE_CONFLICT");
    await driver.delete("hidden/key");
    expect(await versionsOf("hidden/")).toEqual([versionId]);
    const again = await driver.copy("hidden/key", "hidden/key", { versionId });
    expect(await contentOf(driver, "hidden/key")).toBe("first");
    expect(again.versionId).not.toBe(versionId);
    expect(await versionsOf("hidden/k")).toEqual([again.versionId, versionId]);
    expect(await versionsOf("nothing")).toEqual([]);
  });
}

export function testTags(make: Make): void {
  const tagsOf = async () => {
    const driver = await make();
    if (driver.tags === undefined) throw new Error("The driver has no tags.");
    return { driver, tags: driver.tags };
  };

  test("keeps tags, replaces them, and leaves the bytes alone", async () => {
    const { driver, tags } = await tagsOf();
    await driver.put("a/é", text("content"));
    expect(await tags.get("a/é")).toEqual({});
    await tags.set("a/é", { kind: "trash", "purge-after": "2026-12-01" });
    expect(await tags.get("a/é")).toEqual({ kind: "trash", "purge-after": "2026-12-01" });
    await tags.set("a/é", { other: "" });
    expect(await tags.get("a/é")).toEqual({ other: "" });
    expect(await contentOf(driver, "a/é")).toBe("content");
  });

  test("tells what is absent, and too much", async () => {
    const { driver, tags } = await tagsOf();
    expect(await codeOf(tags.set("nothing", { a: "b" }))).toBe("OBJECT_MISSING");
    expect(await codeOf(tags.get("nothing"))).toBe("OBJECT_MISSING");
    await driver.put("a", text("x"));
    const many = Object.fromEntries(Array.from({ length: 11 }, (_, index) => [`k${index}`, "v"]));
    for (const wrong of [many, { "": "v" }, { k: "v".repeat(257) }, { ["k".repeat(129)]: "v" }])
      expect(await codeOf(tags.set("a", wrong))).toBe("LIMIT_EXCEEDED");
    expect(await codeOf(tags.set("../a", {}))).toBe("BAD_USER_INPUT");
  });
}
