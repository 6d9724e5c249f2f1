/** A server that asks for tokens, and a process in which something goes wrong that nobody waits for. */

import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, it, vi } from "vitest";
import { holdfast, type RunningService, startHoldfast } from "../acceptance/support/process.ts";

// Each step is a process of its own: seconds on an idle machine, more on a busy one.
vi.setConfig({ testTimeout: 90_000 });

const root = resolve(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "holdfast-guarded-"));
const running: RunningService[] = [];
afterAll(async () => {
  for (const service of running) await service.end("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

describe("a server that asks for tokens", () => {
  it("starts without one of its own, and serves commands by the right of theirs", async () => {
    copyFileSync(join(root, "schema.graphql"), join(folder, "schema.graphql"));
    const token = (right: string): string =>
      JSON.parse(holdfast(["token", "create", right, "--right", right, "--json"], { cwd: folder }).out).token;
    const [read, admin] = [token("READ"), token("ADMIN")];
    const env = { HOLDFAST_TOKENS: join(folder, "data/tokens"), HOST: "0.0.0.0" };
    const service = await startHoldfast(["--port", "0"], { cwd: folder, env });
    running.push(service);
    expect(service.log()).toContain("The sample laboratory is not loaded: it needs a token");
    const ask = (HOLDFAST_TOKEN: string, ...args: string[]) =>
      holdfast([...args, "--json"], { cwd: folder, env: { HOLDFAST_TOKEN } });
    expect(ask("", "stores")).toMatchObject({ code: 7, err: expect.stringContaining("UNAUTHENTICATED") });
    expect(ask("wrong", "stores")).toMatchObject({ code: 7 });
    expect(ask(read, "stores")).toMatchObject({ code: 0 });
    expect(ask(read, "apply")).toMatchObject({ code: 7, err: expect.stringContaining("ADMIN") });
    expect(ask(admin, "apply")).toMatchObject({ code: 0, out: "[]\n" });
    expect(ask(admin, "sample", "load")).toMatchObject({ code: 0 });
    expect(await service.end("SIGTERM")).toBe(0);
  });
});

describe("guardProcess", () => {
  const guard = pathToFileURL(join(root, "src/cli/start/guard-process.ts")).href;
  const run = (body: string) =>
    spawnSync(
      process.execPath,
      [
        "--input-type=module",
        "--eval",
        `import { guardProcess } from ${JSON.stringify(guard)};
        const say = (level) => ({ err }, text) => console.log(level, text, err.message);
        const guard = guardProcess({ error: say("error"), fatal: say("fatal") });
        ${body}`,
      ],
      { encoding: "utf8", env: { ...process.env, NODE_OPTIONS: "" } },
    );

  it("logs a rejection that nobody waits for, and goes on", () => {
    const { stdout, status } = run(`
      Promise.reject(new Error("lost"));
      setTimeout(() => console.log("still here"), 50);`);
    expect(stdout).toBe("error a rejection that nobody waits for lost\nstill here\n");
    expect(status).toBe(0);
  });

  it("logs an error that nobody caught, and asks for an orderly stop", () => {
    const { stdout, status } = run(`
      setTimeout(() => { throw new Error("thrown"); });
      await guard.failed.catch((error) => console.log("stopping:", error.message));
      guard.dispose();`);
    expect(stdout).toBe("fatal an error that nobody caught; the service stops thrown\nstopping: thrown\n");
    expect(status).toBe(0);
  });
});
