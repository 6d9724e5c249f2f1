/** What stops every deletion in a store: it is not the one, not whole, or does not answer. */

import { mkdir, readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { removeBytes } from "../../src/collector/bytes.ts";
import { collect } from "../../src/collector/collect.ts";
import { storeDoubts } from "../../src/collector/store-doubts.ts";
import { ServiceError } from "../../src/errors.ts";
import { createObjects } from "../../src/object/objects.ts";
import type { Stores } from "../../src/store/contract.ts";
import { openStores } from "../../src/store/open.ts";
import { type Laboratory, laboratory } from "../object/laboratory.ts";
import { Truth } from "./truth-laboratory.ts";

let lab: Laboratory;
let truth: Truth;
beforeAll(async () => {
  lab = await laboratory();
  truth = new Truth(lab.db, lab.objects, "main");
});
beforeEach(() => truth.empty(lab.main));

const codes = async (of = truth) => (await of.doubts()).map(({ code }) => code);

describe("canaries", () => {
  test("a store that has all of its objects, or none, is no doubt", async () => {
    expect(await truth.doubts()).toEqual([]);
    for (let id = 1; id <= 30; id++) await truth.write(id, `content ${id}`);
    expect(await truth.doubts()).toEqual([]);
  });

  test("one that is missing is named, until fsck has settled it", async () => {
    const object = await truth.write(1, "content");
    await truth.write(2, "other");
    await rm(join(lab.main, object.path));
    expect(await truth.doubts()).toMatchObject(
      [
        {
          code: "CANARY",
          store: "main",
          subject: truth.locator(object.path),
          remedy: /fsck --store main --apply/,
        },
      ].map(({ remedy, ...rest }) => ({ ...rest, remedy: expect.stringMatching(remedy) })),
    );
    await truth.check({ apply: false });
    expect(await codes()).toEqual(["CANARY"]);
    await truth.check({ apply: true });
    expect(await truth.doubts()).toEqual([]);
  });

  test("one of another size is named too", async () => {
    const object = await truth.write(1, "content");
    await truncate(join(lab.main, object.path), 2);
    expect((await truth.doubts())[0]?.message).toMatch(/has 2 bytes instead of 7/);
  });

  test("a folder is looked for below its path", async () => {
    const folder = "_schema/lab/item/zarr_5EhXKOuf.zarr";
    await truth.put(`${folder}/a`, "123");
    await truth.foreign(1, folder);
    await truth.check({ apply: true });
    expect(await truth.doubts()).toEqual([]);
    await rm(join(lab.main, folder), { recursive: true });
    expect(await codes()).toEqual(["CANARY"]);
  });

  test("a run takes nothing from a store that lacks one", async () => {
    const [kept, dead, queued] = [
      await truth.write(1, "kept"),
      await truth.write(2, "dead"),
      await truth.write(3, "queued"),
    ];
    await truth.release(dead.path);
    await truth.condemn(dead.path);
    await truth.kill(queued.path);
    await rm(join(lab.main, kept.path));
    await lab.db.query("UPDATE holdfast.store SET gc = 'on', confirmed_version = 'test', grace = '0'");
    const before = await truth.state();
    const request = { apply: true, by: "test", stores: ["main"] };
    const report = await collect(truth.context, request, { removeBytes, storeDoubts });
    expect(report.doubts.map(({ code }) => code)).toEqual(["CANARY"]);
    expect(await truth.state()).toEqual(before);
  });

  test("an emptied store stays in doubt, whatever fsck has recorded", async () => {
    const object = await truth.write(1, "content");
    await rm(join(lab.main, object.path));
    expect(await codes()).toEqual(["CANARY"]);
    const { report } = await truth.check({ apply: true });
    expect(report.stores[0]).toMatchObject({ lost: 1 });
    // The object is recorded as missing, and nothing is left to go by.
    expect((await truth.doubts())[0]?.message).toMatch(/No object of the store main counts as good/);
  });

  test("what is condemned may go at any time and proves nothing", async () => {
    const [object] = [await truth.write(1, "content"), await truth.write(2, "other")];
    await truth.release(object.path);
    await truth.condemn(object.path);
    await rm(join(lab.main, object.path));
    expect(await truth.doubts()).toEqual([]);
  });

  test("killed and hidden between the pick and the look, one is no doubt", async () => {
    const [object] = [await truth.write(1, "content"), await truth.write(2, "other")];
    const { head } = truth.driver;
    let isFirst = true;
    const slow = truth.seen({
      head: async (path, signal, versionId) => {
        if (path === object.path && isFirst) {
          isFirst = false;
          await truth.kill(object.path);
          await truth.hide(object.path);
        }
        return head(path, signal, versionId);
      },
    });
    expect(await slow.doubts()).toEqual([]);
    expect(isFirst).toBe(false);
  });

  test("are picked from all of the store, by the index, however many other stores have", async () => {
    await lab.db.query(
      `INSERT INTO holdfast.object (locator, verified_at) SELECT 'cold:_hash/lab/' || n, now() FROM generate_series(1, 20000) n`,
    );
    const objects = await Promise.all([1, 2, 3].map((id) => truth.write(id, `content ${id}`)));
    await lab.db.query("ANALYZE holdfast.object");
    for (const { path } of objects) {
      await rename(join(lab.main, path), join(lab.main, "aside"));
      expect((await truth.doubts()).map(({ subject }) => subject)).toEqual([truth.locator(path)]);
      await rename(join(lab.main, "aside"), join(lab.main, path));
    }
    const { rows } = await lab.db.query<{ "QUERY PLAN": string }>(
      `EXPLAIN SELECT * FROM holdfast.object WHERE split_part(locator, ':', 1) = 'main' AND verified_at IS NOT NULL
         AND condemned_at IS NULL AND gen >= 5 ORDER BY gen LIMIT 1`,
    );
    expect(rows.map((row) => row["QUERY PLAN"]).join("\n")).toMatch(/object_sample/);
  });
});

describe("a store that does not answer as it should", () => {
  const failing = async (): Promise<never> => {
    throw new ServiceError("STORE_UNAVAILABLE", "503 of the store", { details: { remedy: "Wait." } });
  };

  test.each(["head", "probe"] as const)("whose %s fails is a doubt by name", async (name) => {
    await truth.write(1, "content");
    expect(await truth.seen({ [name]: failing }).doubts()).toEqual([
      { code: "STORE", store: "main", subject: "main", message: "503 of the store", remedy: "Wait." },
    ]);
  });

  test("whose listing lacks what it has is a doubt", async () => {
    await truth.write(1, "content");
    const empty = truth.seen({ list: async function* () {} });
    expect(await empty.doubts()).toMatchObject([{ code: "STORE" }]);
  });

  test("ends with its caller", async () => {
    await truth.write(1, "content");
    await expect(truth.doubts(AbortSignal.abort(new Error("enough")))).rejects.toThrow("enough");
  });
});

describe("a place that is not the store", () => {
  /** The stores as a service that starts now finds them. */
  async function started(): Promise<{ truth: Truth; close(): Promise<void> }> {
    const { config } = lab.stores.get("main");
    const opened: Stores = await openStores({
      stores: [config],
      defaultName: "main",
      filepathDefaultName: undefined,
      source: "test",
    });
    const objects = await createObjects({ db: lab.db, stores: opened });
    return { truth: new Truth(lab.db, objects, "main"), close: () => objects.close() };
  }

  async function doubtsAtStart(): Promise<string[]> {
    const service = await started();
    const found = await codes(service.truth);
    await service.close();
    return found;
  }

  test("is a doubt: emptied, another one, unmounted, missing", async () => {
    await truth.write(1, "content");
    const aside = `${lab.main}-aside`;
    await rename(lab.main, aside);
    expect(await codes()).toEqual(["IDENTITY"]);
    expect(await doubtsAtStart()).toEqual(["IDENTITY"]);
    await mkdir(lab.main);
    expect(await codes()).toEqual(["IDENTITY"]);
    expect(await doubtsAtStart()).toEqual(["IDENTITY"]);
    await mkdir(join(lab.main, "_obj"));
    const marker = JSON.parse(await readFile(join(aside, "_obj/identity.json"), "utf8"));
    const other = { ...marker, store: "00000000-0000-4000-8000-000000000000" };
    await writeFile(join(lab.main, "_obj/identity.json"), JSON.stringify(other));
    expect(await codes()).toEqual(["IDENTITY"]);
    expect(await doubtsAtStart()).toEqual(["IDENTITY"]);
    await writeFile(join(lab.main, "_obj/identity.json"), "{");
    expect(await doubtsAtStart()).toEqual(["IDENTITY"]);
    // The right marker, and nothing else: half restored.
    await writeFile(join(lab.main, "_obj/identity.json"), JSON.stringify(marker));
    expect(await doubtsAtStart()).toEqual(["CANARY"]);
    await rm(lab.main, { recursive: true });
    await rename(aside, lab.main);
    expect(await codes()).toEqual([]);
  });

  test("fsck does not look at, and changes nothing for", async () => {
    await truth.write(1, "content");
    const aside = `${lab.main}-aside`;
    await rename(lab.main, aside);
    await mkdir(lab.main);
    const { report, told } = await truth.check({ apply: true });
    expect(told).toEqual([]);
    expect(report.doubts).toMatchObject([{ code: "IDENTITY", store: "main" }]);
    expect(report.stores).toMatchObject([{ store: "main", objects: 0, lost: 0 }]);
    await rm(lab.main, { recursive: true });
    await rename(aside, lab.main);
    expect((await truth.check({ apply: true })).report.doubts).toEqual([]);
  });

  test("that nobody has looked at is one", async () => {
    const { identity: _, ...bare } = truth.context.stores.get("main");
    const stores: Stores = { ...truth.context.stores, get: () => bare };
    expect(await codes(new Truth(lab.db, lab.objects, "main", stores))).toEqual(["IDENTITY"]);
  });
});
