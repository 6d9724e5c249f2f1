import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connect } from "../../src/db/database.ts";
import { ServiceError } from "../../src/errors.ts";
import { at, codesOf, mainOf, Stage, type World } from "./stage.ts";

const stage = new Stage();
beforeAll(() => stage.open());
afterAll(() => stage.close());
const scene = (name: string, play: (world: World) => Promise<void>) => test(name, () => stage.play(play));
const alone = (name: string, play: (world: World) => Promise<void>) =>
  test(name, () => stage.playAlone(play));
const main = { stores: ["main"] };

/** One hold to release, one object to kill. */
async function due(w: World): Promise<void> {
  await w.on("7 days");
  await w.put("held", { held: ["lab"] });
  await w.put("old", { condemned: "30 days" });
}

async function expectUntouched(w: World): Promise<void> {
  expect(await w.count("holdfast.object WHERE condemned_at IS NULL")).toBe(1);
  expect(await w.count("holdfast.object")).toBe(2);
  expect(await w.count(`lab."~object"`)).toBe(1);
  expect(await w.count("holdfast.audit WHERE locator IS NOT NULL")).toBe(0);
}

describe("the guard stops everything by name", () => {
  const codec = `COMMENT ON COLUMN lab.late.d IS ':<blob@main>:'`;
  test.each([
    ["a dropped foreign key", "ALTER TABLE lab.u DROP CONSTRAINT _d_ref_fk", "lab.u.d"],
    ["a table that nobody has adopted", `CREATE TABLE lab.late (d jsonb); ${codec}`, "lab.late.d"],
    ["referential triggers switched off", "ALTER TABLE lab.t DISABLE TRIGGER ALL", "lab.t._d_ref_fk"],
    [
      "a reference that was never held against the rows of before",
      `ALTER TABLE lab.u DROP CONSTRAINT _d_ref_fk, ADD CONSTRAINT _d_ref_fk FOREIGN KEY (_d_ref) REFERENCES lab."~object" NOT VALID`,
      "lab.u._d_ref_fk",
    ],
    [
      "a column of a store whose values cannot be followed",
      `CREATE TABLE lab.late (d text); ${codec}`,
      "lab.late.d",
    ],
    ["a child that inherits", "CREATE TABLE lab.child () INHERITS (lab.t)", "lab.child"],
    [
      "the trigger that writes tombstones switched off",
      "ALTER TABLE holdfast.object DISABLE TRIGGER object_deleted",
      "holdfast.object.object_deleted",
    ],
    [
      "the trigger that looks for tombstones dropped",
      "DROP TRIGGER object_inserted ON holdfast.object",
      "holdfast.object.object_inserted",
    ],
  ])("%s", (_, sql, subject) =>
    stage.playAlone(async (w) => {
      await due(w);
      await w.db.query(sql);
      const report = await w.collect({ ...main, confirm: true });
      const found = report.doubts.filter((doubt) => doubt.subject === subject);
      expect(found).toMatchObject([{ code: "GUARD", subject }]);
      expect(found[0]).not.toHaveProperty("store");
      expect(report.isApplied).toBe(false);
      expect(mainOf(report).counts).toMatchObject({ release: 1, condemn: 1, kill: 1 });
      await expectUntouched(w);
    }),
  );

  scene("a session that skips triggers", async (w) => {
    await due(w);
    const url = new URL(w.url);
    url.searchParams.set("options", "-c session_replication_role=replica");
    const db = await connect(url.href);
    try {
      const report = await w.collect(main, { db });
      expect(report.doubts[0]).toMatchObject({ code: "GUARD", subject: "replica" });
    } finally {
      await db.close();
    }
    await expectUntouched(w);
  });
});

describe("rights", () => {
  /** A world seen by a role that may do everything in Holdfast's tables, and what `grants` say in others. */
  async function as(w: World, grants: string, play: (url: string) => Promise<void>): Promise<void> {
    const role = `collector_${randomBytes(4).toString("hex")}`;
    await w.db.query(`CREATE ROLE ${role} LOGIN PASSWORD 'x';
      GRANT USAGE ON SCHEMA holdfast, lab, x TO ${role};
      GRANT ALL ON ALL TABLES IN SCHEMA holdfast TO ${role};
      GRANT ALL ON lab."~object", x."~object" TO ${role};
      ${grants.replaceAll("ROLE", role)}`);
    const url = new URL(w.url);
    url.username = role;
    url.password = "x";
    try {
      await play(url.href);
    } finally {
      await w.db.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    }
  }

  test.each([
    ["a referring table that it may not read", "GRANT SELECT ON lab.t, x.t TO ROLE", "lab.u", "SELECT"],
    [
      "row security, which hides rows",
      "GRANT SELECT ON lab.t, lab.u, x.t TO ROLE; ALTER TABLE lab.t ENABLE ROW LEVEL SECURITY",
      "lab.t",
      "row security",
    ],
    [
      "holds that it may not delete",
      `GRANT SELECT ON lab.t, lab.u, x.t TO ROLE; REVOKE DELETE ON x."~object" FROM ROLE`,
      `x."~object"`,
      "DELETE",
    ],
  ])("%s", (_, grants, subject, said) =>
    stage.playAlone(async (w) => {
      await due(w);
      await w.db.query(w.refer("held"));
      await as(w, grants, async (url) => {
        const db = await connect(url);
        try {
          const report = await w.collect(main, { db });
          const found = report.doubts.find((doubt) => doubt.code === "PERMISSION");
          expect(found).toMatchObject({ subject });
          expect(found?.message).toContain(said);
          expect(report.isApplied).toBe(false);
        } finally {
          await db.close();
        }
      });
      await expectUntouched(w);
    }),
  );

  alone("with all of them a role that owns nothing collects", async (w) => {
    await due(w);
    await as(w, "GRANT SELECT ON lab.t, lab.u, x.t TO ROLE", async (url) => {
      const db = await connect(url);
      try {
        const report = await w.collect(main, { db });
        expect(report.doubts).toEqual([]);
        expect(mainOf(report).counts).toMatchObject({ release: 1, condemn: 1, kill: 1 });
      } finally {
        await db.close();
      }
    });
  });
});

describe("the course of the database", () => {
  scene("is remembered at first; another one puts the stores to restore, once", async (w) => {
    await due(w);
    await w.db.query("UPDATE holdfast.store SET gc = 'off' WHERE name = 'cold'");
    await w.collect({ ...main, apply: false });
    expect(
      await w.count(
        "holdfast.course, pg_control_system() s WHERE s.system_identifier::text = course.system_identifier",
      ),
    ).toBe(1);
    await w.db.query("UPDATE holdfast.course SET timeline = timeline + 1");
    const report = await w.collect({ ...main, confirm: true });
    expect(codesOf(report)).toEqual(["DATABASE", "MODE main"]);
    expect(report.doubts[0]?.message).toMatch(
      /last worked on server \d+, timeline 2; this is server \d+, timeline 1/,
    );
    const modes = await w.rows("SELECT name, gc FROM holdfast.store ORDER BY name");
    expect(modes).toEqual([
      { name: "cold", gc: "off" },
      { name: "main", gc: "restore" },
    ]);
    const [line] = await w.rows<{ details: string; run: string }>(
      "SELECT run, details FROM holdfast.audit WHERE step = 'course'",
    );
    expect(line?.run).toBe(report.run);
    expect(JSON.parse(line?.details ?? "")).toMatchObject({
      stores: [{ name: "main", mode: "on" }],
      known: { timeline: 2 },
    });
    expect(codesOf(await w.collect(main))).toEqual(["MODE main"]);
    await expectUntouched(w);
  });

  scene("of another server too", async (w) => {
    await due(w);
    await w.collect({ ...main, apply: false });
    await w.db.query("UPDATE holdfast.course SET system_identifier = '1'");
    expect(codesOf(await w.collect(main))).toContain("DATABASE");
    await expectUntouched(w);
  });
});

describe("stores and errors", () => {
  scene("a store with objects and no configuration is named, others go on", async (w) => {
    await due(w);
    await w.db.query("INSERT INTO holdfast.store (name) VALUES ('tape')");
    await w.db.query("INSERT INTO holdfast.object (locator) VALUES ('tape:_hash/lab/a')");
    const report = await w.collect(main);
    expect(report.doubts).toMatchObject([{ code: "UNCONFIGURED", store: "tape" }]);
    expect(mainOf(report)).toMatchObject({ isApplied: true, counts: { kill: 1 } });
    expect(await w.count("holdfast.object WHERE locator LIKE 'tape:%' AND condemned_at IS NULL")).toBe(1);
    await w.db.query(
      "DELETE FROM holdfast.object WHERE locator LIKE 'tape:%'; DELETE FROM holdfast.store WHERE name = 'tape'",
    );
  });

  scene("a store that the database does not know", async (w) => {
    await w.db.query("DELETE FROM holdfast.store WHERE name = 'cold'");
    const report = await w.collect();
    expect(codesOf(report)).toEqual(["UNCONFIGURED cold", "MODE main", "UNCONFIRMED main"]);
    await w.db.query("INSERT INTO holdfast.store (name) VALUES ('cold')");
  });

  alone("an error of SQL in a step is told by name, beside what was done before it", async (w) => {
    await due(w);
    await w.db.query(
      `CREATE FUNCTION lab.no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not today'; END $$;
       CREATE TRIGGER no BEFORE DELETE ON holdfast.object FOR EACH STATEMENT EXECUTE FUNCTION lab.no()`,
    );
    const report = await w.collect(main);
    expect(report.doubts).toMatchObject([{ code: "DATABASE", store: "main", subject: "kill" }]);
    expect(report.doubts[0]?.message).toContain("not today");
    expect(mainOf(report)).toMatchObject({
      isApplied: false,
      counts: { release: 1, condemn: 1, kill: 0, inGrace: 2 },
    });
  });

  scene("a connection that ends in the middle of a batch loses nothing", async (w) => {
    await due(w);
    const end = at("kill.after-lock", () =>
      w.outside((client) =>
        client.query(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
        ),
      ),
    );
    const report = await w.collect(main, { faults: end });
    expect(codesOf(report)).toEqual(["DATABASE main"]);
    expect(mainOf(report).counts).toMatchObject({ release: 1, condemn: 1, kill: 0 });
    expect(await w.count("holdfast.tombstone")).toBe(0);
    expect(mainOf(await w.collect(main)).counts.kill).toBe(1);
    await w.expectSound();
  });

  scene("an error of what deletes bytes is told, beside what was done", async (w) => {
    await due(w);
    const removeBytes = async () => {
      throw new ServiceError("STORE_UNAVAILABLE", "The store is away.");
    };
    const report = await w.collect(main, { parts: { removeBytes } });
    expect(report.doubts).toMatchObject([{ code: "STORE", store: "main" }]);
    expect(mainOf(report)).toMatchObject({ isApplied: false, counts: { kill: 1 } });
  });
});
