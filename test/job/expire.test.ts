/** Rows whose time has come, on a real server: which go, which stay, and what is told of them. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { applyModel, driftOf, planModel } from "../../src/db/apply.ts";
import { connect, type PostgresDatabase } from "../../src/db/database.ts";
import { migrate } from "../../src/db/migrate.ts";
import { type ExpireReport, expire } from "../../src/job/expire.ts";
import type { Model } from "../../src/model/model.ts";
import { freshDatabase } from "../support/database.ts";
import { model } from "../support/sdl.ts";

let url: string;
let db: PostgresDatabase;

beforeAll(async () => {
  url = await freshDatabase();
  db = await connect(url);
  await migrate(db);
  await db.query("INSERT INTO holdfast.store (name, is_default) VALUES ('main', true)");
});
afterAll(() => db.close());

const lab = model(`
  extend schema @database(schema: "lab")
  type Run @table(expires: "keptUntil") {
    rig: String! @key
    run: Int! @key
    keptUntil: DateTime
    previous: Run @reference(columns: ["previous_rig", "previous_run"])
  }
  type RunFrame @table(partOf: "Run") {
    run: Run! @key
    frame: Int! @key
    pictures: [File!]! @codec(name: "attach", store: "main")
    at: DateTime
  }
  type Analysis @table(expires: "staleAt") {
    analysis: Int! @key
    run: Run!
    staleAt: DateTime!
  }
  type Note @table {
    note: Int! @key
    frame: RunFrame!
  }`);

async function sql(text: string, values: readonly unknown[] = []) {
  return (await db.query(text, values)).rows;
}

function run(of: Model = lab, signal?: AbortSignal): Promise<ExpireReport> {
  return expire({ db, model: () => of, version: "test" }, { by: "test", signal });
}

const runs = async () => (await sql("SELECT run FROM lab.run ORDER BY run")).map(({ run }) => run);
const past = "2001-01-01";
const earlier = "2000-01-01";
const future = "2991-01-01";

/** Runs 1 to `count` of rig `a`, kept until `until`. */
async function addRuns(count: number, until: string | null = past, from = 1): Promise<void> {
  await sql(
    "INSERT INTO lab.run (rig, run, kept_until) SELECT 'a', i, $3::timestamp FROM generate_series($1::int, $2::int) i",
    [from, from + count - 1, until],
  );
}

beforeAll(async () => {
  await applyModel(db, lab);
});
beforeEach(async () => {
  await sql("DROP SCHEMA IF EXISTS peer CASCADE");
  await sql("DELETE FROM lab.note");
  await sql("DELETE FROM lab.analysis");
  await sql("DELETE FROM lab.run__frame_pictures");
  await sql("DELETE FROM lab.run__frame");
  await sql("DELETE FROM lab.run");
  await sql("TRUNCATE holdfast.collector_run");
});

const frames = async () =>
  (await sql("SELECT run, frame FROM lab.run__frame ORDER BY 1, 2")).map(
    ({ run, frame }) => `${run}.${frame}`,
  );

/** Frames 1 to `count` of a run, each with a picture. */
async function addFrames(run: number, count: number): Promise<void> {
  await sql(
    "INSERT INTO lab.run__frame (rig, run, frame) SELECT 'a', $1::int, i FROM generate_series(1, $2::int) i",
    [run, count],
  );
  await sql(
    `INSERT INTO lab.run__frame_pictures (rig, run, frame, idx, value)
     SELECT rig, run, frame, 0, jsonb_build_object('path', format('_schema/lab/run/%s/%s/picture_x.png', run, frame), 'store', 'main')
     FROM lab.run__frame WHERE run = $1::int`,
    [run],
  );
}

describe("expire", () => {
  it("removes rows whose time has come, and no others", async () => {
    await addRuns(3);
    await addRuns(1, future, 4);
    await addRuns(1, null, 5);
    await addRuns(1, "infinity", 6);
    const report = await run();
    expect(await runs()).toEqual([4, 5, 6]);
    expect(report.entities).toEqual([{ entity: "Run", removed: { "lab.run": 3 }, kept: {} }]);
  });

  it("goes by the clock of the database, in UTC", async () => {
    await sql(
      "INSERT INTO lab.run (rig, run, kept_until) SELECT 'a', 1, (now() AT TIME ZONE 'UTC') - interval '1 s'",
    );
    await sql(
      "INSERT INTO lab.run (rig, run, kept_until) SELECT 'a', 2, (now() AT TIME ZONE 'UTC') + interval '5 min'",
    );
    await run();
    expect(await runs()).toEqual([2]);
  });

  it("removes parts and lists with their master, and leaves the object to the collector", async () => {
    await addRuns(1);
    await addRuns(1, future, 2);
    await addFrames(1, 3);
    await addFrames(2, 1);
    const report = await run();
    expect(await frames()).toEqual(["2.1"]);
    expect(report.entities).toEqual([
      {
        entity: "Run",
        removed: { "lab.run": 1, "lab.run__frame": 3, "lab.run__frame_pictures": 3 },
        kept: {},
      },
    ]);
    const objects = await sql(
      "SELECT locator FROM holdfast.object WHERE locator LIKE 'main:\\_schema/lab/run/1/%'",
    );
    expect(objects).toHaveLength(3);
  });

  it("keeps a row, whole, that rows of others refer to, and tells it", async () => {
    await addRuns(3);
    await addFrames(2, 2);
    await sql("INSERT INTO lab.analysis (analysis, rig, run, stale_at) VALUES (1, 'a', 1, $1)", [future]);
    await sql("INSERT INTO lab.note (note, rig, run, frame) VALUES (1, 'a', 2, 2)");
    const report = await run();
    expect(await runs()).toEqual([1, 2]);
    expect(await frames()).toEqual(["2.1", "2.2"]);
    expect(report.entities).toEqual([
      {
        entity: "Run",
        removed: { "lab.run": 1 },
        kept: { "rows of lab.analysis refer to them": 1, "rows of lab.note refer to them": 1 },
      },
    ]);
  });

  it("removes referrers that have expired too first", async () => {
    await addRuns(1);
    await sql("INSERT INTO lab.analysis (analysis, rig, run, stale_at) VALUES (1, 'a', 1, $1)", [past]);
    const report = await run();
    expect(await runs()).toEqual([]);
    expect(report.entities.map(({ entity }) => entity)).toEqual(["Analysis", "Run"]);
  });

  it("keeps a row that a table refers to of which the schema file knows nothing", async () => {
    await addRuns(2);
    await sql("CREATE SCHEMA peer");
    await sql(
      "CREATE TABLE peer.__fit (rig varchar(255), run int, PRIMARY KEY (rig, run), FOREIGN KEY (rig, run) REFERENCES lab.run ON DELETE CASCADE)",
    );
    await sql("INSERT INTO peer.__fit VALUES ('a', 2)");
    const report = await run();
    expect(await runs()).toEqual([2]);
    expect(await sql("SELECT run FROM peer.__fit")).toEqual([{ run: 2 }]);
    expect(report.entities[0]?.kept).toEqual({ "rows of peer.__fit refer to them": 1 });
  });

  it("removes rows that refer to one another, in one batch or over many", async () => {
    await addRuns(5);
    await sql("UPDATE lab.run SET previous_rig = 'a', previous_run = run % 5 + 1");
    await addRuns(300, past, 10);
    await sql(
      "UPDATE lab.run SET previous_rig = 'a', previous_run = run - 1, kept_until = $1::timestamp - run * interval '1 s' WHERE run > 10",
      [past],
    );
    await run();
    expect(await runs()).toEqual([]);
  });

  it("keeps a chain as far as a row refers to it that stays", async () => {
    await addRuns(4);
    await addRuns(1, future, 5);
    await addRuns(1, past, 6);
    await sql("UPDATE lab.run SET previous_rig = 'a', previous_run = run - 1 WHERE run IN (2, 3, 5)");
    await sql("UPDATE lab.run SET previous_rig = 'a', previous_run = 6 WHERE run = 4");
    const report = await run();
    // 5 → 4 → 6 stays; 3 → 2 → 1 all go.
    expect(await runs()).toEqual([4, 5, 6]);
    expect(report.entities[0]?.kept).toEqual({ "rows of lab.run refer to them": 2 });
  });

  it("removes the others where a rule of the database refuses one", async () => {
    await addRuns(50);
    await sql(`CREATE FUNCTION lab.refuse() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN IF OLD.run IN (7, 31) THEN RAISE EXCEPTION 'run % is evidence', OLD.run; END IF; RETURN OLD; END $$`);
    await sql("CREATE TRIGGER refuse BEFORE DELETE ON lab.run FOR EACH ROW EXECUTE FUNCTION lab.refuse()");
    const report = await run().finally(() => sql("DROP FUNCTION lab.refuse() CASCADE"));
    expect(await runs()).toEqual([7, 31]);
    expect(report.entities[0]?.removed).toEqual({ "lab.run": 48 });
    expect(Object.keys(report.entities[0]?.kept ?? {})).toEqual(
      [
        expect.stringContaining("run 31 is evidence"),
        expect.stringContaining("run 7 is evidence"),
      ].toReversed(),
    );
  });

  it("tells subscribers as of any delete", async () => {
    await addRuns(2);
    await sql("DELETE FROM holdfast.change");
    await run();
    const changes = await sql("SELECT table_name, operation, rows FROM holdfast.change");
    expect(changes).toEqual([
      { table_name: "run", operation: "DELETE", rows: expect.stringContaining("2001-01-01") },
    ]);
    expect(JSON.parse(String(changes[0]?.["rows"]))).toHaveLength(2);
  });
});

describe("expire beside others", () => {
  it("passes by rows that somebody holds, and masters of parts that somebody holds", async () => {
    await addRuns(4);
    await addFrames(2, 2);
    const { held, report } = await db.transaction(async (other) => {
      await other.query("SELECT FROM lab.run WHERE run = 1 FOR KEY SHARE");
      await other.query("UPDATE lab.run__frame SET at = now() WHERE run = 2 AND frame = 2");
      return { report: await run(), held: await runs() };
    });
    expect(held).toEqual([1, 2]);
    expect(report.entities[0]?.kept).toEqual({ "somebody works on rows of lab.run__frame": 1 });
    await run();
    expect(await runs()).toEqual([]);
    expect(await frames()).toEqual([]);
  });

  it("leaves a row that was given a later time meanwhile, and one that a child is being made for", async () => {
    await addRuns(3);
    await db.transaction(async (other) => {
      await other.query("UPDATE lab.run SET kept_until = $1::timestamp WHERE run = 1", [future]);
      await other.query("INSERT INTO lab.analysis (analysis, rig, run, stale_at) VALUES (1, 'a', 2, $1)", [
        future,
      ]);
      await run();
    });
    await run();
    expect(await runs()).toEqual([1, 2]);
  });

  it("removes 10,000 rows while others write, and every row that was moved to a later time survives", async () => {
    await addRuns(10_000);
    const saved = new Set<number>();
    let done = false;
    const write = async (worker: number) => {
      for (let i = 0; !done; i++) {
        const one = 1 + (((i * 4 + worker) * 7919) % 10_000);
        const moved = await db.query(
          "UPDATE lab.run SET kept_until = $1::timestamp WHERE rig = 'a' AND run = $2::int",
          [future, one],
        );
        if (moved.rowCount > 0) saved.add(one);
        await sql("INSERT INTO lab.run (rig, run, kept_until) VALUES ('b', $1::int, $2::timestamp)", [
          i * 4 + worker,
          earlier,
        ]);
      }
    };
    const writers = [0, 1, 2, 3].map(write);
    const both = await Promise.all([run(), run()]);
    done = true;
    await Promise.all(writers);
    const left = await sql("SELECT run FROM lab.run WHERE rig = 'a' ORDER BY run");
    expect(left.map((row) => row["run"])).toEqual([...saved].toSorted((a, b) => a - b));
    expect(saved.size).toBeGreaterThan(0);
    await run();
    expect(await sql("SELECT run FROM lab.run WHERE rig = 'b'")).toEqual([]);
    const removed = both.flatMap(({ entities }) => entities.map((one) => one.removed["lab.run"] ?? 0));
    expect(removed.reduce((all, count) => all + count, 0)).toBeGreaterThanOrEqual(10_000 - saved.size);
  });

  it("stops between batches when asked, and what is gone is recorded", async () => {
    await addRuns(2000);
    const stop = new AbortController();
    const running = run(lab, stop.signal);
    while ((await sql("SELECT count(*)::int AS count FROM lab.run"))[0]?.["count"] === 2000);
    stop.abort(new Error("The service stops."));
    await expect(running).rejects.toThrow("The service stops.");
    const left = (await runs()).length;
    expect(left).toBeGreaterThan(0);
    const [record] = await sql("SELECT state, report::text FROM holdfast.collector_run");
    expect(record).toMatchObject({
      state: "FAILED",
      report: expect.stringContaining(`"lab.run": ${2000 - left}`),
    });
  });
});

describe("the record of expiry", () => {
  it("has a run with its report, and a line of the audit for each batch", async () => {
    await addRuns(150);
    const { run: id } = await run();
    const [record] = await sql(
      "SELECT id::text, kind, state, applied, by, version, report FROM holdfast.collector_run",
    );
    expect(record).toMatchObject({
      id,
      kind: "EXPIRE",
      state: "DONE",
      applied: true,
      by: "test",
      version: "test",
    });
    const lines = await sql(
      "SELECT by, step, locator, details FROM holdfast.audit WHERE run = $1 ORDER BY id",
      [id],
    );
    expect(lines.map(({ details }) => JSON.parse(String(details)))).toEqual([
      { entity: "Run", removed: { "lab.run": 100 } },
      { entity: "Run", removed: { "lab.run": 50 } },
    ]);
    expect(lines[0]).toMatchObject({ by: "test", step: "expire", locator: null });
  });

  it("is silent where there is nothing to tell, and tells once what is kept", async () => {
    expect((await run()).run).toBeUndefined();
    await addRuns(1);
    await sql("INSERT INTO lab.analysis (analysis, rig, run, stale_at) VALUES (1, 'a', 1, $1)", [future]);
    expect(await run()).toMatchObject({ run: expect.any(String), isToldBefore: false });
    expect((await run()).run).toBeUndefined();
    await addRuns(1, past, 2);
    expect(await run()).toMatchObject({ run: expect.any(String), isToldBefore: true });
    expect((await run()).run).toBeUndefined();
    expect(await sql("SELECT FROM holdfast.collector_run")).toHaveLength(2);
  });
});

describe("expire in doubt", () => {
  it("removes nothing where the database does not guard a reference of the schema file", async () => {
    await addRuns(1);
    await addFrames(1, 1);
    const [key] = await sql(
      `SELECT conname FROM pg_constraint WHERE conrelid = 'lab.run__frame'::regclass AND contype = 'f'`,
    );
    await sql(`ALTER TABLE lab.run__frame DROP CONSTRAINT "${key?.["conname"]}"`);
    const report = await run().finally(() => applyModel(db, lab));
    expect(await runs()).toEqual([1]);
    expect(report.entities).toEqual([
      {
        entity: "Run",
        removed: {},
        kept: {},
        doubt: "lab.run__frame (rig, run) has no foreign key to lab.run, as the schema says it has",
      },
    ]);
  });

  it("removes nothing of a table that is not there, or is a view, and goes on with the others", async () => {
    const other = model(`
      extend schema @database(schema: "peer")
      type Gone @table(expires: "at") { k: Int! @key at: DateTime }
      type Seen @table(expires: "at") { k: Int! @key at: DateTime }
      type Bare @table(expires: "at") { k: Int! @key at: DateTime }
      type Fine @table(expires: "at") { k: Int! @key at: DateTime }`);
    await sql("CREATE SCHEMA peer");
    await sql("CREATE VIEW peer.seen AS SELECT 1 AS k, now()::timestamp AS at");
    await sql("CREATE TABLE peer.bare (k int PRIMARY KEY)");
    await sql("CREATE TABLE peer.fine AS SELECT 1 AS k, now()::timestamp AS at");
    const report = await run(other);
    expect(report.entities).toEqual([
      { entity: "Gone", removed: {}, kept: {}, doubt: "the table peer.gone is not there" },
      { entity: "Seen", removed: {}, kept: {}, doubt: "peer.seen is no table of rows" },
      { entity: "Bare", removed: {}, kept: {}, doubt: "peer.bare has no column at" },
      { entity: "Fine", removed: { "peer.fine": 1 }, kept: {} },
    ]);
  });

  it("does the other tables where one fails, and fails then", async () => {
    await addRuns(1);
    await sql("INSERT INTO lab.analysis (analysis, stale_at, rig, run) VALUES (1, $1, 'a', 1)", [past]);
    await sql(`CREATE FUNCTION lab.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN 1 / 0; END $$`);
    await sql("CREATE TRIGGER fail BEFORE DELETE ON lab.analysis FOR EACH ROW EXECUTE FUNCTION lab.fail()");
    await addRuns(1, past, 2);
    await expect(run().finally(() => sql("DROP FUNCTION lab.fail() CASCADE"))).rejects.toThrow(
      "division by zero",
    );
    expect(await runs()).toEqual([1]);
    expect(await sql("SELECT state, report FROM holdfast.collector_run")).toMatchObject([
      { state: "FAILED", report: expect.stringContaining("division by zero") },
    ]);
  });
});

describe("the tables of entities that expire", () => {
  it("have an index on the time, unless one begins with it, and nothing else; apply then finds nothing to do", async () => {
    const timed = (expires: string) => `
      extend schema @database(schema: "timed")
      type Plain @table${expires} { k: Int! @key at: DateTime }
      type Indexed @table${expires} @index(fields: ["at", "k"]) { k: Int! @key at: DateTime }`;
    await applyModel(db, model(timed("")));
    const changes = (await applyModel(db, model(timed('(expires: "at")')))).changes;
    expect(changes.map(({ summary }) => summary)).toEqual(["Add index(at) to timed.plain"]);
    expect((await planModel(db, model(timed('(expires: "at")')))).changes).toEqual([]);
    expect(await driftOf(db, model(timed('(expires: "at")')))).toEqual([]);
    expect((await planModel(db, model(timed("")))).changes.map(({ summary }) => summary)).toEqual([
      "Drop index(at) of timed.plain",
    ]);
  });
});
