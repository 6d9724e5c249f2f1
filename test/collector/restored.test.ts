/** A database that was set back: what it names again comes back, whatever was done in the time that it has forgotten. */

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { removeBytes } from "../../src/collector/bytes.ts";
import { collect } from "../../src/collector/collect.ts";
import type { CollectReport } from "../../src/collector/contract.ts";
import { setPolicy } from "../../src/collector/policy.ts";
import { storeDoubts } from "../../src/collector/store-doubts.ts";
import { ServiceError } from "../../src/errors.ts";
import { type Laboratory, laboratory } from "../object/laboratory.ts";
import { Truth } from "./truth-laboratory.ts";

let lab: Laboratory;
let truth: Truth;
beforeAll(async () => {
  lab = await laboratory();
  truth = new Truth(lab.db, lab.objects, "main");
});
beforeEach(async () => {
  await truth.empty(lab.main);
  await lab.db.query(
    `UPDATE holdfast.store SET gc = 'on', confirmed_version = 'test', grace = '0', keep = '30 days', drain = '0'`,
  );
});

const run = (): Promise<CollectReport> =>
  collect(truth.context, { apply: true, by: "test", stores: ["main"] }, { removeBytes, storeDoubts });
const doubted = async () => (await run()).doubts.map(({ code, store }) => `${code} ${store ?? "all"}`);
const modeOf = async () =>
  (await lab.db.query<{ gc: string }>("SELECT gc FROM holdfast.store WHERE name = 'main'")).rows[0]?.gc;
const turnOn = () => setPolicy(truth.context, { store: "main", mode: "on" }, "test");

/** The tables as they are now, to be put back later, as a restore does: rows, holds, objects; tombstones and runs of later are forgotten. */
async function snapshot(): Promise<() => Promise<void>> {
  const tables = [
    "holdfast.object",
    'lab."~object"',
    "lab.item",
    "holdfast.tombstone",
    "holdfast.collector_run",
  ];
  for (const [at, table] of tables.entries()) {
    await lab.db.query(`DROP TABLE IF EXISTS public.saved_${at}`);
    await lab.db.query(`CREATE TABLE public.saved_${at} AS SELECT to_jsonb(t) AS row FROM ${table} t`);
  }
  return async () => {
    await lab.db.transaction(async (transaction) => {
      await transaction.query("SET LOCAL session_replication_role = replica");
      for (const [at, table] of tables.entries()) {
        const columns = await transaction.query<{ names: string }>(
          `SELECT string_agg(quote_ident(attname), ', ') AS names FROM pg_attribute
           WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''`,
          [table],
        );
        const names = columns.rows[0]?.names ?? "";
        await transaction.query(`DELETE FROM ${table}`);
        await transaction.query(
          `INSERT INTO ${table} (${names}) OVERRIDING SYSTEM VALUE
           SELECT ${names} FROM public.saved_${at} s, jsonb_populate_record(NULL::${table}, s.row)`,
        );
      }
    });
  };
}

/** Deletes all rows, and collects until the bytes are in the trash. */
async function collectAll(): Promise<void> {
  await lab.db.query("DELETE FROM lab.item");
  const report = await run();
  expect(report.doubts).toEqual([]);
  expect(report.stores[0]?.counts.hide).toBeGreaterThan(0);
}

describe("set back behind a collection", () => {
  test("a database that is behind its store is noticed, also from a copy of its files; nothing is deleted until it was checked", async () => {
    const kept = await truth.write(1, "kept");
    const back = await snapshot();
    await collectAll();
    await back();
    // Counters go back too: the next run has the number of the one that was forgotten.
    await lab.db.query(
      "SELECT setval(pg_get_serial_sequence('holdfast.collector_run', 'id'), (SELECT coalesce(max(id), 1) FROM holdfast.collector_run))",
    );
    await truth.write(2, "after");
    await lab.db.query("DELETE FROM lab.item WHERE id = 2");
    expect(await doubted()).toEqual(expect.arrayContaining(["DATABASE main"]));
    expect(await modeOf()).toBe("restore");
    expect(await doubted()).toEqual(expect.arrayContaining(["MODE main"]));
    await expect(turnOn()).rejects.toMatchObject({ code: "CONFLICT" });
    const { report } = await truth.check({ apply: true });
    expect(report.stores[0]).toMatchObject({ lost: 0 });
    expect(await truth.read(kept.path)).toBe("kept");
    expect(await truth.object(kept.path)).toMatchObject({ verified: true });
    await turnOn();
    expect(await doubted()).toEqual([]);
    expect(await truth.read(kept.path)).toBe("kept");
  });

  test("every row resolves after one check: files, folders, names that are too long for the trash", async () => {
    const one = await truth.write(1, "one");
    const long = `_schema/lab/item/${"l".repeat(200)}/${"o".repeat(200)}/${"n".repeat(200)}/${"g".repeat(200)}/x_5EhXKOuf`;
    await truth.put(long, "long");
    await truth.foreign(2, long);
    const tree = "_schema/lab/item/zarr_5EhXKOuf.zarr";
    for (const name of ["a", "b/c", "b/d"]) await truth.put(`${tree}/${name}`, name);
    await truth.put(`${tree}.manifest.json`, JSON.stringify({ total_size: 7, item_count: 3 }));
    await truth.foreign(3, tree);
    await truth.check({ apply: true });
    const back = await snapshot();
    await collectAll();
    for (const path of [one.path, long, `${tree}/a`]) expect(await truth.read(path)).toBeUndefined();
    await back();
    await lab.db.query("UPDATE holdfast.store SET gc = 'restore'");
    const { report } = await truth.check({ apply: true });
    expect(report.stores[0]).toMatchObject({ lost: 0 });
    expect([await truth.read(one.path), await truth.read(long)]).toEqual(["one", "long"]);
    for (const name of ["a", "b/c", "b/d"]) expect(await truth.read(`${tree}/${name}`)).toBe(name);
    for (const path of [one.path, long, tree])
      expect(await truth.object(path)).toMatchObject({ verified: true });
    expect((await lab.db.query("SELECT FROM holdfast.trash_index")).rowCount).toBe(0);
  });

  test("what has the number of a tombstone that was forgotten takes nothing of it", async () => {
    const forgotten = await truth.write(1, "forgotten");
    const back = await snapshot();
    await collectAll();
    await back();
    await lab.db.query("ALTER TABLE holdfast.tombstone ALTER COLUMN id RESTART WITH 1");
    await lab.db.query("UPDATE holdfast.store SET gc = 'restore'");
    await truth.check({ apply: true });
    await turnOn();
    const other = await truth.write(2, "other");
    await lab.db.query("DELETE FROM lab.item WHERE id = 2");
    await lab.db.query("UPDATE holdfast.store SET keep = '0'");
    expect((await run()).doubts).toEqual([]);
    expect((await run()).doubts).toEqual([]);
    expect(await truth.read(forgotten.path)).toBe("forgotten");
    expect(await truth.read(other.path)).toBeUndefined();
  });

  test("nothing is trusted while deletions of before may still arrive", async () => {
    const { path } = await truth.write(1, "early");
    const [unread, hidden] = ["_schema/lab/item/id=4/value_5EhXKOuf", "_schema/lab/item/id=5/value_5EhXKOuf"];
    await truth.put(unread, "unread");
    await truth.put(`_trash/7/${hidden}`, "hidden");
    await truth.foreign(4, unread);
    await truth.foreign(5, hidden);
    await lab.db.query("UPDATE holdfast.store SET drain = '1 hour', gc = 'restore'");
    const before = await truth.state();
    const { report } = await truth.check({ apply: true });
    expect(report.doubts).toEqual([expect.objectContaining({ code: "MODE", store: "main" })]);
    // Nothing is verified, healed or adopted either.
    expect(await truth.state()).toEqual(before);
    await lab.db.query("UPDATE holdfast.store SET restore_since = restore_since - interval '2 hours'");
    // Bytes that went meanwhile, of which nothing is left, are told; those that are there are good again.
    const gone = await truth.write(2, "gone").catch(() => undefined);
    expect(gone).toBeUndefined();
    expect((await truth.check({ apply: true })).report.doubts).toEqual([]);
    for (const one of [path, unread, hidden])
      expect(await truth.object(one)).toMatchObject({ verified: true });
    expect(await truth.read(hidden)).toBe("hidden");
    await turnOn();
    expect(await modeOf()).toBe("on");
  });

  test("everything is read again: a size says nothing of bytes that were replaced in the time that is forgotten", async () => {
    const same = await truth.write(1, "as it was");
    const other = await truth.write(2, "replaced");
    await writeFile(join(lab.main, other.path), "REPLACED");
    await lab.db.query("UPDATE holdfast.store SET gc = 'restore'");
    const { told } = await truth.check({ apply: true });
    expect(told).toContain(`DIGEST left main:${other.path}`);
    expect(await truth.object(other.path)).toMatchObject({ verified: false, dedup: null });
    expect(await truth.object(same.path)).toMatchObject({ verified: true });
    await turnOn();
    expect((await truth.write(3, "replaced")).path).not.toBe(other.path);
  });

  test("a store that does not answer changes nothing: it is asked again", async () => {
    const { path } = await truth.write(1, "there");
    await lab.db.query("UPDATE holdfast.store SET gc = 'restore'");
    const away = truth.seen({
      head: () => Promise.reject(new ServiceError("STORE_UNAVAILABLE", "It is away.")),
    });
    const before = await truth.state();
    expect((await away.check({ apply: true })).report.doubts.map(({ code }) => code)).toEqual(["STORE"]);
    expect(await truth.state()).toEqual(before);
    await expect(turnOn()).rejects.toMatchObject({ code: "CONFLICT" });
    expect((await truth.check({ apply: true })).report.doubts).toEqual([]);
    expect(await truth.object(path)).toMatchObject({ verified: true });
  });

  test("an ordinary run leaves one milestone, and does not mind those of runs beside it", async () => {
    for (const id of [1, 2, 3]) {
      await truth.write(id, `v${id}`);
      await collectAll();
    }
    const milestones: string[] = [];
    for await (const { path } of truth.driver.list("_obj/runs/")) milestones.push(path);
    expect(milestones).toHaveLength(1);
    expect(await doubted()).toEqual([]);
  });
});
