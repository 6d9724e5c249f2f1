/** The drill of backup and restore with stores on a real S3 server: written to meanwhile, taken by the collector meanwhile, cut meanwhile. */

import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PutBucketVersioningCommand } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { StoreConfig } from "../../src/store/contract.ts";
import { Lab } from "../backup/support/lab.ts";
import { freshDatabase } from "../support/database.ts";
import { type FaultProxy, startProxy } from "./support/proxy.ts";
import { type S3Server, startS3, storeOn } from "./support/server.ts";

const folder = mkdtempSync(join(tmpdir(), "holdfast-backup-s3-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let labs = 0;
/** A laboratory whose stores lie in places of their own on the server. */
async function newLab(server: S3Server, isEmpty = false, driver: Record<string, unknown> = {}): Promise<Lab> {
  labs += 1;
  const store = (name: string): StoreConfig => ({ ...storeOn(server, `${name}${labs}`, driver), name });
  return Lab.open(await freshDatabase(), [store("main"), store("cold")], { isEmpty });
}

/** Deletes every row and object, as people and the collector together do, when all rows are in the file and no object is. */
function takesAll(lab: Lab) {
  return async (point: string): Promise<void> => {
    if (point !== "backup.frozen") return;
    const tables = ["lab.reading", "lab.sample", 'lab."~object"', "holdfast.object"];
    await lab.db.query(tables.map((table) => `DELETE FROM ${table}`).join("; "));
    await lab.hideAll();
  };
}

describe.each([false, true])("on a bucket that keeps versions: %s", (versioned) => {
  let server: S3Server;
  let proxy: FaultProxy;
  beforeAll(async () => {
    server = await startS3({ versioned });
    const VersioningConfiguration = { Status: "Enabled" } as const;
    if (versioned)
      await server.client.send(
        new PutBucketVersioningCommand({ Bucket: server.bucket, VersioningConfiguration }),
      );
    proxy = await startProxy(server.endpoint);
  });
  afterAll(async () => {
    await proxy.close();
    await server.close();
  });

  it("brings rows and objects of one moment back, while writes go on", async () => {
    await using lab = await newLab(server);
    const content = randomBytes(100_000);
    await lab.write(content);
    await lab.writeCold(content);
    await lab.writeTree("folder.zarr", { a: "first", "b/c": "second" });
    await lab.writeForeign("_hash/lab/aaaaaaaaaaaaaaaaaaaaaaaaaa", "of another program");
    const stop = { is: false };
    const writer = (async () => {
      while (!stop.is) await lab.write();
    })();
    const file = join(folder, `drill-${versioned}.tar`);
    await lab.backup(file);
    stop.is = true;
    await writer;
    await using other = await newLab(server, true);
    await other.restore(file);
    const { rows } = await other.db.query<{ total: number; samples: number }>(
      "SELECT total, (SELECT count(*)::int FROM lab.sample) AS samples FROM lab.tally",
    );
    const total = rows[0]?.total ?? 0;
    expect(rows[0]?.samples).toBe(total);
    expect((await other.rows(total))["lab.sample"]).toEqual((await lab.rows(total))["lab.sample"]);
    expect((await other.rows(total))["lab.reading"]).toEqual((await lab.rows(total))["lab.reading"]);
    const keys = await other.keys();
    expect(Object.keys(keys).length).toBeGreaterThanOrEqual(total + 2);
    expect(await lab.keys()).toMatchObject(keys);
    expect(await other.write()).toBe(total + 1);
  });

  it("is whole also when the collector takes objects meanwhile", async () => {
    await using lab = await newLab(server);
    for (let count = 0; count < 3; count++) await lab.write();
    // A folder in a bucket with versions is remembered by lists, which the collector's own tests write.
    if (!versioned) await lab.writeTree("folder.zarr", { a: "first", "b/c": "second" });
    const keys = await lab.keys();
    const { driver } = lab.objects.stores.get("main");
    const [first = ""] = Object.keys(keys);
    expect((await driver.head(first.slice("main:".length)))?.versionId !== undefined).toBe(versioned);
    const file = join(folder, `taken-${versioned}.tar`);
    await lab.backup(file, {}, takesAll(lab));
    expect(await lab.keys()).toEqual({});
    await using other = await newLab(server, true);
    await other.restore(file);
    expect(await other.keys()).toEqual(keys);
  });

  it("goes on where an object's bytes were cut off, and gives up on a store that stays away", async () => {
    await using lab = await newLab(server, false, { endpoint: proxy.endpoint });
    for (let count = 0; count < 3; count++) await lab.write(randomBytes(3_000_000));
    const file = join(folder, `cut-${versioned}.tar`);
    let cuts = 0;
    proxy.rule = ({ method, url }) => {
      if (method !== "GET" || !url.includes("/_hash/") || cuts >= 4) return undefined;
      cuts += 1;
      return { kind: "truncate" };
    };
    await lab.backup(file);
    expect(cuts).toBe(4);
    await using other = await newLab(server, true);
    await other.restore(file);
    expect(await other.keys()).toEqual(await lab.keys());
    proxy.rule = ({ url }) =>
      url.includes("/_hash/") ? { kind: "status", status: 403, code: "AccessDenied" } : undefined;
    await expect(lab.backup(`${file}.2`)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    proxy.rule = () => undefined;
  });
});
