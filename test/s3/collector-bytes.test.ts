import {
  DeleteObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { connect, type PostgresDatabase } from "../../src/db/database.ts";
import { migrate } from "../../src/db/migrate.ts";
import { createObjects, type Objects } from "../../src/object/objects.ts";
import type { StoreDriver } from "../../src/store/contract.ts";
import { createS3Driver } from "../../src/store/s3.ts";
import { Cemetery, Death, dieAt, watched } from "../collector/support/cemetery.ts";
import { bodyOf, collect } from "../contract/store.ts";
import { freshDatabase } from "../support/database.ts";
import { startPaused } from "./support/paused.ts";
import { type FaultProxy, type Seen, startProxy } from "./support/proxy.ts";
import { type S3Server, startS3, storeOn } from "./support/server.ts";

const file = "_schema/lab/item/id=1/value_abc.bin";
const tree = "_schema/lab/item/id=2/value_def";
const treeFiles = {
  [`${tree}/.zarray`]: "{}",
  [`${tree}/0.0`]: "first",
  [`${tree}/0/1`]: "second",
  [`${tree}.manifest.json`]: "{}",
};

describe.each(["plain", "versioned"] as const)("physical deletion in a %s bucket", (kind) => {
  const isVersioned = kind === "versioned";
  let server: S3Server;
  let proxy: FaultProxy;
  let url: string;
  let db: PostgresDatabase;
  let objects: Objects;
  let cemetery: Cemetery;
  /** Sees what is truly there. */
  let truth: StoreDriver;

  beforeAll(async () => {
    server = await startS3({ versioned: isVersioned });
    proxy = await startProxy(server.endpoint);
    url = await freshDatabase();
    await migrate(url);
    db = await connect(url, { maxConnections: 10 });
    if (isVersioned) {
      const VersioningConfiguration = { Status: "Enabled" } as const;
      await server.client.send(
        new PutBucketVersioningCommand({ Bucket: server.bucket, VersioningConfiguration }),
      );
    }
    const config = storeOn(server, "lab", { endpoint: proxy.endpoint });
    const limits = { attempts: 2, stallMs: 1_000, connectMs: 1_000, assemblyMs: 3_000 };
    const store = { config, driver: createS3Driver(config, limits) };
    truth = createS3Driver(storeOn(server, "lab"));
    const stores = {
      all: new Map([["cloud", store]]),
      defaultName: "cloud",
      filepathDefaultName: undefined,
      get: () => store,
    };
    objects = await createObjects({ db, stores });
    cemetery = new Cemetery(db, objects.stores, objects.stores.get("cloud"));
  });
  afterAll(async () => {
    await objects.close();
    await db.close();
    await proxy.close();
    await server.close();
  });
  beforeEach(async () => {
    await cemetery.clear();
    if (!isVersioned) return;
    // versitygw refuses to create what only a delete marker hides.
    const { Versions = [], DeleteMarkers = [] } = await allVersions();
    for (const { Key = "", VersionId } of [...Versions, ...DeleteMarkers]) {
      if (!Key.startsWith("lab/_obj/"))
        await server.client.send(new DeleteObjectCommand({ Bucket: server.bucket, Key, VersionId }));
    }
  });
  afterEach(() => {
    proxy.rule = () => undefined;
  });

  /** What the tombstone has in the trash, by path, read from there. */
  async function trashOf(id: string): Promise<Record<string, string>> {
    const { rows } = await db.query<{ locator: string; trash: string | null }>(
      "SELECT locator, trash FROM holdfast.tombstone WHERE id = $1 AND hidden_at IS NOT NULL",
      [id],
    );
    const path = rows[0]?.locator.slice("cloud:".length) ?? "";
    const { trashedKeys } = await import("../../src/collector/trash.ts");
    const found: Record<string, string> = {};
    for await (const key of trashedKeys(truth, { id, path, trash: rows[0]?.trash ?? null })) {
      const got = await truth.get(key.at, key.versionId === undefined ? {} : { versionId: key.versionId });
      found[key.path] ??= got === undefined ? "gone" : (await collect(got.body)).toString();
    }
    return found;
  }

  /** Live keys, those of the trash aside. */
  async function live(): Promise<Record<string, string>> {
    return Object.fromEntries(
      Object.entries(await cemetery.keys()).filter(([key]) => !key.startsWith("_trash/")),
    );
  }

  function allVersions() {
    return server.client.send(new ListObjectVersionsCommand({ Bucket: server.bucket, Prefix: "lab/" }));
  }

  /** As a program does that knows nothing of us. */
  async function write(path: string, Body: string): Promise<void> {
    await server.client.send(new PutObjectCommand({ Bucket: server.bucket, Key: `lab/${path}`, Body }));
  }

  /** All versions of all keys, markers aside, our own section too. */
  async function versions(): Promise<string[]> {
    const { Versions = [] } = await allVersions();
    return Versions.map(({ Key = "" }) => Key.slice("lab/".length)).filter((key) => !key.startsWith("_obj/"));
  }

  const isDelete = ({ method }: Seen): boolean => method === "DELETE";
  const isCopy = ({ method, headers }: Seen): boolean =>
    method === "PUT" && headers["x-amz-copy-source"] !== undefined;

  test("bytes leave their key, lie in the trash, and go for good in their time", async () => {
    const first = await cemetery.bury(file, { [file]: "bytes" });
    const second = await cemetery.bury(tree, treeFiles, { tree: true });
    await cemetery.put(`${tree}x/0`, "somebody else's");
    expect(await cemetery.remove()).toMatchObject({ hidden: 2, hiddenBytes: 20, left: 0, warnings: [] });
    expect(await live()).toEqual({ [`${tree}x/0`]: "somebody else's" });
    expect(await trashOf(first)).toEqual({ [file]: "bytes" });
    expect(await trashOf(second)).toEqual(treeFiles);
    const texts = (await cemetery.tombstones()).map(({ trash }) => trash ?? "");
    for (const text of texts) expect(text).toMatch(isVersioned ? /"versions":|"lists":/ : /"at":/);
    await cemetery.ripen();
    expect(await cemetery.remove()).toMatchObject({ purged: 2, purgedBytes: 20, warnings: [] });
    expect(await cemetery.keys()).toEqual({ [`${tree}x/0`]: "somebody else's" });
    if (isVersioned) expect(await versions()).toEqual([`${tree}x/0`]);
  });

  test("no DELETE is sent where nothing is", async () => {
    await cemetery.bury(file, {});
    await cemetery.bury(tree, {}, { tree: true });
    const before = proxy.seen.length;
    expect(await cemetery.remove()).toMatchObject({ hidden: 2 });
    expect(proxy.seen.slice(before).filter(({ method }) => !["HEAD", "GET"].includes(method))).toEqual([]);
  });

  const points = [
    "hide.after-head",
    "hide.before-delete",
    "hide.delete-reply-lost",
    "hidden.before",
    ...(isVersioned ? [] : ["hide.after-copy"]),
  ];
  test.each(points.flatMap((point) => [1, 4].map((time) => [point, time] as const)))(
    "a worker that dies at %s the time %i: another one ends it as if nothing had been",
    async (point, time) => {
      const first = await cemetery.bury(tree, treeFiles, { tree: true });
      const second = await cemetery.bury(file, { [file]: "bytes" });
      await cemetery.remove({ faults: dieAt(point, time) }).catch((error: unknown) => {
        if (!(error instanceof Death)) throw error;
      });
      await cemetery.expireClaims();
      await cemetery.remove();
      expect(await live()).toEqual({});
      expect(await trashOf(first)).toEqual(treeFiles);
      expect(await trashOf(second)).toEqual({ [file]: "bytes" });
      await cemetery.ripen();
      expect(await cemetery.remove()).toMatchObject({ purged: 2 });
      expect(await cemetery.keys()).toEqual({});
      if (isVersioned) expect(await versions()).toEqual([]);
    },
  );

  test.each([
    ["of a DELETE", isDelete],
    ["of a copy", isCopy],
    ["of a HEAD", ({ method }: Seen) => method === "HEAD"],
    ["of a listing", ({ url }: Seen) => url.includes("list-type=2")],
  ])("lost answers %s: nothing is lost, nothing is done by halves", async (_, concerns) => {
    const first = await cemetery.bury(tree, treeFiles, { tree: true });
    const second = await cemetery.bury(file, { [file]: "bytes" });
    let count = 0;
    proxy.rule = (seen) => (concerns(seen) && count++ % 2 === 0 ? { kind: "lostReply" } : undefined);
    await cemetery.remove();
    proxy.rule = () => undefined;
    await cemetery.expireClaims();
    await cemetery.remove();
    expect(await live()).toEqual({});
    expect(await trashOf(first)).toEqual(treeFiles);
    expect(await trashOf(second)).toEqual({ [file]: "bytes" });
    await cemetery.ripen();
    count = 0;
    proxy.rule = (seen) => (concerns(seen) && count++ % 2 === 0 ? { kind: "lostReply" } : undefined);
    await cemetery.remove();
    proxy.rule = () => undefined;
    await cemetery.expireClaims();
    await cemetery.remove();
    expect(await cemetery.keys()).toEqual({});
    expect(await cemetery.tombstones()).toEqual([]);
  });

  test.each([
    ["503", { kind: "status", status: 503 }],
    ["silence", { kind: "silence" }],
    ["403", { kind: "status", status: 403, code: "AccessDenied" }],
  ] as const)("a store that answers DELETE by %s: left, whole, and the work ends", async (_, fault) => {
    const paths = Array.from({ length: 12 }, (_, index) => `_hash/lab/${index}`);
    const files = Object.fromEntries(paths.map((path) => [path, path]));
    for (const path of paths) await cemetery.bury(path, { [path]: path });
    proxy.rule = (seen) => (isDelete(seen) ? fault : undefined);
    const done = await cemetery.remove();
    expect(done).toMatchObject({ hidden: 0, stoppedBy: { code: "STORE_UNAVAILABLE" } });
    proxy.rule = () => undefined;
    expect(await live()).toEqual(files);
    await cemetery.expireClaims();
    expect(await cemetery.remove()).toMatchObject({ hidden: 12, warnings: [] });
    expect(await live()).toEqual({});
  });

  test("a DELETE that comes late is refused by the store", async () => {
    await cemetery.bury(file, { [file]: "bytes" });
    // Only the way is long: the worker has sent in time.
    const late: Promise<number>[] = [];
    const { driver } = cemetery;
    const slow: StoreDriver["delete"] = async (path, options = {}) => {
      proxy.rule = (seen) => {
        if (!isDelete(seen)) return undefined;
        late.push(
          new Promise<void>((resolve) => setTimeout(resolve, 4_000)).then(async () => {
            const { host = "" } = seen.headers;
            const url = `${server.endpoint}${seen.url}`;
            const answer = await fetch(url, { method: "DELETE", headers: { host } });
            await answer.arrayBuffer();
            return answer.status;
          }),
        );
        return { kind: "reset" };
      };
      await driver.delete(path, options);
    };
    expect(await cemetery.remove({ claimMs: 3_000, driver: { ...driver, delete: slow } })).toMatchObject({
      left: 1,
    });
    expect(late).toHaveLength(1);
    for (const status of await Promise.all(late)) expect(status).toBe(403);
    expect(await live()).toEqual({ [file]: "bytes" });
  });

  test("one that wakes when its claim is another's sends nothing", async () => {
    const id = await cemetery.bury(file, { [file]: "bytes" });
    const { driver, changes } = watched(cemetery.driver);
    const done = await cemetery.remove({
      driver,
      claimMs: 2_000,
      faults: async (point) => {
        if (point !== "hide.before-delete") return;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2_100);
        expect(await cemetery.remove()).toMatchObject({ hidden: 1 });
        await write(file, "written again");
      },
    });
    expect(done).toMatchObject({ hidden: 0, left: 1, warnings: [] });
    expect(changes.filter((change) => change.startsWith("delete"))).toEqual([]);
    expect(await live()).toEqual({ [file]: "written again" });
    expect(await trashOf(id)).toEqual({ [file]: "bytes" });
  });

  test.each([
    ["before it looks at its claim again: no DELETE is sent", "hide.before-delete", 0],
    ["with a DELETE that is signed and not yet sent: the store refuses it", "signed", 1],
  ])("a process that is stopped for longer than its claim %s", async (_, where, sends) => {
    const id = await cemetery.bury(file, { [file]: "bytes" });
    const paused = startPaused(url, storeOn(server, "lab", { endpoint: proxy.endpoint }), where);
    try {
      expect(await paused.line()).toEqual({ stopped: where });
      // Expiry counts whole seconds.
      await vi.waitFor(async () => expect(await isLongOver(id)).toBe(true), 20_000);
      expect(await cemetery.remove()).toMatchObject({ hidden: 1 });
      await write(file, "written again");
      const before = proxy.seen.length;
      paused.goOn();
      expect(await paused.line()).toMatchObject({ done: { hidden: 0, left: 1 } });
      expect(proxy.seen.slice(before).filter(isDelete)).toHaveLength(sends);
    } finally {
      await paused.end();
    }
    expect(await live()).toEqual({ [file]: "written again" });
    expect(await trashOf(id)).toEqual({ [file]: "bytes" });
  });

  async function isLongOver(id: string): Promise<boolean> {
    const { rows } = await db.query<{ over: boolean }>(
      "SELECT claim_until + interval '1 s' < clock_timestamp() AS over FROM holdfast.tombstone WHERE id = $1",
      [id],
    );
    return rows[0]?.over === true;
  }

  test.runIf(!isVersioned).each([5, (1 << 20) + 1])(
    "what a foreign writer writes over %i bytes that were just copied is seen, and kept too",
    async (size) => {
      const [old, young] = ["b".repeat(size), "a".repeat(size)];
      const id = await cemetery.bury(file, { [file]: old });
      let isDone = false;
      const faults = async (reached: string) => {
        if (reached !== "hide.after-copy" || isDone) return;
        isDone = true;
        // Stores tell times by the second.
        await new Promise((resolve) => setTimeout(resolve, size > 5 ? 1_100 : 0));
        await write(file, young);
      };
      await cemetery.remove({ faults });
      await cemetery.expireClaims();
      await cemetery.remove();
      expect(await live()).toEqual({});
      expect((await trashOf(id))[file] === young).toBe(true);
      expect(Object.values(await cemetery.keys()).sort()).toEqual([young, old]);
    },
  );

  test("what a foreign writer writes after the DELETE is seen, and kept too", async () => {
    const point = "hide.delete-reply-lost";
    const id = await cemetery.bury(file, { [file]: "bytes" });
    let writes = 0;
    const faults = async (reached: string) => {
      if (reached !== point) return;
      writes += 1;
      await write(file, "again");
    };
    expect(await cemetery.remove({ faults })).toMatchObject({ hidden: 0, left: 1 });
    expect(await live()).toEqual({ [file]: "again" });
    // It was tried again in the same run, and is anybody's now.
    expect(writes).toBeGreaterThan(1);
    expect(await cemetery.remove()).toMatchObject({ hidden: 1, warnings: [] });
    expect(await live()).toEqual({});
    expect(await trashOf(id)).toEqual({ [file]: "again" });
    const [tombstone] = await cemetery.tombstones();
    const { at, versions: kept } = JSON.parse(tombstone?.trash ?? "");
    expect(isVersioned ? kept : at).toHaveLength(1 + writes);
    await cemetery.ripen();
    expect(await cemetery.remove()).toMatchObject({ purged: 1 });
    expect(await cemetery.keys()).toEqual({});
    if (isVersioned) expect(await versions()).toEqual([]);
  });

  test.runIf(isVersioned)("a version that is the newest again is not purged", async () => {
    const id = await cemetery.bury(file, { [file]: "bytes" });
    await cemetery.remove();
    const { DeleteMarkers = [] } = await server.client.send(
      new ListObjectVersionsCommand({ Bucket: server.bucket, Prefix: `lab/${file}` }),
    );
    await truth.delete(file, { versionId: DeleteMarkers[0]?.VersionId ?? "" });
    expect(await live()).toEqual({ [file]: "bytes" });
    await cemetery.ripen();
    expect(await cemetery.remove()).toMatchObject({ purged: 1 });
    expect(await live()).toEqual({ [file]: "bytes" });
    expect((await cemetery.tombstones()).map((one) => one.id)).not.toContain(id);
  });

  test.runIf(!isVersioned)("a copy that is not whole is never taken for one", async () => {
    const id = await cemetery.bury(file, { [file]: "bytes" });
    await truth.put(`_trash/${id}/${file}`, bodyOf(Buffer.from("byt")));
    const other = await cemetery.bury(tree, treeFiles, { tree: true });
    await truth.put(`_trash/${other}/${tree}/0.0`, bodyOf(Buffer.from("firsT")));
    expect(await cemetery.remove()).toMatchObject({ hidden: 2, warnings: [] });
    expect(await trashOf(id)).toEqual({ [file]: "bytes" });
    expect(await trashOf(other)).toEqual(treeFiles);
    await cemetery.ripen();
    expect(await cemetery.remove()).toMatchObject({ purged: 2 });
    expect(await cemetery.keys()).toEqual({});
  });

  test("an expired upload leaves no part: it becomes an object, which dies", async () => {
    const key = "_schema/lab/item/id=9/value_parts";
    await db.query("INSERT INTO holdfast.upload (locator, expires_at) VALUES ($1, '-infinity')", [
      `cloud:${key}`,
    ]);
    const begun = await truth.multipart?.begin(key);
    expect(begun).toBeDefined();
    const other = await truth.multipart?.begin(`${key}2`);
    proxy.rule = ({ url }) => (url.includes("uploads") ? { kind: "status", status: 500 } : undefined);
    expect(await cemetery.remove()).toMatchObject({ reaped: 0 });
    proxy.rule = () => undefined;
    expect(await cemetery.remove()).toMatchObject({ reaped: 1 });
    const { Uploads = [] } = await server.client.send(
      new ListMultipartUploadsCommand({ Bucket: server.bucket }),
    );
    expect(Uploads.map(({ UploadId }) => UploadId)).toEqual([other]);
    await truth.multipart?.abort(`${key}2`, other ?? "");
  });
});
