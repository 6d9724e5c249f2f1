/** A laboratory is backed up and brought back elsewhere, everything equal; and what is refused on both ways. The drill: drill.test.ts. */

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { checkBackup } from "../../src/backup/check.ts";
import { freshDatabase } from "../support/database.ts";
import { fileStore, Lab } from "./support/lab.ts";
import { labsIn } from "./support/labs.ts";

const folder = mkdtempSync(join(tmpdir(), "holdfast-backup-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const newLab = labsIn(folder);

describe("a backup", () => {
  it("brings rows, tables and objects back as they were", async () => {
    await using lab = await newLab();
    await lab.write(Buffer.from("one content"));
    await lab.write(Buffer.alloc(0));
    for (let count = 0; count < 20; count++) await lab.write();
    await lab.writeTree("frames.zarr", { ".zarray": "{}", "0.0": "chunk", "0.1": "" });
    await lab.writeForeign("_hash/lab/aaaaaaaaaaaaaaaaaaaaaaaaaa", "of another program");
    await lab.db.query("UPDATE lab.sample SET next_sample_id = 24 - sample_id + 1");
    // What no schema file says, and an apply does not touch.
    await lab.db.query("CREATE INDEX by_value ON lab.reading (value) WHERE value > 0");
    await lab.db.query(
      "ALTER TABLE lab.reading ADD COLUMN _job_version varchar(64) DEFAULT 'none', ADD CHECK (value < 1e9)",
    );
    await lab.db.query("UPDATE lab.reading SET _job_version = 'v' || reading_idx");
    await lab.db.query("CREATE SEQUENCE lab.ticket; SELECT nextval('lab.ticket'), nextval('lab.ticket')");
    const file = join(folder, "equal.tar");
    const report = await lab.backup(file);
    expect(report).toMatchObject({ objects: 24, missing: [], tables: 3 });
    expect((await checkBackup(file)).end.objects).toBe(24);

    await using other = await newLab(true);
    await other.restore(file);
    expect(await other.definitions()).toEqual(await lab.definitions());
    expect(await other.rows()).toEqual(await lab.rows());
    expect(await other.keys()).toEqual(await lab.keys());
    // What was restored goes on: new rows, new objects.
    expect(await other.write()).toBe(25);
    const { rows } = await other.db.query(
      "SELECT gc FROM holdfast.store UNION SELECT state FROM holdfast.collector_run",
    );
    expect(rows.map((row) => Object.values(row)[0]).sort()).toEqual(["DONE", "report"]);
    expect((await other.db.query("SELECT FROM holdfast.upload")).rowCount).toBe(0);
  });
});

describe("a backup of the first version", () => {
  it("is read, with hidden columns that have a guard", async () => {
    await using lab = await newLab(true);
    await lab.restore(join(import.meta.dirname, "../fixtures/backup/first-version.tar"));
    const { rows } = await lab.db.query<{ id: number; same: boolean; ref: string }>(
      `SELECT sample_id AS id, _notes_old = notes AS same, __notes_old_ref AS ref FROM lab.sample ORDER BY 1`,
    );
    const refs = [1, 2].map(async (id) => ({ id, same: true, ref: await lab.locatorOf(id) }));
    expect(rows).toEqual(await Promise.all(refs));
    const made = (await lab.definitions()).filter((line) => line.includes("__notes_old_ref"));
    expect(made.some((line) => line.includes("FOREIGN KEY (__notes_old_ref)"))).toBe(true);
    await expect(
      lab.db.query(`UPDATE lab.sample SET _notes_old = '{"path": "_hash/other/x", "store": "main"}'`),
    ).rejects.toThrow();
    expect(await lab.write()).toBe(3);
  });

  it("is refused by what it cannot say: a later version", async () => {
    const bytes = readFileSync(join(import.meta.dirname, "../fixtures/backup/first-version.tar"));
    const file = join(folder, "later.tar");
    writeFileSync(file, bytes.toString("latin1").replace('"version": 1', '"version": 3'), "latin1");
    await expect(checkBackup(file)).rejects.toMatchObject({
      code: "BACKUP_INVALID",
      message: expect.stringContaining("reads 1 to 2"),
    });
  });
});

describe("what a backup refuses", () => {
  it("names missing and damaged objects, and leaves no file", async () => {
    await using lab = await newLab();
    await lab.write(Buffer.from("good"));
    const [lost, wrong, short] = [
      await lab.locatorOf(await lab.write()),
      await lab.locatorOf(await lab.write()),
      await lab.locatorOf(await lab.write()),
    ];
    lab.damage(lost, undefined);
    lab.damage(wrong, Buffer.alloc(2000, 1));
    lab.damage(short, Buffer.alloc(1999));
    const file = join(folder, "damaged.tar");
    const error = await lab.backup(file).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "OBJECT_MISSING" });
    for (const locator of [lost, wrong, short]) expect(String(error)).toContain(locator);
    expect(readdirSync(folder).filter((name) => name.startsWith("damaged"))).toEqual([]);

    const report = await lab.backup(file, { allowMissing: true });
    expect(report.missing.map(({ locator }) => locator).toSorted()).toEqual([lost, wrong, short].toSorted());
    await using other = await newLab(true);
    await other.restore(file);
    expect(Object.keys(await other.keys())).toHaveLength(1);
    const { rows } = await other.db.query<{ locator: string }>(
      "SELECT locator FROM holdfast.object WHERE verified_at IS NULL AND dedup IS NULL ORDER BY 1",
    );
    expect(rows.map(({ locator }) => locator)).toEqual([lost, wrong, short].toSorted());
    expect((await other.rows())["lab.sample"]).toEqual((await lab.rows())["lab.sample"]);
  });

  it("what the schema file does not say, unless it is left out by name", async () => {
    await using lab = await newLab();
    await lab.db.query(`CREATE TABLE lab."~~jobs" (n int); CREATE VIEW lab.latest AS SELECT 1 AS one;
      CREATE FUNCTION lab.twice(n int) RETURNS int LANGUAGE sql AS 'SELECT 2 * n'`);
    const file = join(folder, "strange.tar");
    const error = await lab.backup(file).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: "CONFLICT",
      details: { problems: ["the view lab.latest", "the function lab.twice", "the table lab.~~jobs"] },
    });
    await expect(lab.backup(file, { leaveOut: ["lab.latest", "lab.~~jobs"] })).rejects.toMatchObject({
      details: { problems: ["the function lab.twice"] },
    });
    await lab.backup(file, { leaveOut: ["lab.latest", "lab.~~jobs", "lab.twice"] });
    await expect(
      lab.backup(join(folder, "x.tar"), { leaveOut: ["lab.latest", "lab.~~jobs", "lab.twice", "lab.no"] }),
    ).rejects.toMatchObject({ code: "BAD_USER_INPUT" });
    await lab.db.query("ALTER TABLE lab.sample ALTER COLUMN label TYPE text");
    await expect(lab.backup(join(folder, "x.tar"))).rejects.toMatchObject({
      code: "CONFLICT",
      message: expect.stringContaining("label"),
    });
  });

  it("a file that is there, and a folder that is not", async () => {
    await using lab = await newLab();
    const file = join(folder, "there.tar");
    writeFileSync(file, "mine");
    await expect(lab.backup(file)).rejects.toMatchObject({ code: "CONFLICT" });
    expect(readFileSync(file, "utf8")).toBe("mine");
    await expect(lab.backup(join(folder, "no/where.tar"))).rejects.toMatchObject({ code: "BAD_USER_INPUT" });
  });
});

describe("a wish to stop", () => {
  it("ends both ways at once, and leaves nothing to be seen", async () => {
    await using lab = await newLab();
    for (let count = 0; count < 3; count++) await lab.write();
    const file = join(folder, "stopped.tar");
    const stop = new AbortController();
    const asks = (wanted: string) => (point: string) => {
      if (point === wanted) stop.abort(new Error("asked to stop"));
    };
    await expect(lab.backup(file, { signal: stop.signal }, asks("backup.object"))).rejects.toThrow(
      "asked to stop",
    );
    expect(readdirSync(folder).filter((name) => name.startsWith("stopped"))).toEqual([]);
    await lab.backup(file);
    await using other = await newLab(true);
    const again = new AbortController();
    const stops = (point: string) => {
      if (point === "restore.file") again.abort(new Error("asked to stop"));
    };
    await expect(other.restore(file, stops, again.signal)).rejects.toThrow("asked to stop");
    expect((await other.db.query("SELECT FROM pg_namespace WHERE nspname = 'lab'")).rowCount).toBe(0);
    await other.restore(file);
    expect(await other.keys()).toEqual(await lab.keys());
  });
});

describe("what a restore refuses", () => {
  it("every file that is not as it was written, before anything is changed", async () => {
    await using lab = await newLab();
    for (let count = 0; count < 3; count++) await lab.write();
    await lab.writeTree("deep.zarr", { [`${"long".repeat(30)}/${"name".repeat(20)}`]: "x", é: "y" });
    const file = join(folder, "good.tar");
    await lab.backup(file);
    const good = readFileSync(file);
    const bad = join(folder, "bad.tar");
    const refused = async (bytes: Uint8Array): Promise<unknown> => {
      writeFileSync(bad, bytes);
      return checkBackup(bad).then(
        () => "accepted",
        (error: unknown) => (error as { code?: string }).code ?? error,
      );
    };
    const results: unknown[] = [];
    for (const length of [
      0,
      1,
      511,
      512,
      5000,
      good.length - 1024 - 512,
      good.length - 1024,
      good.length - 512,
      good.length - 1,
    ])
      results.push(await refused(good.subarray(0, length)));
    results.push(
      await refused(Buffer.concat([good, Buffer.alloc(512)])),
      await refused(Buffer.from("no tar at all".repeat(100))),
    );
    // Every 331st byte, so that headers, bodies, the spaces between them and the end are all met.
    for (let at = 0; at < good.length; at += 331) {
      const flipped = Buffer.from(good);
      flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8));
      results.push(await refused(flipped));
    }
    // Of the end, what only it says: numbers and names are changed one bit each.
    for (let at = good.indexOf('"rows"'); at < good.indexOf('"missing"'); at++) {
      const flipped = Buffer.from(good);
      flipped[at] = (flipped[at] ?? 0) ^ 1;
      results.push(await refused(flipped));
    }
    expect(new Set(results)).toEqual(new Set(["BACKUP_INVALID"]));
    const content = good.indexOf("stores/main/_hash/") + 700;
    const flipped = Buffer.from(good);
    flipped[content] = (flipped[content] ?? 0) ^ 1;
    writeFileSync(bad, flipped);
    await using other = await newLab(true);
    await expect(other.restore(bad)).rejects.toMatchObject({
      code: "BACKUP_INVALID",
      message: expect.stringContaining("the entry stores/main/_hash/lab/"),
    });
    expect(await other.keys()).toEqual({});
    expect((await other.db.query("SELECT FROM holdfast.upload")).rowCount).toBe(0);
    await expect(other.restore(join(folder, "absent.tar"))).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("schemas and keys that are there, and stores that are not", async () => {
    await using lab = await newLab();
    await lab.write();
    const file = join(folder, "again.tar");
    await lab.backup(file);
    await expect(lab.restore(file)).rejects.toMatchObject({
      code: "CONFLICT",
      message: expect.stringContaining("schema lab"),
    });
    await using other = await newLab(true);
    const [locator = ""] = Object.keys(await lab.keys());
    await other.put(locator, "somebody else's");
    await expect(other.restore(file)).rejects.toMatchObject({
      code: "CONFLICT",
      details: { value: locator },
    });
    expect((await other.db.query("SELECT FROM holdfast.upload")).rowCount).toBe(0);
    mkdirSync(join(folder, "alone"));
    await using alone = await Lab.open(await freshDatabase(), [fileStore("cold", join(folder, "alone"))], {
      isEmpty: true,
    });
    await expect(alone.restore(file)).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining("the store main"),
    });
  });

  it("to leave anything visible when it is ended, and goes on when it is run again", async () => {
    await using lab = await newLab();
    for (let count = 0; count < 10; count++) await lab.write();
    await lab.writeCold(Buffer.from("cold"));
    await lab.writeTree("t.zarr", { a: "1", b: "2" });
    const file = join(folder, "resumed.tar");
    await lab.backup(file);
    await using other = await newLab(true);
    let files = 0;
    const dies = (point: string): void => {
      if (point === "restore.file") files += 1;
      if (files === 6 || point === "restore.before-commit") throw new Error(`dead at ${point}`);
    };
    const nothing = async () => {
      expect((await other.db.query("SELECT FROM pg_namespace WHERE nspname = 'lab'")).rowCount).toBe(0);
      expect((await other.db.query("SELECT FROM holdfast.object")).rowCount).toBe(0);
    };
    await expect(other.restore(file, dies)).rejects.toThrow("dead at restore.file");
    expect(Object.keys(await other.keys())).toHaveLength(6);
    await nothing();
    files = 100;
    await expect(other.restore(file, dies)).rejects.toThrow("dead at restore.before-commit");
    await nothing();
    await other.restore(file);
    expect(await other.keys()).toEqual(await lab.keys());
    expect((await other.rows())["lab.sample"]).toEqual((await lab.rows())["lab.sample"]);
  });

  it("bytes of others under its keys, also when it goes on", async () => {
    await using lab = await newLab();
    for (let count = 0; count < 4; count++) await lab.write();
    const file = join(folder, "others.tar");
    await lab.backup(file);
    await using other = await newLab(true);
    const dies = (point: string): void => {
      if (point === "restore.file") throw new Error("dead");
    };
    await expect(other.restore(file, dies)).rejects.toThrow("dead");
    const mine = await other.keys();
    const theirs = Object.keys(await lab.keys()).find((key) => !(key in mine)) ?? "";
    await other.put(theirs, "somebody else's");
    await expect(other.restore(file)).rejects.toMatchObject({ code: "CONFLICT", details: { value: theirs } });
  });
});
