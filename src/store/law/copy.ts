/** Laws of copies, and of callers that have given up before they begin. */

import { deepStrictEqual, match, partialDeepStrictEqual, strictEqual } from "node:assert/strict";
import type { StoreDriver } from "../contract.ts";
import { bodyOf, bytesOf, codeOf, law, pathsIn, type StoreLaw, text, thrownBy } from "./law.ts";

export const copyLaws: readonly StoreLaw[] = [
  ...[0, 1, 1000, 11_000_001].map((size) =>
    law(`copies ${size} bytes`, async (make) => {
      const driver = await make();
      const bytes = Buffer.alloc(size);
      for (let at = 0; at < size; at += 997) bytes[at] = at & 255;
      await driver.put("a b/é+%.bin", bodyOf(bytes));
      const head = await driver.copy("a b/é+%.bin", "to/é %+&=?#.bin");
      partialDeepStrictEqual(head, { path: "to/é %+&=?#.bin", sizeBytes: size });
      partialDeepStrictEqual(await driver.head("to/é %+&=?#.bin"), { sizeBytes: size });
      strictEqual((await contentOf(driver, "to/é %+&=?#.bin")) === bytes.toString("latin1"), true);
      await driver.delete("a b/é+%.bin");
      strictEqual((await contentOf(driver, "to/é %+&=?#.bin")) === bytes.toString("latin1"), true);
    }),
  ),

  law("copy: never overwrites, not even with itself", async (make) => {
    const driver = await make();
    await driver.put("a", text("first"));
    await driver.put("b", text("second"));
    strictEqual(await codeOf(driver.copy("a", "b")), "STORE_CONFLICT");
    strictEqual(await codeOf(driver.copy("a", "a")), "STORE_CONFLICT");
    deepStrictEqual([await contentOf(driver, "a"), await contentOf(driver, "b")], ["first", "second"]);
  }),

  law("copy: lets one of many at once win", async (make) => {
    const driver = await make();
    const names = Array.from({ length: 6 }, (_, index) => `from${index}`);
    for (const name of names) await driver.put(name, text(name.repeat(1000)));
    const results = await Promise.allSettled(names.map((name) => driver.copy(name, "race")));
    const winners = names.filter((_, index) => results[index]?.status === "fulfilled");
    strictEqual(winners.length, 1);
    strictEqual(await contentOf(driver, "race"), winners[0]?.repeat(1000));
  }),

  law("copy: of what is absent is told, and leaves nothing", async (make) => {
    const driver = await make();
    strictEqual(await codeOf(driver.copy("nothing", "to")), "OBJECT_MISSING");
    deepStrictEqual(await pathsIn(driver), []);
  }),

  law("copy: refuses paths that are not canonical, on both sides", async (make) => {
    const driver = await make();
    await driver.put("a", text("x"));
    for (const path of ["", "/b", "b/../c", "b\\c", "b//c"]) {
      strictEqual(await codeOf(driver.copy("a", path)), "BAD_USER_INPUT");
      strictEqual(await codeOf(driver.copy(path, "b")), "BAD_USER_INPUT");
    }
    deepStrictEqual(await pathsIn(driver), ["a"]);
  }),

  law("copy: does nothing for a caller that has given up", async (make) => {
    const driver = await make();
    await driver.put("a", text("x"));
    match(String(await thrownBy(driver.copy("a", "b", { signal: AbortSignal.abort() }))), /abort/i);
    deepStrictEqual(await pathsIn(driver), ["a"]);
  }),

  law("copy: of a version that was never told is told as absent", async (make) => {
    const driver = await make();
    await driver.put("a", text("x"));
    const versionId = "00000000-0000-4000-8000-000000000000";
    strictEqual(await driver.head("a", undefined, versionId), undefined);
    strictEqual(await driver.get("a", { versionId }), undefined);
    strictEqual(await codeOf(driver.copy("a", "b", { versionId })), "OBJECT_MISSING");
  }),
];

export const abortLaws: readonly StoreLaw[] = [
  law("no call begins for a caller that has given up", async (make) => {
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
      strictEqual(await thrownBy(work()), reason);
    deepStrictEqual(await pathsIn(driver), ["a"]);
  }),
];

async function contentOf(driver: StoreDriver, path: string): Promise<string | undefined> {
  return (await bytesOf(driver, path))?.toString("latin1");
}
