/** Laws of moves. */

import { deepStrictEqual, match, ok, partialDeepStrictEqual, strictEqual } from "node:assert/strict";
import type { StoreDriver } from "../contract.ts";
import { bodyOf, bytesOf, codeOf, law, type StoreLaw, text, thrownBy } from "./law.ts";

async function made(make: () => Promise<StoreDriver>) {
  const driver = await make();
  const move = driver.move?.bind(driver);
  if (move === undefined) throw new Error("The driver moves nothing.");
  return { driver, move };
}

export const moveLaws: readonly StoreLaw[] = [
  ...[0, 1, 3_000_001].map((size) =>
    law(`move: gives ${size} bytes another path, and frees theirs`, async (make) => {
      const { driver, move } = await made(make);
      const bytes = Buffer.alloc(size, "0123456789abcdef");
      await driver.put("a b/é+%.bin", bodyOf(bytes));
      const head = await move("a b/é+%.bin", "_trash/7/a b/é+%.bin", {
        expiresAt: new Date(Date.now() + 60_000),
      });
      partialDeepStrictEqual(head, { path: "_trash/7/a b/é+%.bin", sizeBytes: size });
      strictEqual(await driver.head("a b/é+%.bin"), undefined);
      strictEqual((await contentOf(driver, "_trash/7/a b/é+%.bin")) === bytes.toString("latin1"), true);
      await driver.put("a b/é+%.bin", text("another"));
      strictEqual((await contentOf(driver, "_trash/7/a b/é+%.bin")) === bytes.toString("latin1"), true);
    }),
  ),

  law("move: never overwrites, not even with itself", async (make) => {
    const { driver, move } = await made(make);
    await driver.put("a", text("first"));
    await driver.put("b", text("second"));
    strictEqual(await codeOf(move("a", "b")), "STORE_CONFLICT");
    strictEqual(await codeOf(move("a", "a")), "STORE_CONFLICT");
    deepStrictEqual([await contentOf(driver, "a"), await contentOf(driver, "b")], ["first", "second"]);
  }),

  law("move: of what is absent, and of a folder, is told", async (make) => {
    const { driver, move } = await made(make);
    await driver.put("folder/file", text("x"));
    for (const from of ["nothing", "no/such/folder", "folder", "folder/file/below"])
      strictEqual(await codeOf(move(from, "to")), "OBJECT_MISSING");
    strictEqual(await driver.head("to"), undefined);
  }),

  law("move: lets one of many at once win", async (make) => {
    const { driver, move } = await made(make);
    await driver.put("a", text("content"));
    const targets = Array.from({ length: 6 }, (_, index) => `to/${index}`);
    await Promise.allSettled(targets.map((to) => move("a", to)));
    const contents = await Promise.all(["a", ...targets].map((path) => contentOf(driver, path)));
    ok(contents.filter((found) => found === "content").length >= 1);
    await Promise.allSettled(targets.map((to) => move("a", to)));
    strictEqual(await driver.head("a"), undefined);
  }),

  law("move: moves nothing once the deadline has passed, or for a caller that has given up", async (make) => {
    const { driver, move } = await made(make);
    await driver.put("a", text("x"));
    strictEqual(await codeOf(move("a", "b", { expiresAt: new Date(Date.now() - 1) })), "CONFLICT");
    match(String(await thrownBy(move("a", "b", { signal: AbortSignal.abort() }))), /abort/i);
    deepStrictEqual([await contentOf(driver, "a"), await contentOf(driver, "b")], ["x", undefined]);
  }),

  law("move: refuses paths that are not canonical, on both sides", async (make) => {
    const { driver, move } = await made(make);
    await driver.put("a", text("x"));
    for (const path of ["", "/b", "b/../c", "b\\c", "b//c"]) {
      strictEqual(await codeOf(move("a", path)), "BAD_USER_INPUT");
      strictEqual(await codeOf(move(path, "b")), "BAD_USER_INPUT");
    }
    strictEqual(await contentOf(driver, "a"), "x");
  }),
];

async function contentOf(driver: StoreDriver, path: string): Promise<string | undefined> {
  return (await bytesOf(driver, path))?.toString("latin1");
}
