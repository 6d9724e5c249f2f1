import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connect, type PostgresDatabase } from "../../src/db/database.ts";
import { migrate } from "../../src/db/migrate.ts";
import { migrations } from "../../src/db/migrations/list.ts";
import { freshDatabase } from "../support/database.ts";

const names = migrations.map((migration) => migration.name);
let opened: PostgresDatabase[];
beforeAll(() => {
  opened = [];
});
afterAll(() => Promise.all(opened.map((database) => database.close())));

async function empty(): Promise<PostgresDatabase & { url: string }> {
  const url = await freshDatabase();
  const database = await connect(url);
  opened.push(database);
  return { ...database, url };
}

async function recorded(database: PostgresDatabase): Promise<string[]> {
  const { rows } = await database.query<{ name: string }>("SELECT name FROM holdfast.migration ORDER BY id");
  return rows.map((row) => row.name);
}

describe("migrate", () => {
  it("makes the schema once, and again does nothing", async () => {
    const database = await empty();
    expect(await migrate(database)).toEqual({ applied: names, fresh: true });
    expect(await migrate(database.url)).toEqual({ applied: [], fresh: false });
    expect(await recorded(database)).toEqual(names);
  });

  it("may be called by several processes at once", async () => {
    const database = await empty();
    const outcomes = await Promise.all(
      [1, 2, 3, 4, 5].map((n) => migrate(n === 1 ? database : database.url)),
    );
    expect(outcomes.map((outcome) => outcome.applied.length).sort()).toEqual([0, 0, 0, 0, names.length]);
    expect(outcomes.filter((outcome) => outcome.fresh)).toHaveLength(1);
    expect(await recorded(database)).toEqual(names);
  });

  it("waits for another process whatever the statement's time limit", async () => {
    const { url } = await empty();
    const hasty = await connect(url, { statementTimeoutMs: 100 });
    opened.push(hasty);
    const other = hasty.transaction(
      async (t) => {
        await t.query("SELECT pg_advisory_xact_lock(x'686f6c6466617374'::bigint)");
        await new Promise((resolve) => setTimeout(resolve, 400));
      },
      { statementTimeoutMs: 10_000 },
    );
    expect((await migrate(hasty)).applied).toEqual(names);
    await other;
  });

  it("gives each database an identity of its own, for good", async () => {
    const [one, two] = [await empty(), await empty()];
    const idOf = async (database: PostgresDatabase) =>
      (await database.query("SELECT value #>> '{}' AS id FROM holdfast.setting WHERE name = 'database_id'"))
        .rows[0]?.["id"];
    await migrate(one);
    await migrate(two);
    const id = await idOf(one);
    expect(id).toMatch(/^[0-9a-f]{8}-/);
    expect(id).not.toBe(await idOf(two));
    await migrate(one);
    expect(await idOf(one)).toBe(id);
  });

  it("adds later migrations, also one that was merged late", async () => {
    const database = await empty();
    const late = {
      name: "0000-late",
      sql: ["CREATE TABLE holdfast.late (id int); CREATE INDEX ON holdfast.late (id)"],
    };
    await migrate(database);
    expect(await migrate(database, [late, ...migrations])).toEqual({ applied: ["0000-late"], fresh: false });
    await expect(database.query("SELECT FROM holdfast.late")).resolves.toMatchObject({ rowCount: 0 });
  });

  it("leaves nothing of a migration that fails", async () => {
    const database = await empty();
    const broken = { name: "9999-broken", sql: ["CREATE TABLE holdfast.half (id int)", "SELECT 1/0"] };
    await expect(migrate(database, [...migrations, broken])).rejects.toMatchObject({
      details: { sqlstate: "22012" },
    });
    const { rows } = await database.query("SELECT to_regnamespace('holdfast') AS schema");
    expect(rows).toEqual([{ schema: null }]);
    expect((await migrate(database)).fresh).toBe(true);
  });

  it("refuses the database of a newer Holdfast, and changes nothing", async () => {
    const database = await empty();
    await migrate(database, [...migrations, { name: "9999-future", sql: ["SELECT 1"] }]);
    await expect(migrate(database)).rejects.toMatchObject({
      code: "DATABASE_INCOMPATIBLE",
      message: "The database was set up by a newer Holdfast: this one does not know 9999-future.",
      details: { remedy: expect.stringContaining("newer one") },
    });
  });

  it("refuses a schema of the same name that is somebody else's", async () => {
    const database = await empty();
    await database.query("CREATE SCHEMA holdfast; CREATE TABLE holdfast.climbing (route text)");
    await expect(migrate(database)).rejects.toMatchObject({
      code: "DATABASE_INCOMPATIBLE",
      details: { remedy: expect.stringContaining("Rename") },
    });
  });
});

describe("the object protocol's rules", () => {
  let database: PostgresDatabase;
  beforeAll(async () => {
    database = await empty();
    await migrate(database);
    await database.query("INSERT INTO holdfast.store (name, is_default) VALUES ('main', true)");
  });

  it.each([
    "main:a/b.npy",
    "main:_schema/lab/t/id=1/f_x.zarr",
    "s-3_B:ä ö/日本",
    "main:a/..b/c.",
    `main:${"k".repeat(1000)}`,
  ])("takes the locator %s", async (locator) => {
    if (!locator.startsWith("main:")) await database.query("INSERT INTO holdfast.store VALUES ('s-3_B')");
    await expect(
      database.query("INSERT INTO holdfast.object (locator) VALUES ($1)", [locator]),
    ).resolves.toBeDefined();
  });

  it.each([
    "main:",
    "main:/a",
    "main:a/",
    "main:a//b",
    "main:a/../b",
    "main:..",
    "main:a/.",
    "main:a\\b",
    "main:a\nb",
    "main:a\u007fb",
    "1main:a",
    ":a",
    "a",
    `main:${"k".repeat(1100)}`,
  ])("refuses the locator %j", async (locator) => {
    await expect(
      database.query("INSERT INTO holdfast.object (locator) VALUES ($1)", [locator]),
    ).rejects.toMatchObject({ code: "CONSTRAINT_VIOLATION", details: { sqlstate: "23514" } });
  });

  it("refuses an unknown store, another locator for a row, and TRUNCATE", async () => {
    for (const sql of [
      "INSERT INTO holdfast.object (locator) VALUES ('elsewhere:a')",
      "UPDATE holdfast.object SET locator = locator || 'x'",
      "TRUNCATE holdfast.object CASCADE",
    ]) {
      await expect(database.query(sql)).rejects.toMatchObject({ name: "ServiceError" });
    }
  });

  it("guards what the collector must not trust", async () => {
    const problems = async () =>
      (await database.query("SELECT problem FROM holdfast.guard")).rows.map((r) => r["problem"]);
    await database.query("CREATE SCHEMA lab; CREATE TABLE lab.t (id int PRIMARY KEY, d jsonb, plain jsonb)");
    expect(await problems()).toEqual([]);
    await database.query("COMMENT ON COLUMN lab.t.d IS ':<npy@>: trace'");
    expect(await problems()).toEqual(["column without reference"]);
    await database.query("SELECT holdfast.adopt_column('lab.t', 'd', 'main')");
    expect(await problems()).toEqual([]);
    await database.query("ALTER TABLE lab.t DISABLE TRIGGER ALL");
    expect(await problems()).toContain("referential trigger disabled");
  });
});
