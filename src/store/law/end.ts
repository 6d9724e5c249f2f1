/** Laws of deletions, of callers that give up, and of ranges. */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { bodyOf, codeOf, collect, law, pathsIn, type StoreLaw, text } from "./law.ts";

export const endLaws: readonly StoreLaw[] = [
  law("deletes one object, once or again, and frees its path", async (make) => {
    const driver = await make();
    for (const path of ["a/key", "a/key2"]) await driver.put(path, text("x"));
    await driver.delete("a/key");
    await driver.delete("a/key");
    await driver.delete("never/was");
    await driver.delete("a");
    deepStrictEqual(await pathsIn(driver), ["a/key2"]);
    await driver.put("a/key", text("y"));
  }),

  law("deletes nothing once the deadline has passed", async (make) => {
    const driver = await make();
    await driver.put("key", text("x"));
    const expiresAt = (ms: number) => ({ expiresAt: new Date(Date.now() + ms) });
    strictEqual(await codeOf(driver.delete("key", expiresAt(-1))), "CONFLICT");
    ok((await driver.head("key")) !== undefined);
    await driver.delete("key", expiresAt(60_000));
    strictEqual(await driver.head("key"), undefined);
  }),

  law("stops when the caller does", async (make) => {
    const driver = await make();
    const controller = new AbortController();
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (let count = 0; ; count++) {
        if (count === 3) controller.abort();
        yield Buffer.alloc(1000);
      }
    }
    const { signal } = controller;
    const error: unknown = await driver.put("key", endless(), { signal }).catch((thrown: unknown) => thrown);
    strictEqual(error, signal.reason);
    strictEqual(await driver.head("key"), undefined);
  }),

  law("reads any range exactly", async (make) => {
    const driver = await make();
    const bytes = Buffer.from(Array.from({ length: 700_000 }, (_, index) => (index * 31) & 255));
    await driver.put("ranged", bodyOf(bytes));
    for (const [start, end] of rangesWithin(bytes.length)) {
      const got = await driver.get("ranged", { range: { start, end } });
      const part = await collect(got?.body ?? bodyOf(bytes));
      strictEqual(Buffer.compare(part, bytes.subarray(start, end)), 0);
    }
  }),

  law("refuses a range that begins beyond the end", async (make) => {
    const driver = await make();
    await driver.put("short", text("abc"));
    strictEqual(await codeOf(driver.get("short", { range: { start: 4, end: 5 } })), "RANGE_NOT_SATISFIABLE");
  }),
];

/** The edges, and ranges all over the object. */
function rangesWithin(size: number): (readonly [number, number])[] {
  const places = Array.from({ length: 24 }, (_, at) => (at * 48_271 * 7919) % (size + 1));
  const pairs = places.map((place, at) => [place, places[(at * 5 + 1) % places.length] ?? 0]);
  const sorted = pairs.map(([a = 0, b = 0]) => [Math.min(a, b), Math.max(a, b)] as const);
  return [[0, 0], [size, size], [0, size], [size - 1, size], ...sorted];
}
