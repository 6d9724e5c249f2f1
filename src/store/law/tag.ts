/** Laws of tags. */

import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { StoreDriver } from "../contract.ts";
import { bytesOf, codeOf, law, type StoreLaw, text } from "./law.ts";

async function tagsOf(make: () => Promise<StoreDriver>) {
  const driver = await make();
  if (driver.tags === undefined) throw new Error("The driver has no tags.");
  return { driver, tags: driver.tags };
}

export const tagLaws: readonly StoreLaw[] = [
  law("keeps tags, replaces them, and leaves the bytes alone", async (make) => {
    const { driver, tags } = await tagsOf(make);
    await driver.put("a/é", text("content"));
    deepStrictEqual(await tags.get("a/é"), {});
    await tags.set("a/é", { kind: "trash", "purge-after": "2026-12-01" });
    deepStrictEqual(await tags.get("a/é"), { kind: "trash", "purge-after": "2026-12-01" });
    await tags.set("a/é", { other: "" });
    deepStrictEqual(await tags.get("a/é"), { other: "" });
    strictEqual(await contentOf(driver, "a/é"), "content");
  }),

  law("tells what is absent, and too much", async (make) => {
    const { driver, tags } = await tagsOf(make);
    strictEqual(await codeOf(tags.set("nothing", { a: "b" })), "OBJECT_MISSING");
    strictEqual(await codeOf(tags.get("nothing")), "OBJECT_MISSING");
    await driver.put("a", text("x"));
    const many = Object.fromEntries(Array.from({ length: 11 }, (_, index) => [`k${index}`, "v"]));
    for (const wrong of [many, { "": "v" }, { k: "v".repeat(257) }, { ["k".repeat(129)]: "v" }])
      strictEqual(await codeOf(tags.set("a", wrong)), "LIMIT_EXCEEDED");
    strictEqual(await codeOf(tags.set("../a", {})), "BAD_USER_INPUT");
  }),
];

async function contentOf(driver: StoreDriver, path: string): Promise<string | undefined> {
  return (await bytesOf(driver, path))?.toString("latin1");
}
