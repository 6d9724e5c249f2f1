import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { StoreDriver } from "../../src/store/contract.ts";
import { createS3Driver } from "../../src/store/s3.ts";
import { bodyOf, codeOf, collect, testStore } from "../contract/store.ts";
import { testMultipart, testPresign } from "../contract/store-abilities.ts";
import { testAborted, testCopy, testTags } from "../contract/store-copy.ts";
import { testResumable } from "../contract/store-resumable.ts";
import { isOn, type S3Server, startS3, storeOn } from "./support/server.ts";

let server: S3Server;
let count = 0;
beforeAll(async () => {
  server = await startS3();
});
afterAll(() => server.close());

const make = async (): Promise<StoreDriver> => createS3Driver(storeOn(server, `store${count++}`));

describe("S3 store", () => {
  testStore(make);
  testPresign(make);
  // MinIO lists the open uploads of one exact key only.
  testMultipart(make, { openOf: isOn("minio") ? "key" : "" });
  testCopy(make);
  testTags(make);
  testAborted(make);
});

describe("S3 store that copies in parts", () => {
  testCopy(async () => createS3Driver(storeOn(server, `store${count++}`), { copyBytes: 5 << 20 }));
});

describe("S3 store, resumable", () => {
  testResumable(async () => {
    const location = `store${count++}`;
    return () => createS3Driver(storeOn(server, location), { partBytes: 5 << 20 });
  });
});

describe("S3 store in parts", () => {
  const partBytes = 5 << 20;
  const parted = () => createS3Driver(storeOn(server, `store${count++}`), { partBytes });
  // Each part differs, so that parts in a wrong order are seen.
  const bytes = Buffer.alloc(3 * partBytes + 12_345);
  for (let at = 0; at < bytes.length; at += 4096) bytes.writeUInt32LE(at, Math.min(at, bytes.length - 4));

  test.each([
    ["known", { sizeBytes: bytes.length }],
    ["unknown", {}],
  ])("gives back a long body of %s size", async (_, options) => {
    const driver = parted();
    expect(await driver.put("long", bodyOf(bytes, 70_001), options)).toMatchObject({
      sizeBytes: bytes.length,
    });
    const got = await driver.get("long");
    expect(Buffer.compare(await collect(got?.body ?? bodyOf(bytes)), bytes)).toBe(0);
    expect(await codeOf(driver.put("long", bodyOf(bytes, 70_001), options))).toBe("STORE_CONFLICT");
    expect(await openUploads(driver, "long")).toEqual([]);
  });

  test.each([partBytes - 1, partBytes, partBytes + 1, 2 * partBytes])("stores %i bytes", async (size) => {
    const driver = parted();
    await driver.put("edge", bodyOf(bytes.subarray(0, size), 1 << 20));
    const got = await driver.get("edge");
    expect(Buffer.compare(await collect(got?.body ?? bodyOf(bytes)), bytes.subarray(0, size))).toBe(0);
  });

  test("keeps no part of a long body that fails, and hands on its error", async () => {
    const driver = parted();
    const failure = new Error("the client went away");
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield* bodyOf(bytes);
      throw failure;
    }
    await expect(driver.put("cut", broken())).rejects.toBe(failure);
    expect(await driver.head("cut")).toBeUndefined();
    expect(await openUploads(driver, "cut")).toEqual([]);
  });

  test.each([
    ["fewer bytes", { sizeBytes: bytes.length + 1 }],
    ["more bytes", { sizeBytes: bytes.length - 1 }],
    ["other bytes", { sha256: "0".repeat(64) }],
  ])("refuses a long body of %s than declared", async (_, options) => {
    const driver = parted();
    expect(await codeOf(driver.put("key", bodyOf(bytes), options))).toBe("UPLOAD_MISMATCH");
    expect(await driver.head("key")).toBeUndefined();
    expect(await openUploads(driver, "key")).toEqual([]);
  });

  test("lets one of many parallel long creates win", async () => {
    const driver = parted();
    const bodies = Array.from({ length: 4 }, (_, index) => Buffer.alloc(partBytes + 10, `${index}`));
    const results = await Promise.allSettled(bodies.map((body) => driver.put("race", bodyOf(body))));
    expect(results.filter((result) => result.status === "fulfilled")).toHaveLength(1);
    const winner = results.findIndex((result) => result.status === "fulfilled");
    const stored = await collect((await driver.get("race"))?.body ?? bodyOf(bytes));
    expect(Buffer.compare(stored, bodies[winner] ?? bytes)).toBe(0);
    expect(await openUploads(driver, "race")).toEqual([]);
  });

  test("writes and reads a large object with memory flat", async () => {
    const driver = await make();
    const chunk = Buffer.alloc(1 << 20, 7);
    const mebibytes = 400;
    async function* large(): AsyncGenerator<Uint8Array> {
      for (let index = 0; index < mebibytes; index++) yield chunk;
    }
    await driver.put("ready", bodyOf(chunk));
    const before = process.memoryUsage().rss;
    let peak = before;
    const look = setInterval(() => {
      peak = Math.max(peak, process.memoryUsage().rss);
    }, 20);
    await driver.put("large", large());
    let bytes = 0;
    for await (const part of (await driver.get("large"))?.body ?? large()) bytes += part.length;
    clearInterval(look);
    expect(bytes).toBe(mebibytes << 20);
    expect(peak - before).toBeLessThan(200 << 20);
  });

  test("closes a source that it did not read to the end", async () => {
    const driver = parted();
    let isClosed = false;
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield bytes.subarray(0, 1000);
      } finally {
        isClosed = true;
      }
    }
    expect(await codeOf(driver.put("key", source(), { sizeBytes: 10 }))).toBe("UPLOAD_MISMATCH");
    expect(isClosed).toBe(true);
  });
});

async function openUploads(driver: StoreDriver, path: string): Promise<string[]> {
  const open: string[] = [];
  for await (const upload of driver.multipart?.open(path) ?? []) open.push(upload.path);
  return open;
}

describe("S3 store in trouble", () => {
  test.each([
    ["a wrong secret key", { secret_key: "wrong" }, /refuses the signature/],
    ["an unknown access key", { access_key: "nobody" }, /does not know the access key/],
    ["a missing bucket", { bucket: "no-such-bucket" }, /has no such bucket/],
    ["nobody there", { endpoint: "http://127.0.0.1:9" }, /refuses connections/],
  ])("tells %s, never absence", async (_, driver, message) => {
    const wrong = createS3Driver(storeOn(server, "x", driver), { attempts: 2 });
    for (const work of [
      () => wrong.head("a"),
      () => wrong.get("a"),
      () => wrong.put("a", bodyOf(Buffer.from("x"))),
      () => wrong.list("")[Symbol.asyncIterator]().next(),
      () => wrong.delete("a"),
      () => wrong.probe(),
    ]) {
      const error: unknown = await work().catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "STORE_UNAVAILABLE", message: expect.stringMatching(message) });
      expect(JSON.stringify([error, String((error as Error).cause)])).not.toContain(server.secretKey);
    }
  });

  test("no body that is left unread keeps a connection, nor the next call waiting", async () => {
    const driver = await make();
    await driver.put("large", bodyOf(Buffer.alloc(2 << 20)));
    const short = createS3Driver(storeOn(server, `store${count - 1}`), { stallMs: 500 });
    const unread = [];
    for (let index = 0; index < 70; index++) unread.push(await short.get("large"));
    expect(await collect(unread[0]?.body ?? bodyOf(Buffer.alloc(0)))).toHaveLength(2 << 20);
  });
});
