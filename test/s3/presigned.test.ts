/** What a signed URL of a part allows: that one PUT, and nothing that can be made of it. */

import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { MultipartAbility, StoreDriver } from "../../src/store/contract.ts";
import { createS3Driver } from "../../src/store/s3.ts";
import { bodyOf, codeOf } from "../contract/store.ts";
import { type S3Server, startS3, storeOn } from "./support/server.ts";

let server: S3Server;
let driver: StoreDriver;
let parts: MultipartAbility;
let upload: string;

const bytes = Buffer.from("twelve bytes");

beforeAll(async () => {
  server = await startS3();
  driver = createS3Driver(storeOn(server, "signed"));
  if (driver.multipart === undefined) throw new Error("The driver has no multipart uploads.");
  parts = driver.multipart;
  await driver.put("secret", bodyOf(Buffer.from("hunter2 of another")));
  upload = await parts.begin("mine");
});

afterAll(() => server.close());

const signed = (more: Partial<Parameters<MultipartAbility["partUrl"]>[2]> = {}) =>
  parts.partUrl("mine", upload, { number: 1, sizeBytes: bytes.length, expiresInSeconds: 60, ...more });

interface Forgery {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: Buffer | undefined;
}

async function send(url: string, { method = "PUT", headers = {}, body = bytes }: Forgery = {}) {
  const answer = await fetch(url, {
    method,
    headers,
    ...(method === "PUT" || method === "POST" ? { body: Uint8Array.from(body) } : {}),
  });
  return { status: answer.status, text: await answer.text() };
}

/** A URL with some of its query changed. */
function changed(url: string, change: (query: URLSearchParams, url: URL) => void): string {
  const copy = new URL(url);
  change(copy.searchParams, copy);
  return copy.href;
}

describe("the URL of a part", () => {
  test("signs host and length, and lives fifteen minutes at most", async () => {
    const query = new URL(await signed({ expiresInSeconds: 900 })).searchParams;
    expect(query.get("X-Amz-SignedHeaders")?.split(";")).toEqual(
      expect.arrayContaining(["content-length", "host"]),
    );
    expect(Number(query.get("X-Amz-Expires"))).toBeLessThanOrEqual(900);
    expect(await codeOf(signed({ expiresInSeconds: 901 }))).toBe("LIMIT_EXCEEDED");
    expect(await signed()).not.toContain(server.secretKey);
  });

  const copies = [
    ["a header that names another object", { "x-amz-copy-source": "/BUCKET/signed/secret" }],
    [
      "the same with a range",
      { "x-amz-copy-source": "/BUCKET/signed/secret", "x-amz-copy-source-range": "bytes=0-11" },
    ],
  ] as const;
  test.each(copies)("copies nothing by %s", async (_name, headers) => {
    const named = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, value.replace("BUCKET", server.bucket)]),
    );
    for (const body of [bytes, Buffer.alloc(0)]) {
      const answer = await send(await signed(), { headers: named, body });
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(answer.text).not.toContain("hunter2");
    }
    expect(await parts.parts("mine", upload)).toEqual([]);
  });

  test.each<[string, (url: string) => string]>([
    ["another key", (url) => url.replace("/mine?", "/other?")],
    ["a key that climbs", (url) => url.replace("/mine?", "/../secret?")],
    ["a live object", (url) => url.replace("/mine?", "/secret?")],
    ["another part", (url) => changed(url, (query) => query.set("partNumber", "2"))],
    [
      "another upload",
      (url) => changed(url, (query) => query.set("uploadId", "00000000-0000-4000-8000-000000000000")),
    ],
    [
      "no part, so that it were an object",
      (url) => url.replace(/([?&])partNumber=1/, "$1x=1").replace(/uploadId=[^&]*/, "y=1"),
    ],
    ["a longer life", (url) => changed(url, (query) => query.set("X-Amz-Expires", "604800"))],
    ["fewer signed headers", (url) => changed(url, (query) => query.set("X-Amz-SignedHeaders", "host"))],
    ["another signature", (url) => changed(url, (query) => query.set("X-Amz-Signature", "0".repeat(64)))],
    [
      "no signature",
      (url) =>
        changed(url, (_query, all) => {
          all.search = "?partNumber=1";
        }),
    ],
    ["a copy source in the query", (url) => `${url}&x-amz-copy-source=%2F${server.bucket}%2Fsigned%2Fsecret`],
  ])("is nothing with %s", async (_name, forge) => {
    const url = await signed();
    const forged = forge(url);
    expect(forged).not.toBe(url);
    expect((await send(forged)).status).toBeGreaterThanOrEqual(400);
    expect(await parts.parts("mine", upload)).toEqual([]);
    expect(await driver.head("other")).toBeUndefined();
    expect(await driver.head("secret")).toMatchObject({ sizeBytes: 18 });
  });

  test.each(["GET", "HEAD", "POST", "DELETE"])("is nothing with %s", async (method) => {
    expect((await send(await signed(), { method })).status).toBeGreaterThanOrEqual(400);
    expect(await parts.parts("mine", upload)).toEqual([]);
    await parts.abort("nothing", upload).catch(() => undefined);
  });

  test.each([
    ["longer", Buffer.alloc(13)],
    ["shorter", Buffer.alloc(11)],
    ["empty", Buffer.alloc(0)],
  ])("takes no %s body", async (_name, body) => {
    expect((await send(await signed(), { body })).status).toBeGreaterThanOrEqual(400);
    expect(await parts.parts("mine", upload)).toEqual([]);
  });

  test("takes no body whose framing was not signed", async () => {
    const headers = {
      "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
      "x-amz-decoded-content-length": "5",
      "content-encoding": "aws-chunked",
      "x-amz-trailer": "x-amz-checksum-crc32",
    };
    const body = Buffer.from("2\r\nab\r\n0\r\n\r\n");
    expect(body).toHaveLength(bytes.length);
    expect((await send(await signed(), { headers, body })).status).toBeGreaterThanOrEqual(400);
    expect(await parts.parts("mine", upload)).toEqual([]);
  });

  test("ends with its time", async () => {
    const url = await signed({ expiresInSeconds: 1 });
    await sleep(2500);
    expect((await send(url)).status).toBe(403);
    expect(await parts.parts("mine", upload)).toEqual([]);
  });

  test("and takes its part as it was made", async () => {
    expect((await send(await signed())).status).toBe(200);
    expect(await parts.parts("mine", upload)).toMatchObject([{ number: 1, sizeBytes: bytes.length }]);
  });
});
