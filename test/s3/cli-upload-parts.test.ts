/** `holdfast upload` in parts straight to the store: stopped and begun again, URLs that expire, a store that fails. Public surface only. */

import { createHash, randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { send } from "../acceptance/support/exchange.ts";
import { Place } from "../acceptance/support/place.ts";
import { Uploading } from "../cli/support/uploading.ts";
import { type FaultProxy, startProxy } from "./support/proxy.ts";
import { type S3Server, startS3, storeOn } from "./support/server.ts";

vi.setConfig({ testTimeout: 120_000 });

const place = new Place();
const uploading = new Uploading(place);
const { cache } = uploading;
const file = join(place.folder, "value.bin");
const sizeBytes = 100 * 2 ** 20;
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
let server: S3Server;
let proxy: FaultProxy;

beforeAll(async () => {
  server = await startS3();
  proxy = await startProxy(server.endpoint);
  const { protocol, location, driver } = storeOn(server, "lab", { endpoint: proxy.endpoint });
  const stores = { default: "main", filepath_default: "main", main: { protocol, location, ...driver } };
  await place.start({ DJ_STORES: JSON.stringify(stores) });
  await place.get("mutation { createItem(input: {itemId: 1, pictures: []}) { affected { count } } }");
});
afterAll(async () => {
  await place.close();
  await proxy.close();
  await server.close();
});
beforeEach(() => {
  writeFileSync(file, randomBytes(sizeBytes));
  proxy.seen.length = 0;
  proxy.rule = () => undefined;
});

const upload = (...args: string[]) =>
  uploading.run(place.url, "value.bin", "Item.bytes", "itemId=1", "--json", ...args);

const isPart = ({ method, url }: { method: string; url: string }) =>
  method === "PUT" && url.includes("partNumber=") && url.includes("X-Amz-Signature");
const partsSent = () => proxy.seen.filter(isPart).length;
const remembered = () => uploading.remembered();
/** Parts that the store has confirmed to the command. */
const confirmed = () =>
  remembered()
    .filter((name) => name.endsWith(".parts"))
    .flatMap((name) =>
      readFileSync(join(cache, "holdfast/uploads", name), "utf8")
        .trim()
        .split("\n"),
    );

async function isStored(): Promise<boolean> {
  const { item } = await place.get<{ item: { bytes: { url: string } } }>(
    "{ item(itemId: 1) { bytes { url } } }",
  );
  return sha256((await send(item.bytes.url)).bytes) === sha256(readFileSync(file));
}

describe("upload by parts", () => {
  it("sends the bytes to the store, not through the service", async () => {
    expect((await upload().ended).code).toBe(0);
    expect(partsSent()).toBeGreaterThanOrEqual(6);
    expect(place.service.log()).not.toMatch(/"method":"PUT","url":"\/uploads/);
    expect(await isStored()).toBe(true);
    expect(remembered()).toEqual([]);
  });

  it.each(["SIGINT", "SIGKILL"] as const)(
    "goes on after %s with what the store has not confirmed",
    async (signal) => {
      proxy.rule = (request) =>
        isPart(request) && confirmed().length >= 2 ? { kind: "silence" } : undefined;
      const run = upload("--parallel", "2");
      while (confirmed().length < 2) await sleep(20);
      run.kill(signal);
      const { code, err } = await run.ended;
      if (signal === "SIGINT")
        expect([code, err]).toEqual([130, expect.stringContaining("holdfast --server")]);
      const known = confirmed().length;
      proxy.rule = () => undefined;
      proxy.seen.length = 0;
      expect((await upload().ended).code).toBe(0);
      expect(partsSent()).toBeLessThanOrEqual(7 - known);
      expect(await isStored()).toBe(true);
      expect(remembered()).toEqual([]);
    },
  );

  it("begins anew with --no-resume", async () => {
    proxy.rule = (request) => (isPart(request) && confirmed().length >= 2 ? { kind: "silence" } : undefined);
    const run = upload("--parallel", "2");
    while (confirmed().length < 2) await sleep(20);
    run.kill("SIGINT");
    await run.ended;
    proxy.rule = () => undefined;
    proxy.seen.length = 0;
    expect((await upload("--no-resume").ended).code).toBe(0);
    expect(partsSent()).toBeGreaterThanOrEqual(6);
    expect(await isStored()).toBe(true);
  });

  it("has parts signed again that the store refuses, and sends again what was lost", async () => {
    const refused = new Set<string>();
    proxy.rule = (request) => {
      const part = /partNumber=(\d+)/.exec(request.url)?.[1] ?? "";
      if (!isPart(request) || refused.has(part)) return undefined;
      refused.add(part);
      const faults = [
        { kind: "status", status: 403, code: "AccessDenied" },
        { kind: "status", status: 503, code: "SlowDown" },
        { kind: "reset" },
        { kind: "lostReply" },
      ] as const;
      return faults[Number(part) % faults.length];
    };
    expect((await upload().ended).code).toBe(0);
    expect(refused.size).toBeGreaterThanOrEqual(6);
    expect(await isStored()).toBe(true);
  });
});
