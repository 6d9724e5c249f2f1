/** `holdfast adopt` as its user calls it: a look, the work through deaths of its process, what the service says then, and the way back. */

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { connect, type PostgresDatabase } from "../../src/db/database.ts";
import { graphql, holdfast, startHoldfast } from "../acceptance/support/process.ts";
import { freshDatabase } from "../support/database.ts";
import { schemaState } from "../support/schema-state.ts";
import { peerSchemas } from "./laboratory.ts";

// Each step is a process of its own.
vi.setConfig({ testTimeout: 120_000 });

const fixture = join(import.meta.dirname, "../fixtures/datajoint");
const folder = mkdtempSync(join(tmpdir(), "holdfast-adopt-command-"));
const args = peerSchemas.flatMap((name) => ["--schema", name]);
let db: PostgresDatabase;
let url = "";
let before: readonly string[];

beforeAll(async () => {
  url = await freshDatabase();
  db = await connect(url);
  await db.transaction(async (transaction) => {
    await transaction.query(readFileSync(join(fixture, "dump.sql"), "utf8"));
    await transaction.query("RESET search_path");
  });
  cpSync(join(fixture, "store"), join(folder, "store"), { recursive: true });
  writeFileSync(
    join(folder, "datajoint.json"),
    JSON.stringify({
      stores: {
        default: "main",
        filepath_default: "main",
        main: { protocol: "file", location: join(folder, "store/main") },
        cold: {
          ...{ protocol: "file", location: join(folder, "store/cold") },
          ...{ hash_prefix: "blobs", schema_prefix: "arrays", filepath_prefix: "raw", subfolding: [2, 2] },
        },
      },
    }),
  );
  before = await schemaState(db, peerSchemas);
});
afterAll(async () => {
  await db.close();
  rmSync(folder, { recursive: true, force: true });
});

const run = (more: readonly string[], env: Record<string, string> = {}) =>
  holdfast(["adopt", ...args, ...more], { cwd: folder, env: { DATABASE_URL: url, ...env } });
const call = (args: readonly string[]) => holdfast(args, { cwd: folder, env: { DATABASE_URL: url } });
const guard = async () => (await db.query("SELECT what FROM holdfast.guard")).rowCount;

describe("holdfast adopt", () => {
  it("looks first, and makes nothing", async () => {
    const { code, out, err } = run([]);
    expect({
      code,
      told: err.includes("nothing was changed; next: holdfast adopt --schema djf_lab"),
    }).toEqual({
      code: 4,
      told: true,
    });
    expect(out).toContain("djf_lab._scan: ");
    expect(out).toContain("  frames <npy@>, ");
    expect(out).toContain(": not adopted; to do: hidden reference, check and trigger, foreign key, index");
    const told = JSON.parse(run(["--json", "--no-bytes"]).out);
    expect(told).toMatchObject({ applied: false, schemas: peerSchemas, notes: [] });
    expect(told.tables.length).toBeGreaterThan(4);
    expect(await schemaState(db, peerSchemas)).toEqual(before);
    expect((await db.query("SELECT FROM pg_namespace WHERE nspname = 'holdfast'")).rowCount).toBe(0);
  });

  it("goes on where its process was killed, until all is adopted", async () => {
    for (const fault of ["adopt.before-commit:kill:4", "adopt.before-step:kill:7"])
      expect(run(["--apply"], { HOLDFAST_FAULT: fault }).code).toBe(null);
    expect(await guard()).toBeGreaterThan(0);
    rmSync(join(folder, "store/main/_schema/djf_lab"), { recursive: true });
    const done = run(["--apply"]);
    expect(done.code).toBe(5);
    expect(done.out).toContain("its bytes are not in the store");
    expect(done.err).toContain("rows are without their bytes");
    expect(await guard()).toBe(0);
    expect(run(["--apply"])).toMatchObject({ code: 0, out: expect.not.stringContaining("done:") });
  });

  it("leaves the service one that reads, until apply", async () => {
    const schema = holdfast(["introspect", ...args, "--out", "schema.graphql"], {
      cwd: folder,
      env: { DATABASE_URL: url },
    });
    expect(schema.code).toBe(0);
    const service = await startHoldfast(["--port", "0", "--no-watch"], {
      cwd: folder,
      env: { DATABASE_URL: url },
    });
    try {
      expect(service.log()).toContain("The service only reads: its tables were made by others");
      const refused = await graphql(
        service.url,
        "mutation { createFeed(input: {feed: 9, v: 1}) { feed { feed } } }",
      );
      expect(refused.errors?.[0]?.extensions).toMatchObject({ code: "FORBIDDEN" });
      expect(await graphql(service.url, "{ scans(first: 5) { nodes { subject } } }")).toMatchObject({
        status: 200,
      });
    } finally {
      await service.end("SIGTERM");
    }
  });

  it("takes it back, through a death too; the collector stops", async () => {
    expect(run(["--undo"])).toMatchObject({
      code: 4,
      out: expect.stringContaining("to drop: hidden column"),
    });
    expect(run(["--undo", "--apply"], { HOLDFAST_FAULT: "adopt.before-commit:kill:3" }).code).toBe(null);
    const undone = run(["--undo", "--apply"]);
    expect({ code: undone.code, told: undone.err.includes("The objects stay.") }).toEqual({
      code: 0,
      told: true,
    });
    expect(await schemaState(db, peerSchemas)).toEqual(before);
    // What rows refer to and nothing guards is deleted by nobody, whatever is confirmed.
    const collected = call(["gc", "--apply", "--confirm"]);
    expect(collected.code).toBe(4);
    expect(collected.out).toContain("djf_lab._scan.frames: column without reference");
    expect((await db.query("SELECT FROM holdfast.tombstone")).rowCount).toBe(0);
  });

  it("is told what is wrong in a call", () => {
    expect(run(["--undo"])).toMatchObject({ code: 0, out: expect.stringContaining("Nothing was added") });
    const wrong = (more: readonly string[]) => call(["adopt", ...more]);
    expect(wrong([])).toMatchObject({ code: 2, err: expect.stringContaining("--schema") });
    expect(wrong(["--schema", "nowhere"])).toMatchObject({
      code: 3,
      err: expect.stringContaining("djf_lab"),
    });
    expect(wrong(["--schema", "djf_lab", "--max-lock", "soon"])).toMatchObject({
      code: 2,
      err: expect.stringContaining("--max-lock"),
    });
  });
});

describe("holdfast lineage", () => {
  it("tells what is wrong, and mends it when it is told to", async () => {
    const lineage = (more: readonly string[]) => call(["lineage", "--schema", "djf_lab", ...more]);
    await db.query(`DELETE FROM djf_lab."~lineage" WHERE table_name = 'session'`);
    await db.query(`INSERT INTO djf_lab."~lineage" VALUES ('nothing', 'x', 'a.b.c')`);
    const told = lineage([]);
    expect(told.code).toBe(4);
    expect(told.out.trim().split("\n")).toEqual([
      "djf_lab.nothing.x: left over a.b.c",
      "djf_lab.session.subject: missing djf_lab.subject.subject",
      "djf_lab.session.session_date: missing djf_lab.session.session_date",
    ]);
    const { schemas } = JSON.parse(lineage(["--apply", "--json"]).out);
    expect(schemas[0].faults.length).toBe(3);
    expect(await schemaState(db, peerSchemas)).toHaveLength(before.length);
    expect(lineage([])).toMatchObject({ code: 0, out: "The lineage of djf_lab is as it should be.\n" });
    expect(call(["lineage"])).toMatchObject({ code: 2, err: expect.stringContaining("--schema") });
  });
});
