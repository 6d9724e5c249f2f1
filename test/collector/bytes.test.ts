import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ServiceError } from "../../src/errors.ts";
import { codeOf } from "../contract/store.ts";
import { type Laboratory, laboratory } from "../object/laboratory.ts";
import { Cemetery, Death, dieAt, watched, withoutMove } from "./support/cemetery.ts";

let lab: Laboratory;
let cemetery: Cemetery;
beforeAll(async () => {
  lab = await laboratory();
  const { stores } = lab.objects;
  cemetery = new Cemetery(lab.db, stores, stores.get("main"));
});
beforeEach(() => cemetery.clear());

const file = "_schema/lab/item/id=1/value_abc.bin";
const tree = "_schema/lab/item/id=2/value_def";
const treeFiles = {
  [`${tree}/.zarray`]: "{}",
  [`${tree}/0.0`]: "first",
  [`${tree}/0/1`]: "second",
  [`${tree}.manifest.json`]: "{}",
};
const nearby = { [`${tree}x/0`]: "somebody else's", [`${file}2`]: "another" };
/** What `files` are once they are hidden by the tombstone `id`. */
const trashed = (id: string, files: Readonly<Record<string, string>>, attempt = ""): Record<string, string> =>
  Object.fromEntries(
    Object.entries(files).map(([key, content]) => [`_trash/${id}${attempt}/${key}`, content]),
  );

describe("hiding and purging in a file store", () => {
  test("gives the bytes another path, remembers it, and takes them away when their time is over", async () => {
    const id = await cemetery.bury(file, { [file]: "bytes" });
    await cemetery.put(`${file}2`, "another");
    const done = await cemetery.remove();
    expect(done).toMatchObject({ hidden: 1, hiddenBytes: 5, purged: 0, left: 0, warnings: [] });
    expect(await cemetery.keys()).toEqual({ ...trashed(id, { [file]: "bytes" }), [`${file}2`]: "another" });
    const [tombstone] = await cemetery.tombstones();
    expect(tombstone).toMatchObject({ id, hidden: true });
    expect(JSON.parse(tombstone?.trash ?? "")).toEqual({ at: [`_trash/${id}/${file}`], bytes: 5 });
    expect(done.decisions).toMatchObject([
      { step: "hide", store: "main", locator: `main:${file}`, sizeBytes: 5 },
    ]);
    expect(done.decisions[0]?.reason).toMatch(/^hidden: can be revived until \d{4}-.*Z$/);
    expect(await cemetery.remove()).toMatchObject({ hidden: 0, purged: 0 });
    await cemetery.ripen();
    expect(await cemetery.remove()).toMatchObject({ hidden: 0, purged: 1, purgedBytes: 5 });
    expect(await cemetery.keys()).toEqual({ [`${file}2`]: "another" });
    expect(await cemetery.tombstones()).toEqual([]);
    expect(await readdir(join(lab.main, "_trash"))).toEqual([]);
    expect((await cemetery.audited()).slice(-2)).toEqual([`hide main:${file}`, `purge main:${file}`]);
  });

  test("both in one run where nothing is kept", async () => {
    await cemetery.bury(file, { [file]: "bytes" });
    await cemetery.bury(tree, treeFiles, { tree: true });
    expect(await cemetery.remove({ keepSeconds: 0 })).toMatchObject({
      hidden: 2,
      purged: 2,
      purgedBytes: 20,
    });
    expect(await cemetery.keys()).toEqual({});
    expect(await cemetery.tombstones()).toEqual([]);
  });

  test("sends nothing where nothing is", async () => {
    await cemetery.bury(file, {});
    await cemetery.bury(tree, {}, { tree: true });
    for (const way of [watched(cemetery.driver), watched(withoutMove(cemetery.driver))]) {
      const done = await cemetery.remove({ driver: way.driver });
      expect(way.changes).toEqual([]);
      for (const { reason } of done.decisions) expect(reason).toMatch(/nothing lay at its key/);
    }
    expect(await cemetery.tombstones()).toMatchObject([
      { hidden: true, trash: null },
      { hidden: true, trash: null },
    ]);
  });

  test.each([
    ["as recorded", { tree: true }],
    ["that a peer has registered", { tree: false, recorded: false }],
  ])("hides a tree %s, and nothing beside it", async (_, how) => {
    for (const [key, content] of Object.entries(nearby)) await cemetery.put(key, content);
    const id = await cemetery.bury(tree, treeFiles, how);
    expect(await cemetery.remove()).toMatchObject({ hidden: 1, hiddenBytes: 15, warnings: [] });
    expect(await cemetery.keys()).toEqual({ ...nearby, ...trashed(id, treeFiles) });
    await cemetery.ripen();
    expect(await cemetery.remove()).toMatchObject({ purged: 1, purgedBytes: 15 });
    expect(await cemetery.keys()).toEqual(nearby);
  });

  test("leaves alone what an object of its own is", async () => {
    const id = await cemetery.bury(tree, { [`${tree}/file`]: "file" });
    await cemetery.put(`${tree}.manifest.json`, "not a manifest");
    await lab.db.query("INSERT INTO holdfast.object (locator) VALUES ($1)", [`main:${tree}.manifest.json`]);
    await cemetery.remove();
    expect(await cemetery.keys()).toEqual({
      [`${tree}.manifest.json`]: "not a manifest",
      ...trashed(id, { [`${tree}/file`]: "file" }),
    });
  });

  test.each([
    ["inside of it", `${tree}/0`],
    ["around it", "_schema/lab/item/id=2"],
  ])("touches nothing while a live object lies %s", async (_, live) => {
    await cemetery.bury(tree, treeFiles, { tree: true });
    await lab.db.query("INSERT INTO holdfast.object (locator) VALUES ($1)", [`main:${live}`]);
    const done = await cemetery.remove();
    expect(done).toMatchObject({ hidden: 0, left: 1 });
    expect(done.warnings.join()).toContain(live);
    expect(await cemetery.keys()).toEqual(treeFiles);
  });

  test("finds a place for paths of all lengths", async () => {
    const long = `_schema/${"x".repeat(200)}/${"y".repeat(200)}/${"z".repeat(200)}/${"w".repeat(200)}`;
    const files = { [`${long}/a`]: "1", [`${long}/${"b".repeat(180)}`]: "2" };
    await cemetery.bury(long, files, { tree: true });
    await cemetery.bury(file, { [file]: "bytes" });
    expect(await cemetery.remove()).toMatchObject({ hidden: 2, warnings: [] });
    expect(Object.values(await cemetery.keys()).sort()).toEqual(["1", "2", "bytes"]);
    await cemetery.ripen();
    expect(await cemetery.remove()).toMatchObject({ purged: 2, purgedBytes: 7 });
    expect(await cemetery.keys()).toEqual({});
  });
});

describe("a worker that dies while it purges", () => {
  test.each(["claim.after", "purge.after-list", "purge.after-delete"])(
    "at %s: another one ends it",
    async (point) => {
      await cemetery.bury(tree, treeFiles, { tree: true });
      await cemetery.remove();
      await cemetery.ripen();
      // The first claim is that of the hiding.
      const faults = dieAt(point, point === "claim.after" ? 2 : 1);
      await expect(cemetery.remove({ faults })).rejects.toThrow(Death);
      expect(await cemetery.remove()).toMatchObject({ purged: 0 });
      await cemetery.expireClaims();
      expect(await cemetery.remove()).toMatchObject({ purged: 1 });
      expect(await cemetery.keys()).toEqual({});
      expect(await cemetery.tombstones()).toEqual([]);
    },
  );
});

describe("several workers", () => {
  test("share the work: each object is one's", async () => {
    const paths = Array.from({ length: 40 }, (_, index) => `_hash/lab/${index}`);
    for (const path of paths) await cemetery.bury(path, { [path]: path });
    const before = (await cemetery.audited()).length;
    const done = await Promise.all([1, 2, 3].map(() => cemetery.remove({ keepSeconds: 0 })));
    expect(done.reduce((sum, { hidden }) => sum + hidden, 0)).toBe(40);
    expect(done.reduce((sum, { purged }) => sum + purged, 0)).toBe(40);
    const lines = (await cemetery.audited()).slice(before).sort();
    expect(lines).toEqual(paths.flatMap((path) => [`hide main:${path}`, `purge main:${path}`]).sort());
    expect(await cemetery.keys()).toEqual({});
  });

  test.each([
    ["moves", (driver: Cemetery["driver"]) => driver],
    ["copies", withoutMove],
  ])("one that %s and wakes when its claim is another's sends nothing", async (_, way) => {
    const id = await cemetery.bury(file, { [file]: "bytes" });
    const { driver, changes } = watched(way(cemetery.driver));
    let others: unknown;
    const done = await cemetery.remove({
      driver,
      claimMs: 2_000,
      faults: async (point) => {
        if (point !== "hide.before-delete") return;
        // Nothing of this process goes on, not even what would renew the claim.
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2_100);
        others = await cemetery.remove({ driver: way(cemetery.driver) });
        await cemetery.put(file, "written again");
      },
    });
    expect(others).toMatchObject({ hidden: 1 });
    expect(done).toMatchObject({ hidden: 0, left: 1, warnings: [] });
    expect(changes.filter((change) => !change.startsWith("copy"))).toEqual([]);
    expect(await cemetery.keys()).toEqual({ ...trashed(id, { [file]: "bytes" }), [file]: "written again" });
  });

  test.each([
    ["moves", (driver: Cemetery["driver"]) => driver],
    ["copies", withoutMove],
  ])("one that %s and wakes after its deadline sends nothing, before anybody tells it so", async (_, way) => {
    const id = await cemetery.bury(file, { [file]: "bytes" });
    const { driver, changes } = watched(way(cemetery.driver));
    const done = await cemetery.remove({
      driver,
      claimMs: 2_000,
      faults: (point) => {
        // As a process that is stopped: it goes on where it was, before any timer of it does.
        if (point === "hide.before-delete")
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2_100);
      },
    });
    expect(done).toMatchObject({ hidden: 0, left: 1, warnings: [] });
    expect(changes.filter((change) => !change.startsWith("copy"))).toEqual([]);
    await cemetery.expireClaims();
    expect(await cemetery.remove({ driver: way(cemetery.driver) })).toMatchObject({ hidden: 1 });
    expect(await cemetery.keys()).toEqual(trashed(id, { [file]: "bytes" }));
  });

  test("a claim is renewed while its object takes long", async () => {
    await cemetery.bury(file, { [file]: "bytes" });
    let other: unknown;
    const done = await cemetery.remove({
      claimMs: 600,
      faults: async (point) => {
        if (point !== "hide.before-delete") return;
        await new Promise((resolve) => setTimeout(resolve, 1200));
        other = await cemetery.remove();
      },
    });
    expect(other).toMatchObject({ hidden: 0 });
    expect(done).toMatchObject({ hidden: 1 });
  });
});

describe("the mode of the store", () => {
  test.each(["off", "report", "restore"])("%s: nothing is hidden, purged or reaped", async (mode) => {
    await cemetery.bury(`${file}1`, { [`${file}1`]: "hidden" });
    await cemetery.remove();
    await cemetery.ripen();
    await cemetery.bury(file, { [file]: "bytes" });
    await lab.db.query("INSERT INTO holdfast.upload (locator, expires_at) VALUES ('main:x', '-infinity')");
    const before = await cemetery.keys();
    await cemetery.mode(mode);
    expect(await cemetery.remove()).toMatchObject({ hidden: 0, purged: 0, reaped: 0, warnings: [] });
    expect(await cemetery.keys()).toEqual(before);
  });

  test("set to restore between claim and purge, nothing is purged", async () => {
    await cemetery.bury(file, { [file]: "bytes" });
    await cemetery.remove();
    await cemetery.ripen();
    const before = await cemetery.keys();
    let claims = 0;
    const faults = async (point: string) => {
      if (point === "claim.after" && ++claims === 2) await cemetery.mode("restore");
    };
    expect(await cemetery.remove({ faults })).toMatchObject({ purged: 0, left: 1 });
    expect(await cemetery.keys()).toEqual(before);
  });
});

describe("a store in trouble", () => {
  const away = () => new ServiceError("STORE_UNAVAILABLE", "The store does not answer.");

  test("one object that fails is left, the others go on", async () => {
    const paths = Array.from({ length: 20 }, (_, index) => `_hash/lab/${index}`);
    for (const path of paths) await cemetery.bury(path, { [path]: "x" });
    const { driver } = cemetery;
    const head: typeof driver.head = async (path, signal) => {
      if (path === "_hash/lab/7") throw away();
      return driver.head(path, signal);
    };
    const done = await cemetery.remove({ driver: { ...driver, head } });
    expect(done).toMatchObject({ hidden: 19, left: 1, warnings: [expect.stringContaining("_hash/lab/7")] });
    expect(done.stoppedBy).toBeUndefined();
    expect(await cemetery.remove()).toMatchObject({ hidden: 1, left: 0 });
  });

  test.each(["by", "BYTES"])("a copy that came out as %s is not taken for one of bytes", async (other) => {
    const id = await cemetery.bury(file, { [file]: "bytes" });
    const driver = withoutMove(cemetery.driver);
    let copies = 0;
    const copy: typeof driver.copy = async (from, to, options) => {
      const head = await driver.copy(from, to, options);
      if (++copies === 1) await writeFile(join(lab.main, to), other);
      return head;
    };
    const done = await cemetery.remove({ driver: { ...driver, copy } });
    expect(done).toMatchObject({ hidden: 1, warnings: [] });
    expect(await cemetery.keys()).toEqual({
      [`_trash/${id}/${file}`]: other,
      [`_trash/${id}.2/${file}`]: "bytes",
    });
  });

  test("what a writer puts back while it is hidden is hidden in the same run", async () => {
    for (const driver of [cemetery.driver, withoutMove(cemetery.driver)]) {
      await cemetery.bury(file, { [file]: "bytes" });
      let times = 0;
      const faults = async (point: string) => {
        if (point === "hide.delete-reply-lost" && ++times < 3) await cemetery.put(file, "bytes");
      };
      const done = await cemetery.remove({ driver, faults, keepSeconds: 0 });
      expect(done).toMatchObject({
        hidden: 1,
        purged: 1,
        left: 0,
        warnings: Array(2).fill(expect.stringContaining("again")),
      });
      expect(await cemetery.keys()).toEqual({});
    }
  });

  test("what a writer puts back each time is the next worker's at once", async () => {
    await cemetery.bury(file, { [file]: "bytes" });
    const faults = async (point: string) => {
      if (point === "hide.delete-reply-lost") await cemetery.put(file, "bytes");
    };
    expect(await cemetery.remove({ faults })).toMatchObject({ hidden: 0, left: 1 });
    expect(await cemetery.remove({ keepSeconds: 0 })).toMatchObject({ hidden: 1, purged: 1, left: 0 });
    expect(await cemetery.keys()).toEqual({});
  });

  test("a deletion that was not answered keeps its claim: it may be carried out until then", async () => {
    await cemetery.bury(file, { [file]: "bytes" });
    const driver = withoutMove(cemetery.driver);
    const unanswered = async (): Promise<never> => {
      throw away();
    };
    const done = await cemetery.remove({ driver: { ...driver, delete: unanswered } });
    expect(done).toMatchObject({ hidden: 0, left: 1 });
    expect(await cemetery.remove({ driver })).toMatchObject({ hidden: 0, left: 0, warnings: [] });
    await cemetery.expireClaims();
    expect(await cemetery.remove({ driver })).toMatchObject({ hidden: 1, left: 0 });
  });

  test("one that fails again and again ends the work, and nothing has changed", async () => {
    const paths = Array.from({ length: 20 }, (_, index) => `_hash/lab/${index}`);
    for (const path of paths) await cemetery.bury(path, { [path]: "x" });
    let asked = 0;
    const head = async (): Promise<never> => {
      asked += 1;
      throw away();
    };
    const done = await cemetery.remove({ driver: { ...cemetery.driver, head } });
    expect(done).toMatchObject({ hidden: 0, stoppedBy: { code: "STORE_UNAVAILABLE" } });
    expect(done.warnings.join("\n")).toMatch(/the store main fails: the rest is left for later/);
    expect(asked).toBeLessThan(20);
    expect(Object.keys(await cemetery.keys())).toHaveLength(20);
    expect((await cemetery.tombstones()).filter(({ hidden }) => hidden)).toEqual([]);
  });

  test("a run that is ended stops, and the next one goes on", async () => {
    for (let index = 0; index < 35; index++)
      await cemetery.bury(`_hash/lab/${index}`, { [`_hash/lab/${index}`]: "x" });
    const controller = new AbortController();
    const faults = (point: string) => {
      if (point === "hidden.before") controller.abort();
    };
    const done = await cemetery.remove({ faults, signal: controller.signal });
    expect(done.hidden).toBeLessThan(35);
    expect(done.warnings).toEqual([]);
    expect((await cemetery.remove()).hidden + done.hidden).toBe(35);
  });

  test("the text of a tombstone that cannot be read is left alone", async () => {
    for (const text of ["_trash/1/x", "{}x", '{"at":["_schema/lab/live"],"bytes":1}', '{"at":"x"}', "[]"]) {
      const id = await cemetery.bury(file, { [file]: "bytes" });
      await cemetery.remove();
      await cemetery.ripen();
      await lab.db.query("UPDATE holdfast.tombstone SET trash = $2 WHERE id = $1", [id, text]);
      await cemetery.put("_schema/lab/live", "live");
      const before = await cemetery.keys();
      expect(await cemetery.remove()).toMatchObject({ purged: 0, left: 1 });
      expect(await cemetery.keys()).toEqual(before);
      await cemetery.clear();
    }
    expect(await codeOf(Promise.reject(away()))).toBe("STORE_UNAVAILABLE");
  });
});
