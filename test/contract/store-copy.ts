/** What every store driver does with copies, versions and tags. Call inside a `describe`. */

import { expect, test } from "vitest";
import type { StoreDriver } from "../../src/store/contract.ts";
import { abortLaws, copyLaws } from "../../src/store/law/copy.ts";
import { tagLaws } from "../../src/store/law/tag.ts";
import { bodyOf, codeOf, collect, placeOf, runStoreLaws } from "./store.ts";

type Make = () => Promise<StoreDriver>;

const text = (content: string) => bodyOf(Buffer.from(content));

async function contentOf(driver: StoreDriver, path: string, versionId?: string): Promise<string | undefined> {
  const got = await driver.get(path, versionId === undefined ? {} : { versionId });
  return got === undefined ? undefined : (await collect(got.body)).toString("latin1");
}

export function testCopy(make: Make): void {
  runStoreLaws(copyLaws, placeOf(make));
}

/** Whoever has given up before is served by no call. */
export function testAborted(make: Make): void {
  runStoreLaws(abortLaws, placeOf(make));
}

export function testTags(make: Make): void {
  runStoreLaws(tagLaws, placeOf(make));
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
