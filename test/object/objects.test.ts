import { beforeAll, describe, expect, test } from "vitest";
import { parseFaultPoints, withCommitFaults } from "../../src/object/fault-points.ts";
import { registerStores } from "../../src/object/register-stores.ts";
import type { Stores } from "../../src/store/contract.ts";
import { codeOf } from "../contract/store.ts";
import { type Laboratory, laboratory, target, writeRow } from "./laboratory.ts";

let lab: Laboratory;
beforeAll(async () => {
  lab = await laboratory();
});

describe("registering stores", () => {
  const registered = async () =>
    (await lab.db.query("SELECT name, is_default, gc FROM holdfast.store ORDER BY name")).rows;
  const withDefault = (defaultName: string | undefined): Stores => ({ ...lab.stores, defaultName });

  test("knows the names and one default, and may be repeated by many", async () => {
    const cold = { name: "cold", is_default: false, gc: "report" };
    const main = { name: "main", is_default: true, gc: "report" };
    expect(await registered()).toEqual([cold, main]);
    await lab.db.query("UPDATE holdfast.store SET gc = 'on' WHERE name = 'cold'");
    await Promise.all(Array.from({ length: 5 }, () => registerStores(lab.db, lab.stores)));
    expect(await registered()).toEqual([{ ...cold, gc: "on" }, main]);
  });

  test("moves the default, and keeps stores that are no longer configured", async () => {
    await registerStores(lab.db, withDefault("cold"));
    expect(await registered()).toMatchObject([{ is_default: true }, { is_default: false }]);
    await registerStores(lab.db, { ...withDefault("main"), all: new Map([...lab.stores.all].slice(0, 1)) });
    expect(await registered()).toMatchObject([{ name: "cold", is_default: false }, { is_default: true }]);
  });
});

describe("deduplication", () => {
  test("stays within one schema", async () => {
    await lab.db.query("CREATE SCHEMA other");
    await lab.db.query("SELECT holdfast.adopt_schema('other')");
    await writeRow(lab, 1, await lab.objects.writer.stage(target("hash"), Buffer.from("across")));
    const elsewhere = await lab.objects.writer.stage(
      target("hash", { schema: "other" }),
      Buffer.from("across"),
    );
    expect(elsewhere.uploadId).toBeDefined();
    expect(elsewhere.object.path).toMatch(/^_hash\/other\//);
  });
});

describe("expired leases", () => {
  test("lead the reaper to abandoned bytes only", async () => {
    const stage = () => lab.objects.writer.stage(target("hash"), Buffer.from("twice"));
    const [winner, loser] = [await stage(), await stage()];
    await writeRow(lab, 5, winner);
    expect((await writeRow(lab, 6, loser)).path).toBe(winner.object.path);
    await lab.db.query("SELECT holdfast.reap()");
    const { rows } = await lab.db.query(
      "SELECT locator, verified_at IS NOT NULL AS verified, condemned_at IS NOT NULL AS condemned FROM holdfast.object WHERE locator = ANY ($1)",
      [[winner.locator, loser.locator]],
    );
    expect(rows).toHaveLength(2);
    expect(rows).toContainEqual({ locator: winner.locator, verified: true, condemned: false });
    expect(rows).toContainEqual({ locator: loser.locator, verified: false, condemned: true });
  });
});

describe("fault points", () => {
  test("are inert unless set, and strike the time they are set for", async () => {
    await parseFaultPoints(undefined)("put.before");
    const faults = parseFaultPoints("put.part[3]:error:2, fs.ENOSPC:error");
    await faults("put.part[3]");
    await faults("put.part[2]");
    expect(() => faults("put.part[3]")).toThrow("Fault at put.part[3]");
    await faults("put.part[3]");
    expect(() => faults("fs.ENOSPC")).toThrow(expect.objectContaining({ code: "ENOSPC" }));
  });

  test.each(["put.before", "put.before:explode", "nowhere:kill", "put.before:kill:0"])(
    "refuse %j",
    (text) => {
      expect(() => parseFaultPoints(text)).toThrow(/HOLDFAST_FAULT/);
    },
  );

  test("strike before a commit, which then is none, and after it", async () => {
    const insert = (fault: string, id: number): Promise<unknown> =>
      withCommitFaults(lab.db, parseFaultPoints(fault)).transaction((transaction) =>
        transaction.query("INSERT INTO lab.item (id) VALUES ($1)", [id]),
      );
    const count = async (id: number) =>
      (await lab.db.query("SELECT FROM lab.item WHERE id = $1", [id])).rowCount;
    expect(await codeOf(insert("publish.before-commit:error", 101))).toBe("STORE_UNAVAILABLE");
    expect(await count(101)).toBe(0);
    expect(await codeOf(insert("publish.reply-lost:error", 102))).toBe("STORE_UNAVAILABLE");
    expect(await count(102)).toBe(1);
  });
});
