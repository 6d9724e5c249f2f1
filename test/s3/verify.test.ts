import { ListObjectVersionsCommand, PutBucketVersioningCommand } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Store } from "../../src/store/contract.ts";
import { createS3Driver } from "../../src/store/s3.ts";
import { verifyStore } from "../../src/store/verify.ts";
import { bodyOf } from "../contract/store.ts";
import { testVersions } from "../contract/store-copy.ts";
import { type FaultProxy, startProxy } from "./support/proxy.ts";
import { type S3Server, startS3, storeOn } from "./support/server.ts";

let server: S3Server;
let proxy: FaultProxy;
beforeAll(async () => {
  server = await startS3({ versioned: true });
  proxy = await startProxy(server.endpoint);
});
afterAll(async () => {
  await proxy.close();
  await server.close();
});

function store(location: string, driver: Record<string, unknown> = {}): Store {
  const config = storeOn(server, location, driver);
  return { config, driver: createS3Driver(config, { attempts: 2, stallMs: 2_000 }) };
}

async function versions(location: string): Promise<string[]> {
  const command = new ListObjectVersionsCommand({
    Bucket: server.bucket,
    Prefix: `${location}/_obj/verify/`,
  });
  const { Versions = [], DeleteMarkers = [] } = await server.client.send(command);
  return [...Versions, ...DeleteMarkers].map(({ Key = "" }) => Key);
}

test("an S3 store does all, and nothing is left", async () => {
  const findings = await verifyStore(store("plain"));
  expect(findings.filter(({ ok }) => !ok)).toEqual([]);
  const told = Object.fromEntries(findings.map(({ name, message }) => [name, message]));
  expect(told).toMatchObject({
    PUT: expect.stringMatching(/no versions are kept; its own SHA-256 proves/),
    CONDITIONAL: expect.stringMatching(/^atomic/),
    MULTIPART: expect.stringMatching(/none afterwards/),
    DEADLINE: expect.stringMatching(/refused/),
  });
  expect(await versions("plain")).toEqual([]);
});

describe.each([
  ["s3:PutObject", "PUT", (method: string) => method === "PUT"],
  ["s3:DeleteObject", "DELETE", (method: string) => method === "DELETE"],
  ["s3:GetObject", "GET", (method: string, url: string) => method === "GET" && !url.includes("list-type")],
  ["s3:ListBucket", "LIST", (_: string, url: string) => url.includes("list-type")],
])("without %s", (permission, name, isDenied) => {
  test("the permission is named", async () => {
    proxy.rule = ({ method, url }) => (isDenied(method, url) ? { kind: "status", status: 403 } : undefined);
    const findings = await verifyStore(store(permission.replace(":", ""), { endpoint: proxy.endpoint }));
    proxy.rule = () => undefined;
    const finding = findings.find((one) => one.name === name);
    expect(finding).toMatchObject({ ok: false, message: expect.stringContaining(permission) });
  });
});

test("where versions are kept, each is told, and the tried ones are gone", async () => {
  const VersioningConfiguration = { Status: "Enabled" } as const;
  await server.client.send(
    new PutBucketVersioningCommand({ Bucket: server.bucket, VersioningConfiguration }),
  );
  const versioned = store("versions");
  const findings = await verifyStore(versioned);
  expect(findings.filter(({ ok }) => !ok)).toEqual([]);
  expect(findings.find(({ name }) => name === "PUT")?.message).toMatch(/versions are kept/);
  expect(await versions("versions")).toEqual([]);
  const { driver } = versioned;
  const { versionId } = await driver.put("key", bodyOf(Buffer.from("x")));
  expect(versionId).toMatch(/./);
  expect((await driver.head("key"))?.versionId).toBe(versionId);
  await driver.delete("key");
  expect(await driver.head("key")).toBeUndefined();
  expect(await driver.get("key")).toBeUndefined();
});

describe("S3 store that keeps versions", () => {
  let count = 0;
  testVersions(async () => store(`kept${count++}`).driver);
});
