/** Reconcile, heal, revive and doubts on a real S3 server, plain and versioned, through a proxy whose listings lie. */

import {
  CreateMultipartUploadCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { connect, type PostgresDatabase } from "../../src/db/database.ts";
import { migrate } from "../../src/db/migrate.ts";
import { createObjects, type Objects } from "../../src/object/objects.ts";
import { createS3Driver } from "../../src/store/s3.ts";
import { Truth } from "../collector/truth-laboratory.ts";
import { freshDatabase } from "../support/database.ts";
import { type FaultProxy, type Seen, startProxy } from "./support/proxy.ts";
import { type S3Server, startS3, storeOn } from "./support/server.ts";

/** One schema `lab` over one store `cloud`, and what is truly in it. */
interface Place {
  readonly server: S3Server;
  readonly proxy: FaultProxy;
  readonly db: PostgresDatabase;
  readonly objects: Objects;
  readonly truth: Truth;
}

async function place(versioned: boolean): Promise<Place> {
  const server = await startS3({ versioned });
  if (versioned) {
    const VersioningConfiguration = { Status: "Enabled" } as const;
    await server.client.send(
      new PutBucketVersioningCommand({ Bucket: server.bucket, VersioningConfiguration }),
    );
  }
  const proxy = await startProxy(server.endpoint);
  const url = await freshDatabase();
  await migrate(url);
  const db = await connect(url, { maxConnections: 10 });
  const config = storeOn(server, "lab", { endpoint: proxy.endpoint });
  const driver = createS3Driver(config, { attempts: 2, stallMs: 2_000, connectMs: 1_000 });
  const store = { config, driver };
  const objects = await createObjects({
    db,
    stores: {
      all: new Map([["cloud", store]]),
      defaultName: "cloud",
      filepathDefaultName: undefined,
      get: () => store,
    },
  });
  await db.query("CREATE SCHEMA lab");
  await db.query("CREATE TABLE lab.item (id int PRIMARY KEY, value jsonb)");
  await db.query("SELECT holdfast.adopt_column('lab.item', 'value', 'cloud', false)");
  return { server, proxy, db, objects, truth: new Truth(db, objects, "cloud") };
}

const places: Partial<Record<"plain" | "versioned", Place>> = {};
beforeAll(async () => {
  places.plain = await place(false);
  places.versioned = await place(true);
}, 120_000);
afterAll(async () => {
  for (const { objects, db, proxy, server } of Object.values(places)) {
    await objects.close();
    await db.close();
    await proxy.close();
    await server.close();
  }
});
afterEach(() => {
  for (const { proxy } of Object.values(places)) proxy.rule = () => undefined;
});

const at = (name: "plain" | "versioned"): Place => {
  const found = places[name];
  if (found === undefined) throw new Error("not started");
  return found;
};

/** Everything of the store and the database goes; versions stay, as they do. */
async function emptied({ truth, db }: Place): Promise<void> {
  truth.fault = () => undefined;
  for (const path of await truth.paths()) await truth.driver.delete(path);
  await db.query("DELETE FROM lab.item");
  for (const table of ['lab."~object"', "holdfast.object", "holdfast.tombstone", "holdfast.upload"])
    await db.query(`DELETE FROM ${table}`);
  await db.query("UPDATE holdfast.store SET drain = '0'");
}

describe.each(["plain", "versioned"] as const)("a %s bucket", (name) => {
  let truth: Truth;
  beforeEach(async () => {
    await emptied(at(name));
    truth = at(name).truth;
  });

  test("adopts what nobody knows, verifies what a peer has written, and has no doubts", async () => {
    await truth.put("_hash/lab/so4illp6so4illp6so4illp6so", "unknown");
    await truth.put("_schema/lab/item/zarr_5EhXKOuf.zarr/0/a", "1");
    await truth.put("_schema/lab/item/zarr_5EhXKOuf.zarr/b", "22");
    await truth.put("_hash/lab/unwli6dqh5hkrs4def2rgayp5m", "raw bytes");
    await truth.foreign(1, "_hash/lab/unwli6dqh5hkrs4def2rgayp5m");
    await truth.write(2, "ours");
    const { told, report } = await truth.check({ apply: true, scrub: 1 });
    expect(report.doubts).toEqual([]);
    expect(told).toEqual([
      "UNKNOWN_BYTES adopted cloud:_hash/lab/so4illp6so4illp6so4illp6so",
      "UNKNOWN_BYTES adopted cloud:_schema/lab/item/zarr_5EhXKOuf.zarr",
      "UNVERIFIED verified cloud:_hash/lab/unwli6dqh5hkrs4def2rgayp5m",
    ]);
    expect(await truth.doubts()).toEqual([]);
  });

  test("gives back what was hidden, to a peer that relies on it and to who revives it", async () => {
    for (const [id, content] of [
      [1, "healed"],
      [2, "revived"],
      [3, "queued"],
    ] as const) {
      const { path } = await truth.write(id, content);
      await truth.kill(path);
      if (id !== 3) await truth.hide(path);
      expect(await truth.read(path)).toBe(id === 3 ? content : undefined);
      if (id === 1) {
        await truth.foreign(4, path);
        expect((await truth.check({ apply: true })).told).toEqual([`MISSING healed ${truth.locator(path)}`]);
      } else expect(await truth.revive(path)).toMatchObject([{ outcome: "revived" }]);
      expect(await truth.read(path)).toBe(content);
      expect(await truth.object(path)).toMatchObject({ verified: true });
    }
    expect((await truth.check({ scrub: 1 })).told).toEqual([]);
  });

  test("tells of multipart uploads that were forgotten, not of those under way", async () => {
    const { server } = at(name);
    const Key = "lab/_hash/lab/parts";
    await server.client.send(new CreateMultipartUploadCommand({ Bucket: server.bucket, Key }));
    expect((await truth.check({ apply: true })).told).toEqual([]);
    const { multipart } = truth.driver;
    if (multipart === undefined) throw new Error("no multipart uploads");
    const later = truth.seen({
      multipart: {
        ...multipart,
        open: async function* (prefix, signal) {
          const startedAt = new Date(Date.now() - 26 * 3_600_000);
          for await (const open of multipart.open(prefix, signal)) yield { ...open, startedAt };
        },
      },
    });
    const { rows } = await truth.db.query<{ id: string }>(
      "SELECT holdfast.reserve('cloud:_hash/lab/parts', '1 hour') AS id",
    );
    expect((await later.check({ apply: true })).told).toEqual([]);
    await truth.db.query("DELETE FROM holdfast.upload WHERE id = $1", [rows[0]?.id]);
    expect((await later.check()).told).toEqual(["OPEN_MULTIPART left cloud:_hash/lab/parts"]);
    expect((await later.check({ apply: true })).told).toEqual([
      "OPEN_MULTIPART cleaned cloud:_hash/lab/parts",
    ]);
    expect((await later.check({ apply: true })).told).toEqual([]);
  });
});

describe("versions", () => {
  beforeEach(() => emptied(at("versioned")));

  /** As a peer writes, who knows no conditions. */
  const over = async (path: string, Body: string): Promise<void> => {
    const { server } = at("versioned");
    await server.client.send(new PutObjectCommand({ Bucket: server.bucket, Key: `lab/${path}`, Body }));
  };

  test("bring back what somebody has deleted behind our back, recorded or not", async () => {
    const { truth } = at("versioned");
    const { path } = await truth.write(1, "deleted by mistake");
    const first = await truth.driver.head(path);
    await truth.driver.delete(path);
    expect(await truth.read(path)).toBeUndefined();
    expect((await truth.doubts()).map(({ code }) => code)).toEqual(["CANARY"]);
    expect((await truth.check({ apply: true })).told).toEqual([`MISSING healed cloud:${path}`]);
    expect(await truth.read(path)).toBe("deleted by mistake");
    expect(first?.versionId).toBeDefined();
    const { rows } = await truth.db.query<{ version_id: string | null }>(
      "SELECT version_id FROM holdfast.object",
    );
    expect(rows[0]?.version_id).toBe((await truth.driver.head(path))?.versionId);
    await truth.driver.delete(path);
    expect((await truth.check({ apply: true })).told).toEqual([`MISSING healed cloud:${path}`]);
    expect(await truth.doubts()).toEqual([]);
  });

  test("of other bytes do not serve, and the right one behind them does", async () => {
    const { truth } = at("versioned");
    const { path } = await truth.write(1, "the right bytes");
    await over(path, "the wrong bytes");
    await truth.driver.delete(path);
    expect((await truth.check({ apply: true })).told).toEqual([`MISSING healed cloud:${path}`]);
    expect(await truth.read(path)).toBe("the right bytes");
  });

  test("are listed, the newest first, hidden ones too, page after page", async () => {
    const { truth } = at("versioned");
    const { driver } = truth;
    const written: (string | undefined)[] = [];
    for (const content of ["1", "22", "333"]) {
      await over("_hash/lab/several", content);
      written.push((await driver.head("_hash/lab/several"))?.versionId);
      await driver.delete("_hash/lab/several");
    }
    const found: (string | undefined)[] = [];
    for await (const { path, versionId } of driver.versions?.("_hash/lab/several") ?? []) {
      expect(path).toBe("_hash/lab/several");
      found.push(versionId);
    }
    expect(found).toEqual(written.toReversed());
  });
});

describe("listings that lie", () => {
  const isList = ({ method, url }: Seen) =>
    method === "GET" && url.includes("list-type=2") && /prefix=lab(%2F|\/)_hash/.test(url);
  const paths: string[] = [];

  beforeEach(async () => {
    const { truth } = at("plain");
    await emptied(at("plain"));
    paths.length = 0;
    for (let id = 1; id <= 12; id++) paths.push((await truth.write(id, `content ${id}`)).path);
    await truth.put("_hash/lab/2unknown", "unknown");
    await truth.put("_hash/lab/zunknown", "unknown");
  });

  const entry = /<Contents>(?:(?!<\/Contents>).)*<\/Contents>/gs;
  /** Leaves objects out as a server would that has lost sight of them: consistent in itself. */
  const without = (text: string, dropped: (entries: string[]) => string[]): string => {
    const all = text.match(entry) ?? [];
    const gone = new Set(dropped([...all]));
    const kept = all.filter((one) => !gone.has(one));
    const count = `<KeyCount>${kept.length}</KeyCount>`;
    let at = 0;
    return text
      .replace(entry, (one) => (gone.has(one) || at++ < 0 ? "" : one))
      .replace(/<KeyCount>\d+<\/KeyCount>/, count);
  };

  /** Canaries look at a listing too: it lies from the second one on, which is the check's own. */
  const lie = (proxy: FaultProxy, body: (text: string) => string): void => {
    proxy.rule = (request) => (isList(request) && !isOfOne(request) ? { kind: "rewrite", body } : undefined);
  };
  /** The canaries' own look at one object. */
  const isOfOne = ({ url }: Seen) => !/prefix=lab(%2F|\/)_hash(%2F|\/)lab(%2F|\/)(&|$)/.test(url);

  test.each<[string, (text: string) => string]>([
    ["that end early", (text) => without(text, (all) => all.slice(-5))],
    ["that lack an object in the middle", (text) => without(text, (all) => all.slice(4, 6))],
    ["that are empty", (text) => without(text, (all) => all)],
    [
      "that tell one object twice",
      (text) => text.replace(/(<Contents>(?:(?!<\/Contents>).)*<\/Contents>)/s, "$1$1"),
    ],
    ["that are cut", (text) => text.slice(0, text.length / 2)],
  ])("%s change nothing, and are a doubt", async (_, body) => {
    const { truth, proxy } = at("plain");
    const before = await truth.state();
    lie(proxy, body);
    const { report, told } = await truth.check({ apply: true });
    proxy.rule = () => undefined;
    expect(report.doubts.map(({ code }) => code)).toEqual(["STORE"]);
    expect(told).toEqual([]);
    expect(await truth.state()).toEqual(before);
    expect((await truth.check({ apply: true })).told).toEqual([
      "UNKNOWN_BYTES adopted cloud:_hash/lab/2unknown",
      "UNKNOWN_BYTES adopted cloud:_hash/lab/zunknown",
    ]);
  });

  test.each<[string, (request: Seen) => boolean]>([
    ["listings", ({ method, url }) => method === "GET" && url.includes("list-type=2")],
    ["heads", ({ method }) => method === "HEAD"],
    ["everything", () => true],
  ])("a server that answers %s with 503 changes nothing, and is a doubt", async (_, matches) => {
    const { truth, proxy } = at("plain");
    const before = await truth.state();
    proxy.rule = (request) => (matches(request) ? { kind: "status", status: 503 } : undefined);
    const { report, told } = await truth.check({ apply: true });
    expect((await truth.doubts()).map(({ code }) => code)).toEqual(["STORE"]);
    proxy.rule = () => undefined;
    expect(report.doubts.map(({ code }) => code)).toEqual(["STORE"]);
    expect(told).toEqual([]);
    expect(await truth.state()).toEqual(before);
  });

  test("a 404 of one object that is there is what a canary is for, and heals nothing away", async () => {
    const { truth, proxy } = at("plain");
    const [lost = ""] = paths;
    proxy.rule = ({ method, url }) =>
      method === "HEAD" && url.includes(lost) ? { kind: "status", status: 404 } : undefined;
    expect(await truth.doubts()).toMatchObject([{ code: "CANARY", subject: truth.locator(lost) }]);
    proxy.rule = () => undefined;
    expect(await truth.doubts()).toEqual([]);
    expect(await truth.object(lost)).toMatchObject({ verified: true });
  });
});
