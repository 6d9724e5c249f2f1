/** The collector from the command line, against one running service: what is printed, exit codes, one JSON document, Ctrl-C. */

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";
import { graphql, holdfast, startHoldfast } from "../acceptance/support/process.ts";
import { stranger } from "../live/laboratory.ts";
import { freshDatabase } from "../support/database.ts";

// Each step is a process of its own: seconds on an idle machine, more on a busy one.
vi.setConfig({ testTimeout: 120_000 });

const folder = mkdtempSync(join(tmpdir(), "holdfast-collect-"));
writeFileSync(
  join(folder, "schema.graphql"),
  `extend schema @database(schema: "lab")
   type Sample @table { sampleId: Int! @key  trace: NdArray @codec(name: "npy", store: "default") }`,
);
const databaseUrl = await freshDatabase();
const sql = await stranger(databaseUrl);
const env = { DATABASE_URL: databaseUrl, HOLDFAST_JOBS: "off" };
const service = await startHoldfast(["--port", "0", "--apply"], { cwd: folder, env });
afterAll(async () => {
  await service.end("SIGTERM");
  rmSync(folder, { recursive: true, force: true });
});

const run = (...args: string[]) => holdfast(args, { cwd: folder, env });

/** The one document of a command that ends with `code`. */
// biome-ignore lint/suspicious/noExplicitAny: every command has its own shape
function json(code: number, ...args: string[]): any {
  const ended = run(...args, "--json");
  expect({ code: ended.code, err: ended.err }).toEqual({ code, err: "" });
  return JSON.parse(ended.out);
}

/** The error of a command that must fail. */
function fault(...args: string[]): { code: number | null; error: Record<string, unknown> } {
  const { code, out, err } = run(...args, "--json");
  expect(out).toBe("");
  return { code, ...JSON.parse(err) };
}

async function create(sampleId: number): Promise<string> {
  const made = await graphql(
    service.url,
    `mutation { createSample(input: {sampleId: ${sampleId}, trace: {values: {dtype: "int16", shape: [1], data: [1]}}}) { sample { sampleId } } }`,
  );
  expect(made.errors).toBeUndefined();
  return json(0, "objects", "--prefix", `main:_schema/lab/sample/sample_id=${sampleId}/`).nodes[0].locator;
}

const fileOf = (locator: string) => join(folder, "data/stores/main", locator.slice("main:".length));

const kept = await create(1);
const unused = await create(2);
await graphql(service.url, "mutation { deleteSample(key: {sampleId: 2}) { sample { sampleId } } }");

describe("policies", () => {
  it("are shown, and changed by the words of people", () => {
    expect(run("stores", "policy").out).toMatch(
      /^store +mode +grace +keep +drain\nmain +report +7d +30d +30m\n$/,
    );
    expect(json(0, "stores", "policy", "main", "--keep", "2w")).toEqual([
      { store: "main", mode: "REPORT", graceSeconds: 604_800, keepSeconds: 1_209_600, drainSeconds: 1800 },
    ]);
    expect(run("stores", "policy", "main").out).toContain(" 14d ");
  });

  it.each([
    [["stores", "policy", "main", "--grace", "seven days"], "--grace"],
    [["stores", "policy", "main", "--grace", "-1d"], "--grace"],
    [["stores", "policy", "main", "--keep", "4000d"], "--keep"],
    [["stores", "policy", "main", "--drain", "9m"], "drainSeconds"],
    [["stores", "policy", "main", "--mode", "yes"], "--mode"],
    [["stores", "policy", "--mode", "on"], "name"],
    [["stores", "policy", "mian"], "name"],
    [["gc", "--confirm"], "--confirm"],
    [["fsck", "--scrub", "2"], "--scrub"],
    [["fsck", "--scrub", ""], "--scrub"],
  ])("%j is refused by name", (args, field) => {
    expect(fault(...args)).toMatchObject({ code: 2, error: { field, remedy: expect.stringMatching(/\w/) } });
  });

  it("of a store that is not configured is not to be set", () => {
    expect(fault("stores", "policy", "mian", "--grace", "1d")).toMatchObject({
      code: 2,
      error: { code: "STORE_UNKNOWN" },
    });
    expect(fault("gc", "--store", "mian")).toMatchObject({ code: 2, error: { code: "STORE_UNKNOWN" } });
  });
});

describe("gc", () => {
  it("tells what it would do, on one screen, and what to type next", () => {
    const { code, out, err } = run("gc");
    expect(code).toBe(0);
    expect(out).toMatch(/nothing was changed/);
    expect(out).toMatch(/^condemn +1 +objects that nothing holds/m);
    expect(out).toMatch(/^mode +report/m);
    expect(out).toContain("(MODE)");
    expect(out.split("\n").length).toBeLessThan(25);
    expect(err).toBe("next: holdfast gc --apply --confirm\n");
    expect(json(0, "objects", "--condemned").nodes).toEqual([]);
  });

  it("explains each decision, in lines and in one document", () => {
    const { out } = run("gc", "--explain");
    expect(out).toMatch(new RegExp(`^condemn +${unused} \\(.+\\): No schema holds it`, "m"));
    const document = json(0, "gc", "--explain");
    expect(document.decisions).toContainEqual(expect.objectContaining({ step: "condemn", locator: unused }));
    expect(document).toMatchObject({ state: "DONE", isApplied: false, collected: [{ store: "main" }] });
  });

  it("waits for confirmation with 4, also of a script", () => {
    const { code, out, err } = run("gc", "--apply");
    expect(code).toBe(4);
    expect(out).toMatch(/stopped by doubts[\s\S]*^stopped; .+: main$/m);
    expect(err).toContain("next: holdfast gc --apply --confirm");
    expect(json(4, "gc", "--apply").doubts.map((doubt: { code: string }) => doubt.code)).toContain("MODE");
  });

  it("condemns, then kills when the grace is over; Ctrl-C before that stops the run itself", async () => {
    expect(run("gc", "--apply", "--confirm").code).toBe(0);
    expect(json(0, "objects", "--condemned").nodes).toMatchObject([{ locator: unused }]);
    expect(run("objects", "show", unused).out).toMatch(
      /held by nothing[\s\S]*condemned 20[\s\S]*condemn by anonymous, run/,
    );
    expect(json(0, "stores", "policy", "main", "--grace", "0s")).toMatchObject([{ graceSeconds: 0 }]);
    // Shorter than any policy may be: the test does not wait for it.
    await sql.query("UPDATE holdfast.store SET drain = '0' WHERE name = 'main'");

    await sql.query("BEGIN");
    await sql.query("LOCK TABLE holdfast.store IN ACCESS EXCLUSIVE MODE");
    const command = resolve(import.meta.dirname, "../../dist/src/cli/holdfast.js");
    const child = spawn(process.execPath, [command, "gc", "--apply"], {
      cwd: folder,
      env: { ...process.env, ...env },
    });
    const ended = new Promise((done) => child.once("exit", done));
    const running = "SELECT id FROM holdfast.collector_run WHERE state = 'RUNNING'";
    await expect.poll(async () => (await sql.query(running)).rowCount, { timeout: 30_000 }).toBe(1);
    const [begun] = (await sql.query(running)).rows;
    child.kill("SIGINT");
    expect(await ended).toBe(130);
    await sql.query("ROLLBACK");
    await expect.poll(async () => (await sql.query(running)).rowCount, { timeout: 30_000 }).toBe(0);
    const stopped = await sql.query("SELECT 1 FROM holdfast.audit WHERE run = $1", [begun.id]);
    expect(stopped.rowCount).toBe(0);

    const { code, out, err } = run("gc", "--apply");
    expect(code).toBe(0);
    expect(out).toMatch(/^kill +1 /m);
    expect(out).toMatch(/^hide +1 \(\d+ bytes\)/m);
    expect(err).toContain("undo: holdfast revive <locator>");
    expect(existsSync(fileOf(unused))).toBe(false);
    expect(run("gc").err).toBe("");
  });
});

describe("what was removed", () => {
  it("is listed, shown with its history, and comes back", () => {
    expect(json(0, "objects", "--removed").nodes).toMatchObject([{ locator: unused, state: "HIDDEN" }]);
    expect(run("objects", "--removed", "--store", "other").out.trim().split("\n").length).toBe(1);
    const shown = run("objects", "show", unused);
    expect(shown.code).toBe(3);
    expect(shown.out).toMatch(/no object any more[\s\S]*in the trash since[\s\S]*kill by anonymous/);
    expect(shown.err).toContain("next: holdfast revive");
    const revived = json(3, "revive", unused, "main:_schema/lab/sample/never");
    expect(revived.map(({ outcome }: { outcome: string }) => outcome).sort()).toEqual(["gone", "revived"]);
    expect(existsSync(fileOf(unused))).toBe(true);
    expect(run("revive", kept)).toMatchObject({ code: 0, out: expect.stringContaining("alive") });
    expect(run("objects", "show", unused).code).toBe(0);
    expect(fault("objects", "show", "main:nothing")).toMatchObject({ code: 3, error: { code: "NOT_FOUND" } });
  });
});

describe("fsck", () => {
  it("is content with what is as it should be, and reads it all where that is asked for", () => {
    const { code, out } = run("fsck", "--scrub", "all");
    expect(out).toMatch(/^objects +2 /m);
    expect(out).toMatch(/^scrubbed +\d{3} bytes/m);
    expect(code).toBe(0);
  });

  it("answers damage with 5, by line and as one document", () => {
    rmSync(fileOf(kept));
    const { code, out } = run("fsck");
    expect(code).toBe(5);
    expect(out).toMatch(new RegExp(`^MISSING +${kept}: `, "m"));
    const document = json(5, "fsck", "--apply", "--store", "main");
    expect(document.findings).toContainEqual(
      expect.objectContaining({ kind: "MISSING", locator: kept, outcome: "left" }),
    );
    expect(document.checked).toMatchObject([{ store: "main", lost: 1 }]);
  });
});

describe("without a server", () => {
  it("a private one does it for the call", async () => {
    expect(await service.end("SIGTERM")).toBe(0);
    const { code, out } = run("gc", "--explain");
    expect({ code, out }).toMatchObject({ code: 0, out: expect.stringContaining("Dry run") });
    expect(json(5, "fsck").checked).toMatchObject([{ lost: 1 }]);
  });
});
