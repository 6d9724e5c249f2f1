/** What the driver holds and how it lets go: a caller that gives up ends the request at the server, and nobody's pace fills memory. */

import { once } from "node:events";
import { connect, createServer, type Server } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import type { StoreDriver } from "../../src/store/contract.ts";
import { createS3Driver } from "../../src/store/s3.ts";
import { Slots } from "../../src/store/slots.ts";
import { bodyOf, collect } from "../contract/store.ts";
import { type FaultProxy, type Seen, startProxy } from "./support/proxy.ts";
import { type S3Server, startS3, storeOn } from "./support/server.ts";

let server: S3Server;
let proxy: FaultProxy;
let driver: StoreDriver;
const partBytes = 5 << 20;
// No deadline of the driver's own comes before the test's end: what ends is ended by the caller.
const limits = { stallMs: 600_000, connectMs: 600_000, partBytes };
beforeAll(async () => {
  server = await startS3();
  proxy = await startProxy(server.endpoint);
  driver = createS3Driver(storeOn(server, "bounds", { endpoint: proxy.endpoint }), limits);
  await driver.put("key", bodyOf(Buffer.alloc(1_000_000)));
  await driver.copy("key", "copied");
});
afterAll(async () => {
  await proxy.close();
  await server.close();
});
afterEach(() => {
  proxy.rule = () => undefined;
});

const multipart = () => {
  if (driver.multipart === undefined) throw new Error("no multipart");
  return driver.multipart;
};
const tags = () => {
  if (driver.tags === undefined) throw new Error("no tags");
  return driver.tags;
};
const first = (list: AsyncIterable<unknown>) => list[Symbol.asyncIterator]().next();
const isPart = ({ method, url }: Seen): boolean => method === "PUT" && url.includes("partNumber=");
const any = (): boolean => true;

describe("a caller that gives up ends the request at the server too", () => {
  test.each<[string, (seen: Seen) => boolean, (signal: AbortSignal) => Promise<unknown>]>([
    ["head", any, (signal) => driver.head("key", signal)],
    ["get", any, (signal) => driver.get("key", { signal })],
    ["put", any, (signal) => driver.put("new", bodyOf(Buffer.from("x")), { signal })],
    [
      "put of parts",
      isPart,
      (signal) => driver.put("parts", bodyOf(Buffer.alloc(2 * partBytes)), { signal }),
    ],
    ["copy", any, (signal) => driver.copy("key", "copy", { signal })],
    ["list", any, (signal) => first(driver.list("", { signal }))],
    ["delete", any, (signal) => driver.delete("none", { signal })],
    [
      "delete that expires",
      any,
      (signal) => driver.delete("none", { signal, expiresAt: new Date(Date.now() + 60_000) }),
    ],
    ["refusesLate", any, async (signal) => driver.refusesLate?.("none", signal)],
    ["probe", any, (signal) => driver.probe(signal)],
    ["tags.set", any, (signal) => tags().set("key", {}, { signal })],
    ["tags.get", any, (signal) => tags().get("key", { signal })],
    ["multipart.begin", any, (signal) => multipart().begin("m", signal)],
    ["multipart.parts", any, (signal) => multipart().parts("m", "id", signal)],
    [
      "multipart.complete",
      any,
      (signal) => multipart().complete("m", "id", { parts: [{ number: 1, sizeBytes: 1, tag: "x" }], signal }),
    ],
    ["multipart.abort", any, (signal) => multipart().abort("m", "id", signal)],
    ["multipart.open", any, (signal) => first(multipart().open("", signal))],
  ])("%s", async (_, matches, work) => {
    let isMet = false;
    proxy.rule = (seen) => {
      if (isMet || !matches(seen)) return undefined;
      isMet = true;
      return { kind: "silence" };
    };
    const stop = new AbortController();
    const running = work(stop.signal);
    running.catch(() => undefined);
    await vi.waitFor(() => expect(isMet).toBe(true), 10_000);
    expect(proxy.open).toBeGreaterThan(0);
    const reason = new Error("the caller went away");
    stop.abort(reason);
    await expect(running).rejects.toBe(reason);
    await vi.waitFor(() => expect(proxy.open).toBe(0), 10_000);
  });

  test("in the middle of a body, at once and for good", async () => {
    const stop = new AbortController();
    const got = await driver.get("key", { signal: stop.signal });
    proxy.rule = ({ method }) => (method === "GET" ? { kind: "stall" } : undefined);
    const stalled = await driver.get("key", { signal: stop.signal });
    const reading = collect(stalled?.body ?? bodyOf(Buffer.alloc(0)));
    reading.catch(() => undefined);
    await vi.waitFor(() => expect(proxy.open).toBeGreaterThan(0), 10_000);
    stop.abort();
    await expect(reading).rejects.toThrow(/abort/i);
    await expect(collect(got?.body ?? bodyOf(Buffer.alloc(0)))).rejects.toThrow(/abort/i);
    await vi.waitFor(() => expect(proxy.open).toBe(0), 10_000);
  });
});

/** A plain relay that counts what the server sends, at the pace of the client. */
async function relay(target: string): Promise<{ endpoint: string; sent: () => number; server: Server }> {
  const { hostname, port } = new URL(target);
  let bytes = 0;
  const made = createServer((socket) => {
    const out = connect(Number(port), hostname);
    out.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (!socket.write(chunk)) out.pause();
    });
    socket.on("drain", () => out.resume());
    socket.pipe(out);
    for (const end of [out, socket]) {
      end.on("error", () => undefined);
      end.on("close", () => (end === out ? socket : out).destroy());
    }
  }).listen(0, "127.0.0.1");
  await once(made, "listening");
  const address = made.address();
  if (typeof address !== "object" || address === null) throw new Error("no port");
  return { endpoint: `http://127.0.0.1:${address.port}`, sent: () => bytes, server: made };
}

/** The number once it does not change any more. */
async function settled(number: () => number): Promise<number> {
  for (let last = -1, same = 0; ; ) {
    const now = number();
    same = now === last ? same + 1 : 0;
    if (same === 5) return now;
    last = now;
    await delay(100);
  }
}

test("a reader that pauses pauses the server; what is held does not depend on the object", async () => {
  const size = 96 << 20;
  const slow = await relay(server.endpoint);
  const reading = createS3Driver(storeOn(server, "bounds", { endpoint: slow.endpoint }), limits);
  const chunk = Buffer.alloc(1 << 20, 7);
  async function* body(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < size; at += chunk.length) yield chunk;
  }
  await driver.put("large", body(), { sizeBytes: size });
  const got = await reading.get("large");
  const chunks = got?.body[Symbol.asyncIterator]();
  let read = (await chunks?.next())?.value.length ?? 0;
  // Buffers of two sockets and of one stream, whatever the size.
  expect(await settled(slow.sent)).toBeLessThan(32 << 20);
  for (let next = await chunks?.next(); next?.done === false; next = await chunks?.next())
    read += next.value.length;
  expect(read).toBe(size);
  slow.server.close();
});

test("a server that takes nothing stops the source: 64 MiB at most are held for one write", async () => {
  proxy.rule = (seen) => (isPart(seen) ? { kind: "silence" } : undefined);
  const stop = new AbortController();
  let pulled = 0;
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) {
      pulled += 1 << 20;
      yield Buffer.alloc(1 << 20);
    }
  }
  const writing = driver.put("endless", endless(), { signal: stop.signal });
  writing.catch(() => undefined);
  await vi.waitFor(() => expect(pulled).toBeGreaterThan(partBytes), 10_000);
  expect(await settled(() => pulled)).toBeLessThanOrEqual(64 << 20);
  stop.abort();
  await expect(writing).rejects.toThrow(/abort/i);
});

test("all writes together have eight parts on their way; who waits and gives up never sends", async () => {
  let most = 0;
  proxy.rule = (seen) => (isPart(seen) ? { kind: "silence" } : undefined);
  const stop = new AbortController();
  const writes = Array.from({ length: 5 }, (_, index) =>
    driver.put(`many${index}`, bodyOf(Buffer.alloc(5 * partBytes), 1 << 20), { signal: stop.signal }),
  );
  for (const each of writes) each.catch(() => undefined);
  const parts = (): number => proxy.seen.filter(isPart).length;
  const before = parts();
  await vi.waitFor(() => expect(parts() - before).toBeGreaterThanOrEqual(8), 10_000);
  most = (await settled(parts)) - before;
  expect(most).toBe(8);
  stop.abort();
  const results = await Promise.allSettled(writes);
  expect(results.every(({ status }) => status === "rejected")).toBe(true);
  expect(parts() - before).toBe(8);
});

test("slots go to who came first, and not to who went away", async () => {
  const slots = new Slots(1);
  const order: string[] = [];
  const gate = Promise.withResolvers<void>();
  const stop = new AbortController();
  const task = (name: string, signal?: AbortSignal) =>
    slots.run(async () => {
      order.push(name);
      await gate.promise;
    }, signal);
  const all = [task("first"), task("gone", stop.signal), task("second"), task("third", stop.signal)];
  stop.abort();
  gate.resolve();
  const results = await Promise.allSettled(all);
  expect(order).toEqual(["first", "second"]);
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled", "rejected"]);
  await task("later");
  expect(order).toEqual(["first", "second", "later"]);
});
