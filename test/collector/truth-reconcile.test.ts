/** The store and the database held against each other, on the file store. */

import { mkdir, rm, truncate, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ServiceError } from "../../src/errors.ts";
import type { ObjectHead } from "../../src/store/contract.ts";
import { type Laboratory, laboratory } from "../object/laboratory.ts";
import { sha256, Truth } from "./truth-laboratory.ts";

let lab: Laboratory;
let truth: Truth;
beforeAll(async () => {
  lab = await laboratory();
  truth = new Truth(lab.db, lab.objects, "main");
});
beforeEach(() => truth.empty(lab.main));

const unknownHash = "_hash/lab/so4illp6so4illp6so4illp6so";
const folder = "_schema/lab/item/id=9/zarr_5EhXKOuf.zarr";

/** Bytes changed behind everybody's back. */
const spoil = (path: string, content: string) => writeFile(join(lab.main, path), content);
const lose = (path: string) => rm(join(lab.main, path), { recursive: true });
const putFile = async (path: string, content = "x") => {
  await mkdir(dirname(join(lab.main, path)), { recursive: true });
  await writeFile(join(lab.main, path), content);
};

describe("bytes that nobody knows", () => {
  test("are told, and with apply become condemned objects, a folder one of them", async () => {
    await truth.write(1, "known");
    await putFile(unknownHash);
    await putFile(`${folder}/0/a`, "12");
    await putFile(`${folder}/b`, "345");
    await putFile(`${folder}.manifest.json`, "{}");
    await putFile("_hash/other/so4illp6");
    await putFile("_schema/other/lab/id=1/f_5EhXKOuf.npy");
    await putFile("raw/mine.dat");
    const before = await truth.state();
    const look = await truth.check();
    expect(look.told).toEqual([
      `UNKNOWN_BYTES left main:${unknownHash}`,
      `UNKNOWN_BYTES left main:${folder}`,
    ]);
    expect(await truth.state()).toEqual(before);
    const done = await truth.check({ apply: true });
    expect(done.told).toEqual([
      `UNKNOWN_BYTES adopted main:${unknownHash}`,
      `UNKNOWN_BYTES adopted main:${folder}`,
    ]);
    expect(await truth.object(folder)).toMatchObject({
      condemned: true,
      verified: false,
      tree: true,
      size: "5",
    });
    expect(await truth.object(unknownHash)).toMatchObject({ condemned: true, verified: false, tree: false });
    expect(await truth.steps(folder)).toEqual(["adopt"]);
    expect(done.report.stores[0]).toMatchObject({ mended: 2, lost: 0 });
    expect(done.report.doubts).toEqual([]);
  });

  test("are nobody's business where the database has them after all, or the store has not", async () => {
    await putFile(unknownHash);
    await putFile("_hash/lab/gone");
    await putFile("_hash/lab/reserved");
    truth.fault = () => Promise.reject(new Error("nothing was to be adopted"));
    const { list } = truth.driver;
    const late = truth.seen({
      list: async function* (prefix, options) {
        yield* list(prefix, options);
        if (prefix !== "_schema/") return;
        // Between the listing and the look: a peer inserts, another deletes, an upload reserves.
        await truth.foreign(1, unknownHash);
        await lose("_hash/lab/gone");
        await lab.db.query("SELECT holdfast.reserve('main:_hash/lab/reserved', '1 hour')");
      },
    });
    expect((await late.check({ apply: true })).told).toEqual([]);
    expect(await truth.object(unknownHash)).toMatchObject({ condemned: false });
  });

  test("are not told of either when they became known meanwhile", async () => {
    await putFile(unknownHash);
    const { list } = truth.driver;
    const late = truth.seen({
      list: async function* (prefix, options) {
        yield* list(prefix, options);
        if (prefix === "_schema/") await truth.foreign(1, unknownHash);
      },
    });
    expect((await late.check()).told).toEqual([]);
  });

  test("are the peer's again when its row comes at the last moment, and stay when it comes later", async () => {
    await putFile(unknownHash);
    await putFile("_hash/lab/later");
    truth.fault = async (point) => {
      if (point === "reconcile.before-adopt" && (await truth.object(unknownHash)) === undefined)
        await truth.foreign(1, unknownHash);
    };
    const { told } = await truth.check({ apply: true });
    expect(told).toEqual(["UNKNOWN_BYTES adopted main:_hash/lab/later"]);
    expect(await truth.object(unknownHash)).toMatchObject({ condemned: false });
    await truth.foreign(2, "_hash/lab/later");
    expect(await truth.object("_hash/lab/later")).toMatchObject({ condemned: false });
  });

  test("around an object, or inside of one, are left alone", async () => {
    await putFile(`${folder}/a`);
    await putFile(`${folder}/b`);
    await truth.foreign(1, `${folder}/b`);
    const { findings } = await truth.check({ apply: true });
    expect(findings.find(({ kind }) => kind === "UNKNOWN_BYTES")).toMatchObject({
      outcome: "left",
      locator: `main:${folder}`,
      message: expect.stringMatching(/around/),
    });
    expect(await truth.object(folder)).toBeUndefined();
  });

  test("of uploads, tombstones and their folders are known", async () => {
    const object = await truth.write(1, "to be killed");
    await truth.kill(object.path);
    await lab.db.query("SELECT holdfast.reserve($1, '1 hour')", [truth.locator(folder)]);
    await putFile(`${folder}/a`);
    await putFile(`${folder}.manifest.json`);
    expect((await truth.check({ apply: true })).told).toEqual([]);
  });
});

describe("an object without its bytes", () => {
  test("comes back from the trash, its digest compared", async () => {
    const first = await truth.write(1, "content");
    await truth.kill(first.path);
    await truth.hide(first.path);
    await lab.db.query("UPDATE holdfast.store SET drain = '0'");
    // A peer finds no bytes to store anew and inserts all the same: I2.
    await truth.foreign(2, first.path);
    expect((await truth.check()).told).toEqual([`MISSING left main:${first.path}`]);
    const { told, report } = await truth.check({ apply: true });
    expect(told).toEqual([`MISSING healed main:${first.path}`]);
    expect(report.stores[0]).toMatchObject({ lost: 0, mended: 1 });
    expect(await truth.read(first.path)).toBe("content");
    expect(await truth.object(first.path)).toMatchObject({
      verified: true,
      size: "7",
      sha256: sha256("content"),
      dedup: `main/lab/${sha256("content")}`,
    });
    expect(await truth.steps(first.path)).toEqual(["verify", "heal"]);
    expect((await truth.check({ apply: true })).told).toEqual([]);
  });

  test("goes on where it was killed, and is never half healed", async () => {
    await putFile(`${folder}/a`, "1");
    await putFile(`${folder}/b`, "22");
    await putFile(`${folder}.manifest.json`, JSON.stringify({ total_size: 3, item_count: 2 }));
    await truth.foreign(1, folder);
    expect((await truth.check({ apply: true })).told).toEqual([`UNVERIFIED verified main:${folder}`]);
    await truth.kill(folder);
    await truth.hide(folder);
    await lab.db.query("UPDATE holdfast.store SET drain = '0'");
    await truth.foreign(2, folder);
    await lab.db.query("UPDATE holdfast.object SET tree = true, size = 3 WHERE locator = $1", [
      truth.locator(folder),
    ]);
    // As a process that was killed after the first file leaves it.
    await truth.put(`${folder}/a`, "1");
    truth.fault = () => Promise.reject(new Error("killed"));
    await expect(truth.check({ apply: true })).rejects.toThrow("killed");
    expect(await truth.object(folder)).toMatchObject({ verified: false });
    truth.fault = () => undefined;
    await truth.check({ apply: true });
    expect(await truth.object(folder)).toMatchObject({ verified: true, tree: true, size: "3" });
    expect(await truth.paths(folder)).toEqual([`${folder}.manifest.json`, `${folder}/a`, `${folder}/b`]);
  });

  test("is never given other bytes than recorded: the trash has others", async () => {
    const object = await truth.write(1, "content", "schema");
    await truth.kill(object.path);
    const id = await truth.hide(object.path);
    await lab.db.query("UPDATE holdfast.store SET drain = '0'");
    await spoil(`_trash/${id}/${object.path}`, "CONTENT");
    await truth.foreign(2, object.path);
    await lab.db.query("UPDATE holdfast.object SET sha256 = decode($2, 'hex') WHERE locator = $1", [
      truth.locator(object.path),
      sha256("content"),
    ]);
    const { findings, report } = await truth.check({ apply: true });
    expect(findings).toMatchObject(
      [{ kind: "MISSING", outcome: "left", message: /other bytes/ }].map((one) => ({
        ...one,
        message: expect.stringMatching(one.message),
      })),
    );
    expect(report.stores[0]).toMatchObject({ lost: 1, found: { MISSING: 1 } });
    expect(await truth.read(object.path)).toBeUndefined();
  });

  test("that rows need is lost, by name of one of them; no new row is given it", async () => {
    const object = await truth.write(7, "lost");
    const other = await truth.write(8, "unreferenced");
    await truth.write(9, "there");
    await truth.release(other.path);
    await lose(object.path);
    await lose(other.path);
    const { report, findings } = await truth.check({ apply: true });
    expect(report.stores[0]).toMatchObject({ lost: 1, found: { MISSING: 2 }, mended: 0 });
    const message = findings.find(({ locator }) => locator === truth.locator(object.path))?.message;
    expect(message).toMatch(/lab\.item\.value refers to it where id=7/);
    expect(await truth.object(object.path)).toMatchObject({ verified: false, dedup: null });
    expect(await truth.steps(object.path)).toEqual(["doubt"]);
    // Written anew it lies elsewhere, and serves again.
    expect((await truth.write(10, "lost")).path).not.toBe(object.path);
  });

  test("that an abandoned upload has left is not missed", async () => {
    await lab.db.query("SELECT holdfast.reserve('main:_hash/lab/never', '-1 hour')");
    await lab.db.query("SELECT holdfast.reap()");
    expect((await truth.check({ apply: true })).told).toEqual([]);
  });
});

describe("a listing that cannot be trusted", () => {
  /** The store as it is, and its listing as `lie` tells it. */
  const lying = (lie: (all: ObjectHead[]) => ObjectHead[] | Error): Truth => {
    const { list } = truth.driver;
    return truth.seen({
      list: async function* (prefix, options) {
        const all: ObjectHead[] = [];
        for await (const head of list(prefix, options)) all.push(head);
        const told = prefix === "_hash/lab/" ? lie(all) : all;
        if (!(told instanceof Error)) return yield* told;
        yield* all.slice(0, all.length / 2);
        throw told;
      },
    });
  };

  test.each<[string, (all: ObjectHead[]) => ObjectHead[] | Error]>([
    ["ends early", (all) => all.slice(0, -4)],
    ["lacks one", (all) => all.toSpliced(3, 1)],
    ["repeats itself", (all) => [...all.slice(0, 4), ...all.slice(2)]],
    ["goes back", (all) => [...all].reverse()],
    ["is empty", () => []],
    ["fails half-way", () => new ServiceError("STORE_UNAVAILABLE", "503")],
  ])("and %s changes nothing, and is a doubt", async (_, lie) => {
    for (let id = 1; id <= 8; id++) await truth.write(id, `content ${id}`);
    await putFile("_hash/lab/2unknown");
    await putFile(unknownHash);
    const lost = await truth.write(9, "lost", "schema");
    await lose(lost.path);
    // What the canaries would find; here the listing is at stake.
    await lab.db.query(
      "UPDATE holdfast.object SET condemned_at = NULL, verified_at = NULL WHERE locator = $1",
      [truth.locator(lost.path)],
    );
    const before = await truth.state();
    const { report, told } = await lying(lie).check({ apply: true });
    expect(report.doubts.map(({ code }) => code)).toEqual(["STORE"]);
    expect(told).toEqual([]);
    expect(await truth.state()).toEqual(before);
    const after = await truth.check({ apply: true });
    expect(after.report.doubts).toEqual([]);
    expect(after.told).toEqual([
      `MISSING left main:${lost.path}`,
      "UNKNOWN_BYTES adopted main:_hash/lab/2unknown",
      `UNKNOWN_BYTES adopted main:${unknownHash}`,
    ]);
  });

  test("but objects that come, go or change while it is read make it no lie", async () => {
    for (let id = 1; id <= 4; id++) await truth.write(id, `content ${id}`);
    const doomed = await truth.write(5, "doomed");
    const { list } = truth.driver;
    const busy = truth.seen({
      list: async function* (prefix, options) {
        const all: ObjectHead[] = [];
        for await (const head of list(prefix, options)) all.push(head);
        if (prefix === "_hash/lab/") {
          await truth.write(6, "new");
          await truth.kill(doomed.path);
          await truth.hide(doomed.path);
        }
        yield* all;
      },
    });
    const { report, told } = await busy.check({ apply: true });
    expect(report.doubts).toEqual([]);
    expect(told).toEqual([]);
  });
});

describe("verification", () => {
  test("reads what a peer has registered, and believes a canonical name", async () => {
    await putFile("_hash/lab/unwli6dqh5hkrs4def2rgayp5m", "raw bytes");
    await putFile("_hash/lab/un/wl/unwli6dqh5hkrs4def2rgayp5m", "other bytes");
    await putFile("_hash/lab/12345678/unwli6dqh5hkrs4def2rgayp5m", "random name");
    await truth.foreign(1, "_hash/lab/unwli6dqh5hkrs4def2rgayp5m");
    await truth.foreign(2, "_hash/lab/un/wl/unwli6dqh5hkrs4def2rgayp5m");
    await truth.foreign(3, "_hash/lab/12345678/unwli6dqh5hkrs4def2rgayp5m");
    expect((await truth.check()).report.stores[0]?.found.UNVERIFIED).toBe(3);
    const { told, report } = await truth.check({ apply: true });
    expect(told).toEqual([
      "DIGEST left main:_hash/lab/un/wl/unwli6dqh5hkrs4def2rgayp5m",
      "UNVERIFIED verified main:_hash/lab/12345678/unwli6dqh5hkrs4def2rgayp5m",
      "UNVERIFIED verified main:_hash/lab/unwli6dqh5hkrs4def2rgayp5m",
    ]);
    expect(report.stores[0]).toMatchObject({ objects: 3, scrubbedBytes: 31, mended: 2, lost: 0 });
    expect(await truth.object("_hash/lab/un/wl/unwli6dqh5hkrs4def2rgayp5m")).toMatchObject({
      verified: false,
    });
  });

  test("says nothing of a row that was replaced meanwhile: the fence", async () => {
    await putFile("_hash/lab/one", "content");
    await truth.foreign(1, "_hash/lab/one");
    truth.fault = async (point) => {
      if (point !== "verify.between-head-and-update") return;
      truth.fault = () => undefined;
      await truth.kill("_hash/lab/one");
      await truth.hide("_hash/lab/one");
      await lab.db.query("UPDATE holdfast.store SET drain = '0'");
      await truth.foreign(2, "_hash/lab/one");
    };
    expect((await truth.check({ apply: true })).told).toEqual([]);
    expect(await truth.object("_hash/lab/one")).toMatchObject({ verified: false });
  });

  test("of equal content twice keeps one for dedup", async () => {
    await putFile("_hash/lab/tokenaaa/one", "content");
    await putFile("_hash/lab/tokenbbb/one", "content");
    await truth.foreign(1, "_hash/lab/tokenaaa/one");
    await truth.foreign(2, "_hash/lab/tokenbbb/one");
    await truth.check({ apply: true });
    const dedups = [
      await truth.object("_hash/lab/tokenaaa/one"),
      await truth.object("_hash/lab/tokenbbb/one"),
    ];
    expect(dedups.map((one) => one?.verified)).toEqual([true, true]);
    expect(dedups.filter((one) => one?.dedup !== null)).toHaveLength(1);
  });

  test("of a folder holds it against its manifest", async () => {
    await putFile(`${folder}/a`, "1");
    await putFile(`${folder}.manifest.json`, JSON.stringify({ total_size: 3, item_count: 2 }));
    await truth.foreign(1, folder);
    const { told } = await truth.check({ apply: true });
    expect(told).toEqual([`SIZE left main:${folder}`]);
    expect(await truth.object(folder)).toMatchObject({ verified: false });
  });
});

describe("scrubbing", () => {
  test("finds other bytes of the same size, which heads do not, and leaves them where they are", async () => {
    const object = await truth.write(1, "content");
    const good = await truth.write(2, "good");
    await spoil(object.path, "cOntent");
    expect((await truth.check()).told).toEqual([]);
    const look = await truth.check({ scrub: 1 });
    expect(look.told).toEqual([`DIGEST left main:${object.path}`]);
    expect(look.report.stores[0]).toMatchObject({ objects: 2, scrubbedBytes: 11 });
    expect(await truth.object(object.path)).toMatchObject({ verified: true });
    expect((await truth.check({ scrub: 1, apply: true })).told).toEqual([`DIGEST left main:${object.path}`]);
    expect(await truth.object(object.path)).toMatchObject({ verified: false, dedup: null });
    expect(await truth.object(good.path)).toMatchObject({ verified: true });
    expect(await truth.read(object.path)).toBe("cOntent");
    expect((await truth.check()).told).toEqual([`UNVERIFIED left main:${object.path}`]);
  });

  test("is not needed for a size", async () => {
    const object = await truth.write(1, "content");
    await truncate(join(lab.main, object.path), 3);
    const { report } = await truth.check();
    expect(report.stores[0]?.found.SIZE).toBe(1);
    // A canary too, as it is.
    expect(report.doubts.map(({ code }) => code)).toEqual(["CANARY"]);
  });

  test("of a share reads a share", async () => {
    for (let id = 1; id <= 60; id++) await truth.write(id, `${id}`.padStart(10, "0"));
    const { report } = await truth.check({ scrub: 0.5 });
    const read = (report.stores[0]?.scrubbedBytes ?? 0) / 10;
    expect(read).toBeGreaterThan(5);
    expect(read).toBeLessThan(55);
  });
});
