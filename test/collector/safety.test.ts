/** Nothing that is referred to is ever collected: `capabilities` S17, each of whose cases must delete no live object. */

import { randomBytes } from "node:crypto";
import { Client } from "pg";
import { afterEach, beforeAll, beforeEach, describe, expect, inject, test, vi } from "vitest";
import { reportOf, runCollect, runFsck, runRevive, setPolicy } from "./proof/collecting.ts";
import { overOrBlocked } from "./proof/held.ts";
import { age, catalogProblems, contentOf, rowsOf } from "./proof/invariants.ts";
import { expectSound, type FileWorld, fileWorld } from "./proof/setup.ts";
import { World } from "./proof/world.ts";
import { clone, deleteRow, foreignInsert, foreignPut, write } from "./proof/writing.ts";

let made: FileWorld;
let world: World;
beforeAll(async () => {
  made = await fileWorld();
  world = made.world;
});
beforeEach(async () => {
  await world.reset();
  await world.policy({ grace: "0", keep: "30 days", drain: "30 min" });
});
afterEach(() => vi.useRealTimers());

const content = (text: string): Buffer => Buffer.from(text.repeat(50));
const row = (id: number, shape: "hash" | "schema" | "tree" = "hash") => ({
  table: "lab.item" as const,
  id,
  shape,
});

/** Rows 1 to `count` with bytes of their own, of all shapes. */
async function rows(count: number): Promise<void> {
  const api = await world.api();
  const shapes = ["hash", "schema", "tree"] as const;
  for (let id = 1; id <= count; id++)
    await write(api, row(id, shapes[id % 3] ?? "hash"), content(`row ${id} `));
}

/** Runs until nothing changes any more; answers the doubts of the last run. */
async function collectAll(): Promise<readonly string[]> {
  let doubts: string[] = [];
  for (let round = 0; round < 3; round++)
    doubts = reportOf(await runCollect(world, { confirm: true })).doubts.map(({ code }) => code);
  return doubts;
}

async function expectAllThere(count: number): Promise<void> {
  expect(await rowsOf(world)).toHaveLength(count);
  await expectSound(world);
}

test("(a) what a codec that is not loaded has stored is kept; a column that no reference follows stops all", async () => {
  await rows(3);
  await world.db.query(`COMMENT ON COLUMN lab.item.value IS ':<nobody-knows@main>: values'`);
  await deleteRow(world, "lab.item", 3);
  expect(await collectAll()).toEqual([]);
  await expectAllThere(2);
  expect(await world.db.query("SELECT FROM holdfast.object")).toMatchObject({ rowCount: 2 });
  await world.db.query("CREATE TABLE lab.later (id int PRIMARY KEY, value jsonb)");
  try {
    await world.db.query(`COMMENT ON COLUMN lab.later.value IS ':<nobody-knows@main>: values'`);
    await deleteRow(world, "lab.item", 2);
    expect(await collectAll()).toContain("GUARD");
    expect(await world.db.query("SELECT FROM holdfast.object")).toMatchObject({ rowCount: 2 });
  } finally {
    await world.db.query("DROP TABLE lab.later");
    await world.db.query("COMMENT ON COLUMN lab.item.value IS NULL");
  }
  expect(await collectAll()).toEqual([]);
  expect(await world.db.query("SELECT FROM holdfast.object")).toMatchObject({ rowCount: 1 });
  await expectAllThere(1);
});

test("(b) a role that cannot read a table deletes nothing", async () => {
  await rows(4);
  await deleteRow(world, "lab.item", 4);
  const role = `blind_${randomBytes(4).toString("hex")}`;
  const grants = ["lab", "proj", "peer", "holdfast"].map(
    (schema) =>
      `GRANT ALL ON SCHEMA ${schema} TO ${role}; GRANT ALL ON ALL TABLES IN SCHEMA ${schema} TO ${role};
       GRANT ALL ON ALL SEQUENCES IN SCHEMA ${schema} TO ${role}; GRANT ALL ON ALL ROUTINES IN SCHEMA ${schema} TO ${role}`,
  );
  await world.db.query(`CREATE ROLE ${role}; ${grants.join(";")}; REVOKE ALL ON lab.item FROM ${role}`);
  const url = new URL(made.url);
  url.searchParams.set("options", `-c role=${role}`);
  const blind = await World.open(url.href, made.stores);
  try {
    for (let round = 0; round < 2; round++) {
      const { doubts } = reportOf(await runCollect(blind, { confirm: true }));
      expect(doubts.map(({ code }) => code)).toContain("PERMISSION");
      expect(doubts.map(({ subject, message }) => subject + message).join()).toContain("lab.item");
    }
  } finally {
    await blind.close();
    await world.db.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  }
  expect(await world.db.query("SELECT FROM holdfast.tombstone")).toMatchObject({ rowCount: 0 });
  await expectAllThere(3);
});

const points = [
  "release.after-candidates",
  "release.after-lock",
  "release.before-commit",
  "condemn.after-candidates",
  "condemn.before-commit",
  "kill.after-candidates",
  "kill.after-lock",
  "kill.before-commit",
];

interface Race {
  /** Answers whether its row was committed. */
  readonly insert: () => Promise<unknown>;
  readonly first: () => Promise<void>;
}

const shared = content("dedup'd ");
/** Which rows appear between the scan and the delete, and how the object came to be unreferenced. */
const races: Readonly<Record<string, Race>> = {
  "equal content": {
    first: async () => {
      await write(await world.api(), row(1), shared);
      await deleteRow(world, "lab.item", 1);
    },
    insert: async () => write(await world.api(), row(2), shared),
  },
  "a foreign row": {
    first: async () => {
      await foreignInsert(world, 1, await foreignPut(world, shared));
      // A store in which nothing is known to be good is not collected.
      reportOf(await runFsck(world));
      await deleteRow(world, "peer.item", 1);
    },
    insert: async () => foreignInsert(world, 2, await foreignPut(world, shared)),
  },
  "a copied value": {
    first: async () => {
      await write(await world.api(), row(1), shared);
      await world.db.query("CREATE TABLE IF NOT EXISTS lab.copied AS SELECT value FROM lab.item WHERE false");
      await world.db.query("INSERT INTO lab.copied SELECT value FROM lab.item WHERE id = 1");
      await deleteRow(world, "lab.item", 1);
    },
    insert: () => world.db.query("INSERT INTO lab.item SELECT 2, value FROM lab.copied"),
  },
};

/** Collects, with the insert of `race` at `point`. Answers whether the row was committed, and the point reached. */
async function raced(race: Race, point: string): Promise<{ committed: boolean; reached: boolean }> {
  await race.first();
  let inserting: Promise<boolean> | undefined;
  const act = async (): Promise<void> => {
    inserting = race.insert().then(
      () => true,
      () => false,
    );
    await overOrBlocked(world, inserting);
  };
  const { life } = await runCollect(world, {}, { interruption: { point, time: 1, act } });
  const committed = (await inserting) ?? false;
  await runCollect(world);
  return { committed, reached: life.wasInterrupted };
}

describe("(c) a row between scan and delete", () => {
  afterEach(() => world.db.query("DROP TABLE IF EXISTS lab.copied"));

  test.each(Object.keys(races).flatMap((name) => points.map((point) => [name, point] as const)))(
    "%s at %s",
    async (name, point) => {
      const race = races[name];
      if (race === undefined) throw new Error(name);
      const { committed, reached } = await raced(race, point);
      expect(reached, "the point was reached").toBe(true);
      expect(await rowsOf(world)).toHaveLength(committed ? 1 : 0);
      await expectSound(world);
    },
  );

  test("control: without the foreign keys the row's bytes are lost", async () => {
    const guard = await definition("holdfast.guard");
    const off = ["lab.item", 'lab."~object"', 'proj."~object"', 'peer."~object"', "holdfast.object"];
    const internal = off.map((name) => [
      `ALTER TABLE ${name} DISABLE TRIGGER ALL`,
      `ALTER TABLE ${name} ENABLE TRIGGER ALL`,
    ]);
    // Their triggers sleep, the catalog still has them: the scans are as before. The guard would tell.
    const sleep = internal.map(([text]) => text).join(";");
    const carry = "ALTER TABLE holdfast.object ENABLE TRIGGER USER";
    await world.db.query(
      `${sleep}; ${carry}; CREATE OR REPLACE VIEW holdfast.guard AS SELECT * FROM (${guard.replace(/;\s*$/, "")}) AS found WHERE false`,
    );
    try {
      const race = races["a copied value"];
      if (race === undefined) throw new Error("no race");
      const { committed } = await raced(race, "release.before-commit");
      expect(committed).toBe(true);
      await collectAll();
      const [lost] = await rowsOf(world);
      expect(lost).toBeDefined();
      expect(await contentOf(world, lost?.locator ?? "")).toBeUndefined();
      expect((await catalogProblems(world)).join()).toContain("I3");
    } finally {
      await world.db.query("DELETE FROM lab.item");
      await world.db.query(
        `${internal.map(([, text]) => text).join(";")}; CREATE OR REPLACE VIEW holdfast.guard AS ${guard}`,
      );
    }
  });
});

async function definition(view: string): Promise<string> {
  const { rows: found } = await world.db.query<{ text: string }>(
    "SELECT pg_get_viewdef($1::regclass) AS text",
    [view],
  );
  return found[0]?.text ?? "";
}

test("(d) a listing that fails half-way changes nothing", async () => {
  await rows(6);
  const { driver } = world.plain.get("main");
  // Bytes that nobody knows: what a whole listing would adopt.
  for (const name of ["a", "b", "z"])
    await driver.put(`_hash/lab/${name.repeat(26)}`, bytes(`${name} unknown`));
  const before = await objectTable();
  for (const failing of [1, 4, 8]) {
    let listed = 0;
    world.judge.fault = (call) => call === "list" && ++listed >= failing;
    const report = reportOf(await runFsck(world));
    expect(report.doubts.map(({ code }) => code)).toContain("STORE");
    expect(await objectTable()).toEqual(before);
    world.judge.fault = undefined;
  }
  expect(reportOf(await runFsck(world)).doubts).toEqual([]);
  expect((await objectTable()).length).toBe(before.length + 3);
  await expectAllThere(6);
});

async function* bytes(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

async function objectTable(): Promise<readonly unknown[]> {
  return (await world.db.query("SELECT locator, gen, condemned_at FROM holdfast.object ORDER BY 1")).rows;
}

test("(e) a table made by plain SQL with a foreign key to objects keeps them", async () => {
  await rows(3);
  await world.db.query(
    `CREATE TABLE lab.extra (locator text COLLATE "C" REFERENCES holdfast.object);
     CREATE TABLE proj.extra (locator text COLLATE "C" REFERENCES lab."~object")`,
  );
  try {
    const [first, second] = await rowsOf(world);
    await world.db.query("INSERT INTO lab.extra VALUES ($1)", [first?.locator]);
    await world.db.query("INSERT INTO proj.extra VALUES ($1)", [second?.locator]);
    await world.db.query("DELETE FROM lab.item");
    expect(await collectAll()).toEqual([]);
    const left = (await world.db.query<{ locator: string }>("SELECT locator FROM holdfast.object")).rows;
    expect(new Set(left.map(({ locator }) => locator))).toEqual(new Set([first?.locator, second?.locator]));
    for (const { locator } of left) expect(await contentOf(world, locator)).toBeDefined();
  } finally {
    await world.db.query("DROP TABLE lab.extra, proj.extra");
  }
  await collectAll();
  expect(await world.paths("_hash/lab")).toEqual([]);
  await expectSound(world);
});

test("(f) rows that a plain DELETE takes with their parents free their bytes, and no others", async () => {
  await world.db.query(
    "CREATE TABLE lab.parent (id int PRIMARY KEY); INSERT INTO lab.parent VALUES (1), (2)",
  );
  await world.db.query(
    "ALTER TABLE lab.item ADD COLUMN parent int DEFAULT 1 REFERENCES lab.parent ON DELETE CASCADE",
  );
  try {
    await rows(6);
    await clone(world, { table: "lab.item", id: 1 }, { table: "proj.item", id: 1 });
    await world.db.query("UPDATE lab.item SET parent = 2 WHERE id > 4");
    await world.db.query("DELETE FROM lab.parent WHERE id = 1");
    expect(await collectAll()).toEqual([]);
    // Two rows of parent 2, and the clone.
    await expectAllThere(3);
    expect(await world.db.query("SELECT FROM holdfast.object")).toMatchObject({ rowCount: 3 });
  } finally {
    await world.db.query("ALTER TABLE lab.item DROP COLUMN parent; DROP TABLE lab.parent");
  }
});

test.each([
  ["a day ahead", 25],
  ["an hour behind", -1],
])("(g) a collector whose clock is %s collects nothing before its grace", async (_, hours) => {
  await world.policy({ grace: "10 hours", keep: "30 days", drain: "30 min" });
  await rows(4);
  await deleteRow(world, "lab.item", 1);
  await deleteRow(world, "lab.item", 2);
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + hours * 3_600_000 });
  await collectAll();
  expect(await world.db.query("SELECT FROM holdfast.tombstone")).toMatchObject({ rowCount: 0 });
  await age(world, "grace");
  await collectAll();
  expect(await world.db.query("SELECT FROM holdfast.object")).toMatchObject({ rowCount: 2 });
  await expectAllThere(2);
});

test("(h) several collectors at once delete each object once, and none that is needed", async () => {
  const api = await world.api();
  for (let id = 1; id <= 60; id++) await write(api, row(id), content(`object ${id} `));
  await world.db.query("DELETE FROM lab.item WHERE id % 2 = 0");
  const running = Array.from({ length: 4 }, () => runCollect(world, { confirm: true }));
  const checks = [runFsck(world), runFsck(world, { apply: false })];
  for (const ended of await Promise.all(running)) reportOf(ended);
  for (const ended of await Promise.all(checks)) reportOf(ended);
  await collectAll();
  expect(world.judge.taken).toBe(30);
  expect(await world.db.query("SELECT FROM holdfast.object")).toMatchObject({ rowCount: 30 });
  await expectAllThere(30);
});

describe("(i) a database set back to an earlier moment, beside a newer store", () => {
  const backup = `backup_${randomBytes(5).toString("hex")}`;
  const admin = async (...texts: string[]): Promise<void> => {
    const client = new Client({ connectionString: inject("postgresUrl") });
    await client.connect();
    for (const text of texts) await client.query(text);
    await client.end();
  };

  test("all its rows find their bytes after fsck, what is gone for good is told", {
    timeout: 60_000,
  }, async () => {
    const own = await fileWorld();
    const name = new URL(own.url).pathname.slice(1);
    const first = own.world;
    const api = await first.api();
    for (let id = 1; id <= 6; id++) await write(api, row(id), content(`then ${id} `));
    const then = await rowsOf(first);
    await first.close();
    await admin(`CREATE DATABASE ${backup} TEMPLATE ${name}`);
    const second = await World.open(own.url, own.stores);
    const [purged] = then;
    await second.policy({ grace: "0", keep: "0", drain: "0" });
    await deleteRow(second, "lab.item", 1);
    for (let round = 0; round < 4; round++) {
      await age(second, "everything");
      reportOf(await runCollect(second));
    }
    expect(await contentOf(second, purged?.locator ?? "")).toBeUndefined();
    await second.policy({ grace: "0", keep: "30 days", drain: "0" });
    await deleteRow(second, "lab.item", 2);
    await deleteRow(second, "lab.item", 3);
    reportOf(await runCollect(second));
    reportOf(await runCollect(second));
    await write(await second.api(), row(9), content("later "));
    await second.close();
    await admin(
      `DROP DATABASE ${name} WITH (FORCE)`,
      `CREATE DATABASE ${name} TEMPLATE ${backup}`,
      `DROP DATABASE ${backup}`,
    );
    const third = await World.open(own.url, own.stores);
    await third.policy({ grace: "7 days", keep: "30 days", drain: "0" });
    await setPolicy(third, { store: "main", mode: "restore" });
    // Nobody says that all is well before somebody has looked.
    await expect(setPolicy(third, { store: "main", mode: "on" })).rejects.toThrow("restore");
    reportOf(await runCollect(third));
    expect(await contentOf(third, then[3]?.locator ?? "")).toBeDefined();
    // All but the first find their bytes again, the first is told; what is newer than the database is adopted, not swept.
    const report = reportOf(await runFsck(third));
    reportOf(await runFsck(third));
    for (const { id, locator } of then) {
      const found = await contentOf(third, locator);
      expect([id, found === undefined]).toEqual([id, id === 1]);
    }
    expect(report.stores[0]?.lost).toBe(1);
    await setPolicy(third, { store: "main", mode: "on" });
    reportOf(await runCollect(third));
    expect(await rowsOf(third)).toEqual(then);
    await third.close();
  });

  test("what is condemned and inside its grace can be revived", async () => {
    await world.policy({ grace: "7 days", keep: "30 days", drain: "30 min" });
    await rows(3);
    const [first] = await rowsOf(world);
    await deleteRow(world, "lab.item", 1);
    await collectAll();
    const [revival] = reportOf(await runRevive(world, [first?.locator ?? ""]));
    expect(revival?.outcome).toBe("revived");
    await age(world, "grace");
    expect(await world.db.query("SELECT FROM holdfast.object WHERE condemned_at IS NULL")).toMatchObject({
      rowCount: 3,
    });
    expect(await contentOf(world, first?.locator ?? "")).toBeDefined();
  });
});
