import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { parseTrash, trashedKeys } from "../../src/collector/trash.ts";
import { bodyOf } from "../contract/store.ts";
import { type Laboratory, laboratory, target, writeRow } from "../object/laboratory.ts";
import { Cemetery, Death, dieAt } from "./support/cemetery.ts";

let lab: Laboratory;
let cemetery: Cemetery;
beforeAll(async () => {
  lab = await laboratory();
  const { stores } = lab.objects;
  cemetery = new Cemetery(lab.db, stores, stores.get("main"));
});
beforeEach(async () => {
  await lab.db.query("DELETE FROM lab.item");
  await lab.db.query('DELETE FROM lab."~object"');
  await cemetery.clear();
});

const reserve = (path: string, expires = "-infinity", store = "main") =>
  lab.db.query("INSERT INTO holdfast.upload (locator, expires_at) VALUES ($1, $2::timestamptz)", [
    `${store}:${path}`,
    expires,
  ]);

async function locators(table: string): Promise<string[]> {
  const { rows } = await lab.db.query<{ locator: string }>(
    `SELECT locator FROM holdfast.${table} ORDER BY 1`,
  );
  return rows.map(({ locator }) => locator);
}

describe("reaping", () => {
  test("makes condemned objects of uploads that are over, in this store, with a line for each", async () => {
    for (const path of ["b", "a"]) await reserve(path);
    await reserve("living", "infinity");
    await reserve("elsewhere", "-infinity", "cold");
    await cemetery.put("b", "bytes");
    const before = (await cemetery.audited()).length;
    const done = await cemetery.remove();
    expect(done).toMatchObject({ reaped: 2, hidden: 0, warnings: [] });
    expect(done.decisions).toMatchObject([
      { step: "reap", store: "main", locator: "main:a" },
      { step: "reap", store: "main", locator: "main:b" },
    ]);
    expect((await cemetery.audited()).slice(before)).toEqual(["reap main:a", "reap main:b"]);
    expect(await locators("upload")).toEqual(["cold:elsewhere", "main:living"]);
    const { rows } = await lab.db.query(
      "SELECT locator, condemned_at, verified_at FROM holdfast.object ORDER BY 1",
    );
    expect(rows).toEqual([
      { locator: "main:a", condemned_at: "-infinity", verified_at: null },
      { locator: "main:b", condemned_at: "-infinity", verified_at: null },
    ]);
    expect(await cemetery.keys()).toEqual({ b: "bytes" });
  });

  test("of more uploads than one look takes, and by several workers, each is one's", async () => {
    await lab.db.query(
      "INSERT INTO holdfast.upload (locator, expires_at) SELECT 'main:' || n, '-infinity' FROM generate_series(1, 450) n",
    );
    const done = await Promise.all([cemetery.remove(), cemetery.remove()]);
    expect(done.reduce((sum, { reaped }) => sum + reaped, 0)).toBe(450);
    expect(await locators("upload")).toEqual([]);
    expect(await locators("object")).toHaveLength(450);
  });

  test("one that dies in the middle has done nothing", async () => {
    await reserve("a");
    await expect(cemetery.remove({ faults: dieAt("reap.mid") })).rejects.toThrow(Death);
    expect([await locators("upload"), await locators("object")]).toEqual([["main:a"], []]);
    expect(await cemetery.remove()).toMatchObject({ reaped: 1 });
  });

  test("an upload whose key is being deleted waits", async () => {
    await cemetery.bury("a", { a: "bytes" });
    await lab.db.query(
      "UPDATE holdfast.tombstone SET claim_by = 'x', claim_until = clock_timestamp() + interval '1 h'",
    );
    await reserve("a");
    expect(await cemetery.remove()).toMatchObject({ reaped: 0, warnings: [] });
    expect(await locators("upload")).toEqual(["main:a"]);
    await cemetery.expireClaims();
    // Hidden now, and until it is drained nothing may be registered there.
    expect(await cemetery.remove()).toMatchObject({ hidden: 1, reaped: 0 });
    await lab.db.query("UPDATE holdfast.tombstone SET hidden_at = clock_timestamp() - interval '1 day'");
    expect(await cemetery.remove()).toMatchObject({ reaped: 1 });
  });

  test("an upload that a writer still publishes is not reaped", async () => {
    const staged = await lab.objects.writer.stage(target("schema", { ext: ".bin" }), Buffer.from("bytes"));
    const published = cemetery.remove({
      faults: async (point) => {
        if (point === "reap.mid") throw new Error("reaped what was not over");
      },
    });
    expect(await published).toMatchObject({ reaped: 0 });
    const { path } = await writeRow(lab, 1, staged);
    expect(Object.keys(await cemetery.keys())).toEqual([path]);
  });

  test("what was never finished dies like all others", async () => {
    const staged = await lab.objects.writer.stage(target("schema", { ext: ".bin" }), Buffer.from("bytes"));
    await lab.db.query("UPDATE holdfast.upload SET expires_at = '-infinity'");
    expect(await cemetery.remove()).toMatchObject({ reaped: 1 });
    await lab.db.query("CALL holdfast.sweep('holdfast.object', 'condemned_at < clock_timestamp()', 10, 0)");
    expect(await cemetery.remove({ keepSeconds: 0 })).toMatchObject({ hidden: 1, hiddenBytes: 5, purged: 1 });
    expect(await cemetery.keys()).toEqual({});
    await expect(writeRow(lab, 1, staged)).rejects.toMatchObject({ code: "UPLOAD_EXPIRED" });
  });
});

describe("numbers of tombstones that begin again, after a restore", () => {
  test("what lies in the trash from before is not overwritten, and what is another's not purged", async () => {
    const path = "_schema/lab/item/id=1/value";
    const other = "_schema/lab/item/id=2/value";
    const id = await cemetery.bury(path, { [path]: "bytes" });
    const older = { [`_trash/${id}/${path}`]: "older", [`_trash/${id}/${other}`]: "another's" };
    for (const [key, content] of Object.entries(older)) await cemetery.put(key, content);
    expect(await cemetery.remove()).toMatchObject({ hidden: 1, warnings: [] });
    expect(await cemetery.keys()).toEqual({ ...older, [`_trash/${id}.2/${path}`]: "bytes" });
    const [tombstone] = await cemetery.tombstones();
    const keys: string[] = [];
    for await (const { at } of trashedKeys(cemetery.driver, { id, path, trash: tombstone?.trash ?? null }))
      keys.push(at);
    // What comes first is what was hidden last.
    expect(keys).toEqual([`_trash/${id}.2/${path}`, `_trash/${id}/${path}`]);
    expect(parseTrash({ id, trash: tombstone?.trash ?? null }).at).toHaveLength(2);
    await cemetery.ripen();
    expect(await cemetery.remove()).toMatchObject({ purged: 1 });
    expect(await cemetery.keys()).toEqual({ [`_trash/${id}/${other}`]: "another's" });
  });

  test("nothing is purged while an upload has the key", async () => {
    const path = "_schema/lab/item/id=1/value";
    await cemetery.bury(path, { [path]: "bytes" });
    await cemetery.remove();
    await cemetery.ripen();
    const before = await cemetery.keys();
    // Reserved before the database was set back, or by a writer who came before the one whose object was killed.
    const upload =
      "INSERT INTO holdfast.upload (locator, expires_at) VALUES ($1, clock_timestamp() + interval '1 hour')";
    await lab.db.query(upload, [`main:${path}`]);
    expect(await cemetery.remove()).toMatchObject({ purged: 0, left: 0 });
    expect(await cemetery.keys()).toEqual(before);
    await lab.db.query("DELETE FROM holdfast.upload");
    expect(await cemetery.remove()).toMatchObject({ purged: 1 });
    expect(await cemetery.keys()).toEqual({});
  });

  test("nothing is purged while a row may need it again", async () => {
    const path = "_schema/lab/item/id=1/value";
    await cemetery.bury(path, { [path]: "bytes" });
    await cemetery.remove();
    await cemetery.ripen();
    await lab.db.query("UPDATE holdfast.tombstone SET hidden_at = clock_timestamp() - interval '1 day'");
    const before = await cemetery.keys();
    await lab.db.query("INSERT INTO holdfast.object (locator) VALUES ($1)", [`main:${path}`]);
    expect(await cemetery.remove()).toMatchObject({ purged: 0, left: 0 });
    expect(await cemetery.keys()).toEqual(before);
    // Registered in the moment between the claim and the deletion: asked again.
    await lab.db.query("DELETE FROM holdfast.object");
    await lab.db.query("DELETE FROM holdfast.tombstone WHERE hidden_at IS NULL");
    let claims = 0;
    const faults = async (point: string) => {
      if (point !== "claim.after" || ++claims !== 2) return;
      await lab.db.query("INSERT INTO holdfast.object (locator) VALUES ($1)", [`main:${path}`]);
    };
    expect(await cemetery.remove({ faults })).toMatchObject({ purged: 0, left: 1 });
    expect(await cemetery.keys()).toEqual(before);
    // Once its bytes were seen to be there, the trash is needed no more.
    await cemetery.driver.put(path, bodyOf(Buffer.from("bytes")));
    await lab.db.query("UPDATE holdfast.object SET verified_at = clock_timestamp()");
    await cemetery.expireClaims();
    expect(await cemetery.remove()).toMatchObject({ purged: 1 });
    expect(await cemetery.keys()).toEqual({ [path]: "bytes" });
  });
});
