/** Calls that go without the SDK's machinery: they say the same, and give way to it as soon as anything is not plain. */

import { createHash } from "node:crypto";
import { GetObjectCommand, HeadObjectCommand } from "@aws-sdk/client-s3";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { StoreDriver } from "../../src/store/contract.ts";
import { createS3Driver } from "../../src/store/s3.ts";
import { bodyOf, codeOf, collect } from "../contract/store.ts";
import { type Fault, type FaultProxy, type Seen, startProxy } from "./support/proxy.ts";
import { type S3Server, startS3, storeOn } from "./support/server.ts";

let server: S3Server;
let proxy: FaultProxy;
let count = 0;
beforeAll(async () => {
  server = await startS3();
  proxy = await startProxy(server.endpoint);
});
afterAll(async () => {
  await proxy.close();
  await server.close();
});
afterEach(() => {
  proxy.rule = () => undefined;
});

const limits = { attempts: 3, stallMs: 1_000, connectMs: 1_000 };
const location = () => `plain${count++}`;
const through = (where: string): StoreDriver =>
  createS3Driver(storeOn(server, where, { endpoint: proxy.endpoint }), limits);
/** The SDK numbers its calls; nobody else does. */
const isBySdk = ({ headers }: Seen) => headers["amz-sdk-invocation-id"] !== undefined;
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const isProbe = ({ url }: Seen) => url.includes("_obj/checksum");

/** A driver that has learned what it wants to know of the store. */
async function ready(): Promise<{ driver: StoreDriver; where: string }> {
  const where = location();
  const driver = through(where);
  await driver.put("ready", bodyOf(Buffer.from("x")));
  proxy.seen.length = 0;
  return { driver, where };
}

describe("what is plain", () => {
  test("never comes by the SDK, one request each", async () => {
    const { driver } = await ready();
    const bytes = Buffer.alloc(70_000, 3);
    await driver.put("a/key", bodyOf(bytes));
    await driver.head("a/key");
    expect(await collect((await driver.get("a/key"))?.body ?? bodyOf(bytes))).toEqual(bytes);
    const range = { start: 10, end: 20 };
    expect(await collect((await driver.get("a/key", { range }))?.body ?? bodyOf(bytes))).toHaveLength(10);
    expect(await driver.head("another")).toBeUndefined();
    expect(proxy.seen.filter(({ url }) => !url.includes("list-type")).map(({ method }) => method)).toEqual([
      "PUT",
      "HEAD",
      "GET",
      "GET",
      "HEAD",
    ]);
    expect(proxy.seen.filter((one) => isBySdk(one) && !one.url.includes("list-type"))).toEqual([]);
  });

  test.each(["with blank", "plus+and&and=", "q?#%41", "!'()*~-_.", "ünï/cødé/数", "a:b@c,d;e$"])(
    "knows the key %j by the name that the SDK gives it",
    async (path) => {
      const { driver, where } = await ready();
      const bytes = Buffer.from(path);
      await driver.put(path, bodyOf(bytes));
      const target = { Bucket: server.bucket, Key: `${where}/${path}` };
      const got = await server.client.send(new GetObjectCommand(target));
      expect(await got.Body?.transformToString()).toBe(path);
      const told = await server.client.send(new HeadObjectCommand(target));
      expect(await driver.head(path)).toEqual({
        path,
        sizeBytes: bytes.length,
        modifiedAt: told.LastModified,
      });
      expect(await collect((await driver.get(path))?.body ?? bodyOf(Buffer.alloc(0)))).toEqual(bytes);
      expect(proxy.seen.filter(isBySdk)).toEqual([]);
    },
  );

  test("is left to the SDK for a while after trouble", async () => {
    const { driver } = await ready();
    const faults: Fault[] = [{ kind: "status", status: 503 }];
    proxy.rule = () => faults.shift();
    for (let time = 0; time < 3; time++) expect(await driver.head("ready")).toBeDefined();
    expect(proxy.seen.map(isBySdk)).toEqual([false, true, true, true]);
  });

  test("is no trouble when a store refuses what was asked for", async () => {
    const { driver } = await ready();
    expect(await driver.get("nothing")).toBeUndefined();
    expect(await codeOf(driver.put("ready", bodyOf(Buffer.from("y"))))).toBe("STORE_CONFLICT");
    expect(await codeOf(driver.get("ready", { range: { start: 9, end: 10 } }))).toBe("RANGE_NOT_SATISFIABLE");
    proxy.seen.length = 0;
    await driver.head("ready");
    expect(proxy.seen.map(isBySdk)).toEqual([false]);
  });

  test("ends with its caller, at the server too", async () => {
    const { driver } = await ready();
    proxy.rule = () => ({ kind: "silence" });
    const controller = new AbortController();
    const asked = driver.head("ready", controller.signal);
    setTimeout(() => controller.abort(new Error("gave up")), 50);
    await expect(asked).rejects.toThrow("gave up");
    await expect.poll(() => proxy.open).toBe(0);
  });
});

describe("the store's own digest", () => {
  const bytes = Buffer.alloc(50_000, 5);

  test("comes with a write, from a store that compares what it is told", async () => {
    const { driver } = await ready();
    expect(await driver.put("key", bodyOf(bytes))).toMatchObject({ sha256: sha256(bytes) });
    const declared = { sha256: sha256(bytes), sizeBytes: bytes.length };
    expect(await driver.put("declared", bodyOf(bytes), declared)).toMatchObject({ sha256: sha256(bytes) });
    expect(proxy.seen.map(({ method }) => method)).toEqual(["PUT", "PUT"]);
  });

  test("a body of other bytes than declared is refused by it, and told as that", async () => {
    const { driver } = await ready();
    const declared = { sha256: "0".repeat(64), sizeBytes: bytes.length };
    expect(await codeOf(driver.put("key", bodyOf(bytes), declared))).toBe("UPLOAD_MISMATCH");
    expect(await driver.head("key")).toBeUndefined();
  });

  test.each<[string, Fault]>([
    ["takes whatever it is told", { kind: "status", status: 200 }],
    ["knows no checksums", { kind: "status", status: 501, code: "NotImplemented" }],
    ["refuses the header itself", { kind: "status", status: 400, code: "InvalidArgument" }],
    ["lets nobody try", { kind: "status", status: 403, code: "AccessDenied" }],
  ])("is neither asked of a store that %s, nor believed", async (_, fault) => {
    const where = location();
    const driver = through(where);
    proxy.rule = (request) => (isProbe(request) ? fault : undefined);
    await driver.put("first", bodyOf(bytes));
    proxy.seen.length = 0;
    const declared = { sha256: sha256(bytes), sizeBytes: bytes.length };
    const made = await driver.put("key", bodyOf(bytes), declared);
    expect(made).toMatchObject({ sizeBytes: bytes.length });
    expect(made.sha256).toBeUndefined();
    const puts = proxy.seen.filter((one) => one.method === "PUT" && !isProbe(one));
    expect(puts.map(({ headers }) => headers["x-amz-checksum-sha256"])).toEqual([undefined]);
    const wrong = { ...declared, sha256: "0".repeat(64) };
    expect(await codeOf(driver.put("wrong", bodyOf(bytes), wrong))).toBe("UPLOAD_MISMATCH");
    expect(await driver.head("wrong")).toBeUndefined();
  });

  test("that nobody could learn of yet is asked for again at the next write", async () => {
    const where = location();
    const driver = through(where);
    proxy.rule = (request) => (isProbe(request) ? { kind: "status", status: 503 } : undefined);
    expect((await driver.put("first", bodyOf(bytes))).sha256).toBeUndefined();
    proxy.rule = () => undefined;
    expect((await driver.put("second", bodyOf(bytes))).sha256).toBe(sha256(bytes));
  });
});
