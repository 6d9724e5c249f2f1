import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connect, type PostgresDatabase } from "../../src/db/database.ts";
import { freePort } from "../../src/db/embedded.ts";
import { freshDatabase } from "../support/database.ts";

let url: string;
let database: PostgresDatabase;
beforeAll(async () => {
  url = await freshDatabase();
  database = await connect(url);
});
afterAll(() => database.close());

async function value(sql: string, values?: readonly unknown[]): Promise<unknown> {
  const { rows } = await database.query(sql, values);
  return Object.values(rows[0] ?? {})[0];
}

/** Ends every connection of this database but the asker's. */
async function cutOff(where = "true"): Promise<void> {
  const other = await connect(url, { applicationName: "cutter" });
  await other.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND application_name <> 'cutter' AND ${where}`,
  );
  await other.close();
}

describe("connect", () => {
  it.each([
    ["int8", "9223372036854775807::int8", "9223372036854775807"],
    ["numeric", "1.10::numeric", "1.10"],
    ["date", "'0044-03-15 BC'::date", "0044-03-15 BC"],
    ["timestamp", "'2024-02-29 12:00:00.123456'::timestamp", "2024-02-29 12:00:00.123456"],
    ["timestamptz", "'2024-02-29 12:00:00.5+02'::timestamptz", "2024-02-29 10:00:00.5+00"],
    ["interval", "'1 year 2 days 00:00:03'::interval", "1 year 2 days 00:00:03"],
    ["jsonb", `'{"a":[1,2.50]}'::jsonb`, '{"a": [1, 2.50]}'],
    ["json", `'{"a":1,"a":2}'::json`, '{"a":1,"a":2}'],
    ["int8[]", "ARRAY[9007199254740993]::int8[]", ["9007199254740993"]],
    ["numeric[]", "ARRAY[1.10, NULL]::numeric[]", ["1.10", null]],
    ["timestamptz[]", "ARRAY['2024-01-01 00:00+00'::timestamptz]", ["2024-01-01 00:00:00+00"]],
    ["int4", "1::int4", 1],
    ["float8", "0.1::float8 + 0.2::float8", 0.30000000000000004],
    ["bool", "true", true],
    ["bytea", "'\\x00ff'::bytea", Buffer.from([0, 255])],
  ])("brings %s exactly", async (_, sql, expected) => {
    expect(await value(`SELECT ${sql}`)).toEqual(expected);
  });

  it("sets what the text of values depends on, whatever the database says", async () => {
    const other = await freshDatabase();
    const name = new URL(other).pathname.slice(1);
    await database.query(`ALTER DATABASE ${name} SET timezone = 'Asia/Tokyo'`);
    await database.query(`ALTER DATABASE ${name} SET datestyle = 'German'`);
    await database.query(`ALTER DATABASE ${name} SET intervalstyle = 'iso_8601'`);
    const there = await connect(other);
    const { rows } = await there.query(
      "SELECT '2024-05-06 00:00Z'::timestamptz AS at, '1 day'::interval AS length",
    );
    expect(rows).toEqual([{ at: "2024-05-06 00:00:00+00", length: "1 day" }]);
    await there.close();
  });

  it.each([
    ["an unknown host", () => "postgresql://u:hunter2@host.invalid:5432/d"],
    ["nobody listening", async () => `postgresql://u:hunter2@127.0.0.1:${await freePort()}/d`],
    ["a wrong password", () => withPart("password", "hunter2")],
    ["a database that is not there", () => withPart("pathname", "/nowhere")],
  ])("reports %s, without the password", async (_, make) => {
    const error = await connect(await make()).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ code: "DATABASE_UNAVAILABLE", details: { remedy: expect.any(String) } });
    expect(String(error)).not.toContain("hunter2");
  });

  it("refuses what is no PostgreSQL URL", async () => {
    for (const bad of ["", "mysql://localhost/x", "postgresql://["]) {
      await expect(connect(bad)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    }
  });

  it("refuses a database that is not in UTF-8", async () => {
    const name = `${new URL(url).pathname.slice(1)}_ascii`;
    await database.query(`CREATE DATABASE ${name} ENCODING 'SQL_ASCII' TEMPLATE template0`);
    await expect(connect(withPart("pathname", `/${name}`))).rejects.toMatchObject({
      code: "DATABASE_INCOMPATIBLE",
      details: { remedy: "Create it with ENCODING 'UTF8'." },
    });
    await database.query(`DROP DATABASE ${name} WITH (FORCE)`);
  });

  it("stops statements at their time limit", async () => {
    const limited = await connect(url, { statementTimeoutMs: 50 });
    await expect(limited.query("SELECT pg_sleep(10)")).rejects.toMatchObject({ code: "LIMIT_EXCEEDED" });
    await expect(limited.transaction((t) => t.query("SELECT pg_sleep(10)"))).rejects.toMatchObject({
      code: "LIMIT_EXCEEDED",
    });
    await limited.close();
  });
});

function withPart(part: "password" | "pathname", text: string): string {
  const changed = new URL(url);
  changed[part] = text;
  return changed.href;
}

describe("prepared statements", () => {
  const prepared = "SELECT count(*)::int AS n FROM pg_prepared_statements WHERE name = 'mine'";

  it.each([
    [true, 1],
    [false, 0],
  ])("are named when prepared is %s", async (on, count) => {
    const own = await connect(url, { prepared: on });
    await own.transaction(async (t) => {
      await t.query("SELECT $1::int", [1], { name: "mine" });
      expect((await t.query(prepared)).rows).toEqual([{ n: count }]);
    });
    await own.close();
  });

  it("survive a change of their table", async () => {
    await database.query("CREATE TABLE changing AS SELECT 1 AS a");
    const read = () => database.query("SELECT * FROM changing", [], { name: "changing" });
    expect((await read()).rows).toEqual([{ a: 1 }]);
    await database.query("ALTER TABLE changing ADD COLUMN b int");
    expect((await read()).rows).toEqual([{ a: 1, b: null }]);
    expect((await read()).rows).toEqual([{ a: 1, b: null }]);
  });

  it("ask for another try when that happens in a transaction", async () => {
    await database.query("CREATE TABLE moving AS SELECT 1 AS a");
    const read = () =>
      database.transaction(async (t) => (await t.query("SELECT * FROM moving", [], { name: "moving" })).rows);
    await read();
    await database.query("ALTER TABLE moving ADD COLUMN b int");
    await expect(read()).rejects.toMatchObject({ code: "CONFLICT" });
    expect(await read()).toEqual([{ a: 1, b: null }]);
  });
});

describe("transaction", () => {
  beforeAll(() => database.query("CREATE TABLE note (id int PRIMARY KEY)"));
  const ids = async () =>
    (await database.query<{ id: number }>("SELECT id FROM note ORDER BY id")).rows.map((r) => r.id);

  it("commits what its work did, and answers its answer", async () => {
    expect(
      await database.transaction(async (t) => (await t.query("INSERT INTO note VALUES (1)")).rowCount),
    ).toBe(1);
    expect(await ids()).toEqual([1]);
  });

  it("rolls back when its work throws, and rethrows it", async () => {
    const reason = new Error("mine");
    const failing = database.transaction(async (t) => {
      await t.query("INSERT INTO note VALUES (2)");
      throw reason;
    });
    await expect(failing).rejects.toBe(reason);
    expect(await ids()).toEqual([1]);
  });

  it("does not claim to have committed after an error that its work swallowed", async () => {
    const swallowing = database.transaction(async (t) => {
      await t.query("INSERT INTO note VALUES (3)");
      await t.query("INSERT INTO note VALUES (1)").catch(() => undefined);
    });
    await expect(swallowing).rejects.toMatchObject({ code: "CONSTRAINT_VIOLATION" });
    expect(await ids()).toEqual([1]);
  });

  it("rolls a savepoint back alone", async () => {
    await database.transaction(async (t) => {
      await t.query("INSERT INTO note VALUES (4)");
      const inner = t.savepoint(async () => {
        await t.query("INSERT INTO note VALUES (5)");
        await t.savepoint(() => t.query("INSERT INTO note VALUES (6)"));
        await t.query("INSERT INTO note VALUES (4)");
      });
      await expect(inner).rejects.toMatchObject({ code: "CONSTRAINT_VIOLATION" });
      await t.savepoint(() => t.query("INSERT INTO note VALUES (7)"));
    });
    expect(await ids()).toEqual([1, 4, 7]);
  });

  it("waits for locks no longer than told", async () => {
    await database.transaction(async (t) => {
      await t.query("SELECT FROM note WHERE id = 1 FOR UPDATE");
      const waiting = database.transaction((u) => u.query("DELETE FROM note WHERE id = 1"), {
        lockTimeoutMs: 50,
      });
      await expect(waiting).rejects.toMatchObject({ code: "CONFLICT", details: { sqlstate: "55P03" } });
    });
    const { rows } = await database.transaction((t) =>
      t.query("SELECT current_setting('lock_timeout') AS limit"),
    );
    expect(rows).toEqual([{ limit: "2s" }]);
    expect(await value("SHOW lock_timeout")).toBe("0");
  });

  it("changes nothing when read-only", async () => {
    await expect(
      database.transaction((t) => t.query("DELETE FROM note"), { readOnly: true }),
    ).rejects.toMatchObject({ details: { sqlstate: "25006" } });
  });

  it("cannot be used when it has ended", async () => {
    const kept = await database.transaction(async (t) => t);
    await expect(kept.query("INSERT INTO note VALUES (8)")).rejects.toMatchObject({
      code: "INTERNAL_SERVER_ERROR",
    });
    await expect(kept.savepoint(async () => undefined)).rejects.toMatchObject({
      code: "INTERNAL_SERVER_ERROR",
    });
  });
});

describe("an abort signal", () => {
  const sleeping =
    "SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()";

  it("stops the running statement in the server, and its reason is the error", async () => {
    const reason = new Error("the client has gone");
    const controller = new AbortController();
    const running = database.query("SELECT pg_sleep(60)", [], { signal: controller.signal });
    setTimeout(() => controller.abort(reason), 50);
    await expect(running).rejects.toBe(reason);
    expect(await value(sleeping)).toBe(0);
  });

  it("stops it when every connection is busy", async () => {
    const small = await connect(url, { maxConnections: 2 });
    const controller = new AbortController();
    const both = [1, 2].map(() => small.query("SELECT pg_sleep(60)", [], { signal: controller.signal }));
    setTimeout(() => controller.abort(), 50);
    const ends = await Promise.allSettled(both);
    expect(ends).toMatchObject([1, 2].map(() => ({ status: "rejected", reason: { name: "AbortError" } })));
    expect((await small.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
    await small.close();
  });

  it("that fired before stops the statement before it starts", async () => {
    await expect(
      database.query("INSERT INTO note VALUES (99)", [], { signal: AbortSignal.abort() }),
    ).rejects.toMatchObject({ name: "AbortError" });
    expect(await value("SELECT count(*)::int FROM note WHERE id = 99")).toBe(0);
  });

  it("that fires later touches nobody else's statement", async () => {
    for (let round = 0; round < 30; round++) {
      const controller = new AbortController();
      const quick = database.query("SELECT 1", [], { signal: controller.signal }).catch(() => undefined);
      setTimeout(() => controller.abort(), round % 5);
      await quick;
      expect(await value("SELECT pg_sleep(0.002)::text")).toBe("");
    }
  });

  it("in a transaction rolls it back", async () => {
    const controller = new AbortController();
    const running = database.transaction(async (t) => {
      await t.query("INSERT INTO note VALUES (98)");
      setTimeout(() => controller.abort(), 20);
      await t.query("SELECT pg_sleep(60)", [], { signal: controller.signal });
    });
    await expect(running).rejects.toMatchObject({ name: "AbortError" });
    expect(await value("SELECT count(*)::int FROM note WHERE id = 98")).toBe(0);
  });
});

describe("a lost connection", () => {
  it("is replaced when it was idle", async () => {
    await Promise.all([value("SELECT 1"), value("SELECT 1"), value("SELECT 1")]);
    await cutOff();
    await pause(50);
    expect(await value("SELECT 1")).toBe(1);
  });

  it("is reported when it was in use, and the pool goes on", async () => {
    const running = expect(database.query("SELECT pg_sleep(60)")).rejects.toMatchObject({
      code: "DATABASE_UNAVAILABLE",
    });
    await pause(50);
    await cutOff();
    await running;
    expect(await value("SELECT 1")).toBe(1);
  });

  it("is reported when a transaction held it idle", async () => {
    const running = database.transaction(async (t) => {
      await t.query("INSERT INTO note VALUES (97)");
      await cutOff();
      await pause(50);
      await t.query("SELECT 1");
    });
    await expect(running).rejects.toMatchObject({ code: "DATABASE_UNAVAILABLE" });
    expect(await value("SELECT count(*)::int FROM note WHERE id = 97")).toBe(0);
  });

  it("leaves the outcome open when it is lost while committing", async () => {
    await database.query(`CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); RETURN NULL; END $$;
      CREATE TABLE slow (id int);
      CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON slow DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION dawdle()`);
    const running = expect(
      database.transaction((t) => t.query("INSERT INTO slow VALUES (1)")),
    ).rejects.toMatchObject({ code: "DATABASE_UNAVAILABLE", details: { outcome: "unknown" } });
    await pause(100);
    await cutOff("query = 'COMMIT'");
    await running;
  });
});
