/** Laws of objects: written once, whole, and given back as they were. */

import { deepStrictEqual, ok, partialDeepStrictEqual, strictEqual } from "node:assert/strict";
import { createHash } from "node:crypto";
import { bodyOf, codeOf, collect, law, pathsIn, type StoreLaw, text, thrownBy } from "./law.ts";

export const objectLaws: readonly StoreLaw[] = [
  law("gives back what was put, with its size", async (make) => {
    const driver = await make();
    const bytes = Buffer.alloc(1_000_003, "0123456789abcdef");
    const put = await driver.put("a/b/c.bin", bodyOf(bytes), { sizeBytes: bytes.length });
    partialDeepStrictEqual(put, { path: "a/b/c.bin", sizeBytes: bytes.length });
    partialDeepStrictEqual(await driver.head("a/b/c.bin"), { path: "a/b/c.bin", sizeBytes: bytes.length });
    const got = await driver.get("a/b/c.bin");
    strictEqual(got?.head.sizeBytes, bytes.length);
    strictEqual(Buffer.compare(await collect(got?.body ?? bodyOf(bytes)), bytes), 0);
  }),

  law("stores an empty object", async (make) => {
    const driver = await make();
    await driver.put("empty", bodyOf(new Uint8Array()));
    const got = await driver.get("empty");
    strictEqual(got?.head.sizeBytes, 0);
    strictEqual((await collect(got?.body ?? text("x"))).length, 0);
  }),

  law("answers undefined for what is absent, and for folders", async (make) => {
    const driver = await make();
    await driver.put("folder/file", text("x"));
    for (const path of ["nothing", "folder", "folder/other", "folder/file/below", "no/such/folder"]) {
      strictEqual(await driver.head(path), undefined);
      strictEqual(await driver.get(path), undefined);
    }
  }),

  law("never overwrites", async (make) => {
    const driver = await make();
    await driver.put("key", text("first"));
    strictEqual(await codeOf(driver.put("key", text("second"))), "STORE_CONFLICT");
    strictEqual((await collect((await driver.get("key"))?.body ?? text(""))).toString(), "first");
  }),

  law("lets one of many parallel creates win, and keeps its bytes whole", async (make) => {
    const driver = await make();
    const bodies = Array.from({ length: 8 }, (_, index) => Buffer.alloc(300_000, `${index}`));
    const results = await Promise.allSettled(bodies.map((body) => driver.put("race", bodyOf(body))));
    strictEqual(results.filter((result) => result.status === "fulfilled").length, 1);
    const winner = results.findIndex((result) => result.status === "fulfilled");
    const stored = await collect((await driver.get("race"))?.body ?? text(""));
    strictEqual(Buffer.compare(stored, bodies[winner] ?? Buffer.alloc(0)), 0);
  }),

  law("keeps nothing of a body that fails, and hands on its error", async (make) => {
    const driver = await make();
    const failure = new Error("the client went away");
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Buffer.alloc(200_000);
      throw failure;
    }
    strictEqual(await thrownBy(driver.put("cut", broken())), failure);
    strictEqual(await driver.head("cut"), undefined);
    deepStrictEqual(await pathsIn(driver), []);
    await driver.put("cut", text("again"));
  }),

  ...[
    ["fewer", 6],
    ["more", 4],
  ].map(([which, sizeBytes]) =>
    law(`refuses ${which} bytes than declared`, async (make) => {
      const driver = await make();
      const put = driver.put("key", text("12345"), { sizeBytes: Number(sizeBytes) });
      strictEqual(await codeOf(put), "UPLOAD_MISMATCH");
      strictEqual(await driver.head("key"), undefined);
    }),
  ),

  law("compares the digest that was declared", async (make) => {
    const driver = await make();
    const sha256 = createHash("sha256").update("12345").digest("hex");
    strictEqual(await codeOf(driver.put("key", text("54321"), { sha256 })), "UPLOAD_MISMATCH");
    strictEqual(await driver.head("key"), undefined);
    await driver.put("key", text("12345"), { sha256 });
    ok((await driver.head("key")) !== undefined);
  }),
];
