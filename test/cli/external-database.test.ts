/** `start` on a database of the user's own, and on one that goes away. */

import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";
import { graphql, holdfast, type RunningService, startHoldfast } from "../acceptance/support/process.ts";
import { freshDatabase } from "../support/database.ts";
import { layCable } from "./support/cable.ts";

// Each step is a process of its own: seconds on an idle machine, more on a busy one.
vi.setConfig({ testTimeout: 90_000 });

const folder = mkdtempSync(join(tmpdir(), "holdfast-external-"));
const databaseUrl = await freshDatabase();
const command = resolve(import.meta.dirname, "../../dist/src/cli/holdfast.js");
const file = join(folder, "schema.graphql");
const schema = (fields: string) => `type Sample @table { sampleId: Int! @key ${fields} }`;
const running: RunningService[] = [];

async function start(args: readonly string[], env: Record<string, string>): Promise<RunningService> {
  const service = await startHoldfast(["--port", "0", ...args], { cwd: folder, env });
  running.push(service);
  return service;
}

afterAll(async () => {
  for (const service of running) await service.end("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

/** The cable lies in this process, which must not stand still meanwhile. */
function holdfastAsync(
  args: readonly string[],
  env: Record<string, string>,
): Promise<{ code: number; err: string }> {
  return new Promise((done) => {
    const options = { cwd: folder, env: { ...process.env, PGHOST: "", HOLDFAST_DATA: "", ...env } };
    execFile(process.execPath, [command, ...args], options, (error, _, err) =>
      done({ code: error === null ? 0 : Number(error.code), err }),
    );
  });
}

const samples = (url: string) => graphql(url, "{ samples { totalCount } }");

describe("start on a DATABASE_URL", () => {
  const env = { DATABASE_URL: databaseUrl };

  it("shows the plan, changes nothing, and says so to who asks whether it is ready", async () => {
    writeFileSync(file, schema("label: String"));
    const service = await start([], env);
    expect(service.log()).toContain("pending: Create table lab.sample");
    expect(service.log()).toContain("next: holdfast apply");
    expect(service.ready).toMatchObject({ database: "external" });
    expect(JSON.stringify(service.ready)).not.toContain(new URL(databaseUrl).password);
    const ready = await fetch(`${service.url}/readyz`);
    expect(ready.status).toBe(503);
    expect(await ready.text()).toContain("holdfast plan");
    const lacking = await samples(service.url);
    expect(lacking.status).toBe(503);
    expect(lacking.errors?.[0]?.extensions).toMatchObject({ code: "SCHEMA_DRIFT" });
    expect(lacking.errors?.[0]?.message).toContain("lab.sample");
    expect(readFileSync(join(folder, "data/server.json"), "utf8")).not.toContain(
      new URL(databaseUrl).password,
    );
    expect(holdfast(["apply"], { cwd: folder, env }).code).toBe(0);
    expect((await fetch(`${service.url}/readyz`)).status).toBe(200);
    expect((await samples(service.url)).data).toEqual({ samples: { totalCount: 0 } });
    expect(await service.end("SIGTERM")).toBe(0);
    expect(existsSync(join(folder, "data/server.json"))).toBe(false);
  });

  it("applies with --apply, but never what removes data", async () => {
    writeFileSync(file, schema("label: String weight: Float"));
    const service = await start(["--apply"], env);
    expect(service.log()).toContain("applied: Add column lab.sample.weight");
    await service.end("SIGTERM");
    writeFileSync(file, schema("label: String"));
    const held = await start(["--apply"], env);
    expect(held.log()).toContain("DESTRUCTIVE");
    expect((await samples(held.url)).errors).toBeUndefined();
    await held.end("SIGTERM");
    writeFileSync(file, schema("label: String weight: Float"));
  });

  it("goes on when the database comes back, also with the schema", async () => {
    const cable = await layCable(databaseUrl);
    const env = { DATABASE_URL: cable.url };
    const service = await start([], env);
    await cable.cut();
    writeFileSync(file, schema("label: String weight: Float room: String"));
    const failed = await holdfastAsync(["apply", "--json"], env);
    expect(failed.code).toBe(6);
    expect(JSON.parse(failed.err)).toMatchObject({
      error: { code: "DATABASE_UNAVAILABLE", retryable: true },
    });
    expect((await fetch(`${service.url}/readyz`)).status).toBe(503);
    expect((await fetch(`${service.url}/healthz`)).status).toBe(200);
    expect((await samples(service.url)).errors?.[0]?.extensions["code"]).toBe("DATABASE_UNAVAILABLE");
    await cable.mend();
    expect((await holdfastAsync(["apply"], env)).code).toBe(0);
    expect((await graphql(service.url, "{ samples { nodes { room } } }")).errors).toBeUndefined();
    expect(await service.end("SIGTERM")).toBe(0);
    await cable.cut();
  });
});

describe("start on the embedded database", () => {
  it("holds the plan with --no-apply", async () => {
    const service = await start(["--no-apply", "--data", join(folder, "held")], {});
    expect(service.log()).toContain("pending: Create table lab.sample");
    expect(service.ready).toMatchObject({ database: "embedded" });
    await service.end("SIGTERM");
  });

  it("ends with exit code 6 when the database ends by itself, and starts again", async () => {
    const data = ["--data", join(folder, "killed")];
    const service = await start(data, {});
    const lines = readFileSync(join(folder, "killed/postgres/cluster/postmaster.pid"), "utf8").split("\n");
    process.kill(Number(lines[0]), "SIGKILL");
    const code = await new Promise((done) => service.child.once("exit", done));
    expect(code).toBe(6);
    expect(service.log()).toContain("ended by itself (killed)");
    expect(existsSync(join(folder, "killed/server.json"))).toBe(false);
    const again = await start(data, {});
    expect((await samples(again.url)).errors).toBeUndefined();
    await again.end("SIGTERM");
  });
});
