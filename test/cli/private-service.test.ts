/** Commands when no server runs: a private one for the call, alone, and never left behind. */

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";
import { holdfast } from "../acceptance/support/process.ts";
import { freshDatabase } from "../support/database.ts";

// Each step is a process of its own: seconds on an idle machine, more on a busy one.
vi.setConfig({ testTimeout: 90_000 });

const folder = mkdtempSync(join(tmpdir(), "holdfast-private-"));
const schema = "type Sample @table { sampleId: Int! @key  label: String }";
writeFileSync(join(folder, "schema.graphql"), schema);
const postmaster = join(folder, "data/postgres/cluster/postmaster.pid");
const databaseUrl = await freshDatabase();

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const command = resolve(import.meta.dirname, "../../dist/src/cli/holdfast.js");

function launch(args: readonly string[]): { child: ChildProcess; ended: Promise<number | null> } {
  const child = spawn(process.execPath, [command, ...args], {
    cwd: folder,
    env: { ...process.env, DATABASE_URL: "", PGHOST: "" },
    stdio: "ignore",
  });
  return { child, ended: new Promise((done) => child.once("exit", (code) => done(code))) };
}

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

describe("a command without a server", () => {
  it("is interrupted with exit code 130, at any moment, and stops its database", async () => {
    for (const afterMs of [0, 250, 500]) {
      const { child, ended } = launch(["stores"]);
      while (!existsSync(join(folder, "data/owner.json")) && child.exitCode === null) await pause(5);
      await pause(afterMs);
      child.kill("SIGINT");
      // The last may come when the work is done: then it is 0, or the signal itself ends what is left of the process.
      expect(afterMs === 0 ? [130] : [130, 0, null]).toContain(await ended);
      expect(existsSync(postmaster)).toBe(false);
      expect(existsSync(join(folder, "data/owner.json"))).toBe(false);
    }
  });

  it("starts a private one, does its work, and stops it", () => {
    expect(holdfast(["plan", "--json"], { cwd: folder })).toMatchObject({ code: 4, err: "" });
    expect(holdfast(["apply", "--json"], { cwd: folder })).toMatchObject({ code: 0, err: "" });
    expect(holdfast(["drift"], { cwd: folder })).toMatchObject({ code: 0 });
    expect(existsSync(postmaster)).toBe(false);
    expect(existsSync(join(folder, "data/server.json"))).toBe(false);
  });

  it("waits for another that does the same", async () => {
    const ended = [1, 2, 3].map(() => launch(["stores"]).ended);
    expect(await Promise.all(ended)).toEqual([0, 0, 0]);
  });

  it("works on a DATABASE_URL, also where tokens are asked for, and leaves no token behind", () => {
    const env = { DATABASE_URL: databaseUrl, HOLDFAST_DATA: join(folder, "other"), HOST: "0.0.0.0" };
    const before = readdirSync(tmpdir()).filter((name) => name.startsWith("holdfast-"));
    expect(holdfast(["plan", "--json"], { cwd: folder, env })).toMatchObject({ code: 4, err: "" });
    expect(holdfast(["apply", "--json"], { cwd: folder, env })).toMatchObject({ code: 0, err: "" });
    expect(holdfast(["plan", "--json"], { cwd: folder, env })).toMatchObject({ code: 0, out: "[]\n" });
    const after = readdirSync(tmpdir()).filter((name) => /^holdfast-[A-Za-z0-9]{6}$/.test(name));
    expect(after.filter((name) => !before.includes(name))).toEqual([]);
  });
});

describe("doctor", () => {
  it("names what is wrong, with what to do, and fails", () => {
    const env = { DATABASE_URL: "postgresql://someone:secret@127.0.0.1:1/none" };
    const { code, out, err } = holdfast(["doctor", "--json"], { cwd: folder, env });
    expect({ code, err }).toEqual({ code: 1, err: "" });
    const wrong = (JSON.parse(out) as { check: string; ok: boolean; message: string }[]).filter(
      ({ ok }) => !ok,
    );
    expect(wrong.map(({ check }) => check)).toEqual(["database", "clock"]);
    expect(out).not.toContain("secret");
    expect(holdfast(["doctor"], { cwd: tmpdir() })).toMatchObject({
      code: 1,
      out: expect.stringMatching(/PROBLEM +schema file.*holdfast init/),
    });
  });
});
