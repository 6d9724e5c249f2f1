/** What the database itself holds fast, whoever is connected: a role that only works with the tables cannot get around the protocol. */

import { beforeAll, describe, expect, it } from "vitest";
import { type Laboratory, laboratory, target, writeRow } from "../object/laboratory.ts";

let lab: Laboratory;

beforeAll(async () => {
  lab = await laboratory();
  const staged = await lab.objects.writer.stage(target("schema"), Buffer.from("content"));
  await writeRow(lab, 1, staged);
});

describe("functions of Holdfast", () => {
  it("that run with their owner's rights look for names in a fixed place", async () => {
    const { rows } = await lab.db.query<{ name: string; fixed: boolean }>(
      `SELECT p.proname AS name, coalesce(array_to_string(p.proconfig, ',') LIKE '%search_path=%', false) AS fixed
       FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'holdfast' AND p.prosecdef ORDER BY 1`,
    );
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.filter(({ fixed }) => !fixed)).toEqual([]);
  });
});

describe("a role that may write the tables", () => {
  beforeAll(async () => {
    await lab.db.query(
      `DO $$ BEGIN CREATE ROLE holdfast_test_writer; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
       GRANT USAGE ON SCHEMA lab TO holdfast_test_writer;
       GRANT SELECT, INSERT, UPDATE, DELETE ON lab.item TO holdfast_test_writer;`,
    );
  });

  it.each([
    ["forget an object", "DELETE FROM holdfast.object"],
    ["change where an object lies", "UPDATE holdfast.object SET locator = 'main:x'"],
    ["call bytes verified", "UPDATE holdfast.object SET verified_at = clock_timestamp()"],
    ["empty the index", "TRUNCATE holdfast.object CASCADE"],
    ["read who uploads what", "SELECT * FROM holdfast.upload"],
    ["take an upload over", "UPDATE holdfast.upload_detail SET state = 'COMPLETE'"],
    ["read the keys that sign URLs", "SELECT * FROM holdfast.capability_key"],
    ["drop a hold", 'DELETE FROM lab."~object"'],
    ["disable the triggers", "ALTER TABLE lab.item DISABLE TRIGGER ALL"],
    ["drop the reference", "ALTER TABLE lab.item DROP COLUMN _value_ref"],
    ["skip foreign keys", "SET session_replication_role = replica"],
    ["empty an upload's list", "TRUNCATE holdfast.upload_detail CASCADE"],
  ])("cannot %s", async (_what, sql) => {
    const attempt = lab.db.transaction(async (transaction) => {
      await transaction.query("SET LOCAL ROLE holdfast_test_writer");
      await transaction.query(sql);
    });
    const cause = await attempt.then(
      () => "it could",
      (error: unknown) =>
        error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error),
    );
    expect(cause).toMatch(/permission denied|must be owner/);
    const { rows } = await lab.db.query<{ count: number }>(
      "SELECT count(*)::int AS count FROM holdfast.object WHERE verified_at IS NOT NULL",
    );
    expect(rows).toEqual([{ count: 1 }]);
  });
});

describe("a role that may write the tables and nothing else", () => {
  it("writes, changes and deletes rows with stored values, as other programs do", async () => {
    await lab.db.query(
      `CREATE TABLE lab.foreign_item (id int PRIMARY KEY, value jsonb);
       SELECT holdfast.adopt_column('lab.foreign_item', 'value', 'main', true);
       GRANT SELECT, INSERT, UPDATE, DELETE ON lab.foreign_item TO holdfast_test_writer`,
    );
    const asWriter = (text: string) =>
      lab.db.transaction(async (transaction) => {
        await transaction.query("SET LOCAL ROLE holdfast_test_writer");
        return (await transaction.query<{ path: string }>(text)).rows;
      });
    const path = "_schema/lab/foreign_item/id=9/value_AbCdEf12.bin";
    const holds = async () =>
      (await lab.db.query(`SELECT FROM lab."~object" WHERE locator = $1`, [`main:${path}`])).rowCount;
    await asWriter(`INSERT INTO lab.foreign_item VALUES (9, '${JSON.stringify({ path, store: "main" })}')`);
    await asWriter(`UPDATE lab.foreign_item SET value = value || '{"size": 1}'`);
    expect(await asWriter("SELECT value->>'path' AS path FROM lab.foreign_item")).toEqual([{ path }]);
    expect(await holds()).toBe(1);
    await asWriter("DELETE FROM lab.foreign_item");
    expect(await asWriter("SELECT FROM lab.foreign_item")).toEqual([]);
  });
});

describe("the owner of the tables", () => {
  it.each([
    ["forget an object that a row uses", "DELETE FROM holdfast.object", /foreign key/],
    ["drop the hold of a row", 'DELETE FROM lab."~object"', /foreign key/],
    ["move an object", "UPDATE holdfast.object SET locator = 'main:x'", /not allowed/],
    ["empty the index", "TRUNCATE holdfast.object CASCADE", /TRUNCATE/i],
  ])("cannot %s either", async (_what, sql, message) => {
    const failure = await lab.db.query(sql).then(
      () => "it could",
      (error: unknown) => `${String(error)} ${error instanceof Error ? String(error.cause) : ""}`,
    );
    expect(failure).toMatch(message);
  });
});
