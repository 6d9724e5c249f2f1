/** What is in the way of adopting and of undoing: named by table, row and value, with what to do; it stops nothing else. */

import { beforeAll, describe, expect, it } from "vitest";
import { planAdoption } from "../../src/adopt/adopt.ts";
import { planUndo } from "../../src/adopt/undo.ts";
import { guardDoubts } from "../../src/collector/guard.ts";
import { connect } from "../../src/db/database.ts";
import { schemaState } from "../support/schema-state.ts";
import { type AdoptLaboratory, adoptLaboratory } from "./laboratory.ts";

const tables = `
  CREATE SCHEMA lab;
  CREATE TABLE lab.fine (id int PRIMARY KEY, f json);
  COMMENT ON COLUMN lab.fine.f IS ':<blob@>:';
  INSERT INTO lab.fine VALUES (1, '{"store": "main", "path": "_hash/lab/nowhere"}'), (2, NULL);
  CREATE TABLE lab.wrong (a int, b text, f jsonb, PRIMARY KEY (b, a));
  COMMENT ON COLUMN lab.wrong.f IS ':<blob@cold>:';
  INSERT INTO lab.wrong VALUES (1, 'x', '{"path": "_hash/lab/a"}'), (2, 'x', '["a"]'), (3, 'y', 'null'), (4, 'y', '"text"'), (5, 'z', '{"store": "lost", "path": "a/b"}'),
    (6, 'z', '{"path": "a/../b"}'), (7, 'z', '{"path": ""}'), (8, 'z', '{"path": 5}'), (9, 'z', NULL);
  CREATE TABLE lab.text (id int PRIMARY KEY, f text);
  COMMENT ON COLUMN lab.text.f IS ':<mine@>:';
  CREATE TABLE lab.lost (id int PRIMARY KEY, f jsonb);
  COMMENT ON COLUMN lab.lost.f IS ':<blob@elsewhere>:';
  CREATE TABLE lab.taken (id int PRIMARY KEY, f jsonb, _f_ref int);
  COMMENT ON COLUMN lab.taken.f IS ':<blob@>:';
  CREATE TABLE lab.parted (id int PRIMARY KEY, f jsonb) PARTITION BY RANGE (id);
  COMMENT ON COLUMN lab.parted.f IS ':<blob@>:';
  CREATE TABLE lab.parted_1 PARTITION OF lab.parted FOR VALUES FROM (0) TO (10);
  CREATE TABLE lab.parent (id int PRIMARY KEY, f jsonb);
  COMMENT ON COLUMN lab.parent.f IS ':<blob@>:';
  CREATE TABLE lab.child () INHERITS (lab.parent);
  CREATE VIEW lab.seen AS SELECT * FROM lab.fine;
  COMMENT ON COLUMN lab.seen.f IS ':<blob@>:';
  CREATE TABLE lab.keyless (f jsonb);
  COMMENT ON COLUMN lab.keyless.f IS ':<object@>:';
  INSERT INTO lab.keyless VALUES ('{"path": "_hash/lab/b"}');
  CREATE TABLE lab.files (id int PRIMARY KEY, f jsonb);
  COMMENT ON COLUMN lab.files.f IS ':<filepath@cold>:';
  INSERT INTO lab.files VALUES (1, '{"path": "../x"}');
  CREATE TABLE lab."Odd %s ""name""" ("a b" int PRIMARY KEY, "the 'value' %I" jsonb);
  COMMENT ON COLUMN lab."Odd %s ""name"""."the 'value' %I" IS ':<blob@>:';
  INSERT INTO lab."Odd %s ""name""" VALUES (1, '{"path": "_hash/lab/c"}');
  CREATE TABLE lab.gone (id int PRIMARY KEY, was jsonb, f jsonb);
  COMMENT ON COLUMN lab.gone.was IS ':<blob@>:';
  ALTER TABLE lab.gone DROP COLUMN was;`;

let lab: AdoptLaboratory;
let before: readonly string[];

beforeAll(async () => {
  lab = await adoptLaboratory(undefined, ["lab"]);
  await lab.db.transaction((transaction) => transaction.query(tables));
  await lab.db.query("CREATE ROLE adopt_guest LOGIN PASSWORD 'x'").catch(() => undefined);
  await lab.db.query("GRANT USAGE ON SCHEMA lab TO adopt_guest; GRANT SELECT ON lab.fine TO adopt_guest");
  before = await schemaState(lab.db, ["lab"]);
});

const told = (report: Awaited<ReturnType<AdoptLaboratory["plan"]>>) =>
  Object.fromEntries(
    report.tables.flatMap(({ obstacles }) =>
      obstacles.map(({ subject, message }) => [subject, message] as const),
    ),
  );

const obstacles = {
  "lab.wrong.f": "6 values cannot be followed to the store",
  "lab.text.f": "its type is text: a value of <mine@> must be JSON to be followed",
  "lab.lost.f": "the store elsewhere is not configured",
  "lab.taken.f": "the table has a column of the name that the hidden reference of f must have",
  "lab.parted": "it is partitioned, and cannot be adopted in steps",
  "lab.parent": "it has children or parents by INHERITS, which no foreign key follows",
};

describe("what is in the way", () => {
  it("is told by a look, each with its table, row and value", async () => {
    const report = await lab.plan();
    expect(told(report)).toEqual(obstacles);
    expect(report.notes).toEqual(["lab.seen is a view: its rows are those of its tables"]);
    const columnOf = (name: string) => report.tables.find(({ table }) => table === name)?.columns[0];
    expect(columnOf("wrong")?.wrong).toEqual({
      count: 6,
      rows: [
        { key: { b: "x", a: "2" }, value: '["a"]', message: "the value names no path" },
        { key: { b: "y", a: "3" }, value: "null", message: "the value names no path" },
        { key: { b: "y", a: "4" }, value: '"text"', message: "the value names no path" },
        expect.objectContaining({
          key: { b: "z", a: "5" },
          message: "the value names the store lost, which is not configured",
        }),
        expect.objectContaining({
          key: { b: "z", a: "6" },
          message: expect.stringContaining("one spelling"),
        }),
        expect.objectContaining({
          key: { b: "z", a: "7" },
          message: expect.stringContaining("one spelling"),
        }),
      ],
    });
    expect(columnOf("fine")?.missing).toEqual({
      count: 1,
      rows: [
        {
          key: { id: "1" },
          value: '{"store": "main", "path": "_hash/lab/nowhere"}',
          message: "its bytes are not in the store",
        },
      ],
    });
    expect(columnOf("keyless")?.missing).toMatchObject({ count: 1, rows: [{ key: {} }] });
    expect(await schemaState(lab.db, ["lab"])).toEqual(before);
  });

  it("stops nothing else, and the collector stops as long as it is there", async () => {
    const report = await lab.adopt();
    expect(told(report)).toEqual(obstacles);
    const states = Object.fromEntries(report.tables.map(({ table, columns }) => [table, columns[0]?.state]));
    expect(states).toEqual({
      ...{ fine: "adopted", keyless: "adopted", files: "adopted", 'Odd %s "name"': "adopted" },
      ...{ wrong: "not adopted", text: "not adopted", lost: "not adopted", taken: "not adopted" },
      ...{ parted: "not adopted", parent: "not adopted" },
    });
    const doubts = (await guardDoubts(lab.db)).map(({ subject, code }) => `${code} ${subject}`);
    expect(doubts).toEqual(
      ["lost.f", "parent.f", "parted.f", "taken.f", "text.f", "wrong.f"].map((name) => `GUARD lab.${name}`),
    );
    await expect(lab.db.query(`INSERT INTO lab.files VALUES (2, '{"path": "../y"}')`)).rejects.toMatchObject({
      code: "CONSTRAINT_VIOLATION",
    });
    expect((await lab.undo()).failed).toEqual([]);
    expect(await schemaState(lab.db, ["lab"])).toEqual(before);
  });

  it("is a table that is locked for too long: it is left as it was", async () => {
    await lab.db.query(
      `CREATE TABLE lab.big AS SELECT n AS id, '{"path": "_hash/lab/big"}'::jsonb AS f FROM generate_series(1, 50000) n`,
    );
    await lab.db.query("COMMENT ON COLUMN lab.big.f IS ':<blob@>:'");
    const big = async (maxLockMs: number) =>
      (await lab.adopt({ maxLockMs, looksAtBytes: false })).tables.find(({ table }) => table === "big");
    const found = await big(10);
    expect(found?.obstacles[0]?.message).toContain("lab.big would be locked for more than");
    expect(found?.obstacles[0]?.remedy).toContain("--max-lock");
    expect(found?.columns[0]?.state).toBe("not adopted");
    expect((await big(30_000))?.columns[0]?.state).toBe("adopted");
    await lab.db.query("DROP TABLE lab.big");
    await lab.undo();
    expect(await schemaState(lab.db, ["lab"])).toEqual(before);
  });

  it("is a table of somebody else's, for a user who may only look", async () => {
    const url = new URL(lab.url);
    const owner = url.username;
    [url.username, url.password] = ["adopt_guest", "x"];
    const guest = await connect(url.href);
    try {
      const report = await planAdoption(guest, lab.options());
      const of = (name: string) =>
        report.tables.find(({ table }) => table === name)?.obstacles.map(({ message }) => message);
      expect(of("fine")?.[0]).toBe(`it belongs to ${owner}, and only its owner may alter it`);
      expect(of("keyless")).toContainEqual("its rows may not be read");
    } finally {
      await guest.close();
    }
  });
});

describe("pieces of a guard that somebody has dropped", () => {
  it("are made again, each where it is missing", async () => {
    await lab.adopt({ looksAtBytes: false });
    const adopted = await schemaState(lab.db, ["lab"]);
    for (const drop of [
      "ALTER TABLE lab.fine DROP CONSTRAINT _f_ref_ck",
      "DROP TRIGGER _obj_f_ref ON lab.fine",
      "ALTER TABLE lab.fine DISABLE TRIGGER _obj_f_ref",
      "ALTER TABLE lab.fine DROP CONSTRAINT _f_ref_fk",
      "DROP INDEX lab.fine__f_ref_idx",
      "ALTER TABLE lab.files DROP CONSTRAINT _holdfast_f_path",
    ]) {
      await lab.db.query(drop);
      const report = await lab.adopt({ looksAtBytes: false });
      expect([drop, report.tables.flatMap(({ done }) => done).length > 0]).toEqual([drop, true]);
      expect(await schemaState(lab.db, ["lab"])).toEqual(adopted);
    }
    await lab.undo();
  });
});

describe("a column that was renamed behind the back of its guard", () => {
  it("refuses inserts until it is adopted again, under its new name alone", async () => {
    await lab.adopt();
    await lab.db.query("ALTER TABLE lab.fine RENAME COLUMN f TO g");
    const insert = `INSERT INTO lab.fine (id, g) VALUES (7, '{"path": "_hash/lab/d"}')`;
    await expect(lab.db.query(insert)).rejects.toThrow();
    const report = await lab.adopt({ looksAtBytes: false });
    expect(told(report)).toEqual(obstacles);
    await lab.db.query(insert);
    const { rows } = await lab.db.query<{ name: string }>(
      "SELECT attname::text AS name FROM pg_attribute WHERE attrelid = 'lab.fine'::regclass AND attgenerated = 's' AND NOT attisdropped UNION ALL SELECT tgname FROM pg_trigger WHERE tgrelid = 'lab.fine'::regclass AND NOT tgisinternal",
    );
    expect(rows.map(({ name }) => name)).toEqual(["_g_ref", "_obj_g_ref"]);
    await lab.db.query("DELETE FROM lab.fine WHERE id = 7; ALTER TABLE lab.fine RENAME COLUMN g TO f");
    await lab.undo();
    expect(await schemaState(lab.db, ["lab"])).toEqual(before);
  });
});

describe("what stands in the way of undoing", () => {
  it("is what applies have made, and what others have tied to the holds; nothing is undone then", async () => {
    await lab.adopt();
    await lab.db.query(`CREATE TABLE public.tied (locator text COLLATE "C" REFERENCES lab."~object")`);
    await lab.db.query(
      "INSERT INTO holdfast.applied_table (owner, schema_name, table_name, entity, whole, columns, indexes, foreign_keys) VALUES ('mine', 'lab', 'fine', 'Fine', true, '{}', '{}', '{}')",
    );
    const adopted = await schemaState(lab.db, ["lab"]);
    await expect(lab.undo()).rejects.toMatchObject({
      code: "CONFLICT",
      details: {
        problems: [
          expect.objectContaining({
            subject: "lab.fine",
            message: expect.stringContaining("schema file of mine"),
          }),
          expect.objectContaining({ message: "this foreign key to lab.~object was not made by Holdfast" }),
        ],
      },
    });
    expect((await planUndo(lab.db, ["lab"])).obstacles.length).toBe(2);
    expect(await schemaState(lab.db, ["lab"])).toEqual(adopted);
    await lab.db.query("DROP TABLE public.tied; DELETE FROM holdfast.applied_table");
    expect((await lab.undo()).failed).toEqual([]);
    expect(await schemaState(lab.db, ["lab"])).toEqual(before);
  });
});
