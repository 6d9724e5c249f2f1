import { type ChildProcess, spawn } from "node:child_process";
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { Client } from "pg";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { lockData } from "../../src/db/data-lock.ts";
import {
  type EmbeddedOptions,
  type EmbeddedPostgres,
  freePort,
  startEmbedded,
} from "../../src/db/embedded.ts";
import { processIdentity } from "../../src/db/process-identity.ts";
import { freshDatabase } from "../support/database.ts";

const isRoot = process.getuid?.() === 0;
const throwAway = ["fsync=off", "full_page_writes=off"];

let folder: string;
let running: EmbeddedPostgres[];
let helpers: ChildProcess[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "holdfast-embedded-"));
  running = [];
  helpers = [];
});
afterEach(async () => {
  for (const helper of helpers) helper.kill("SIGKILL");
  await Promise.all(running.map((server) => server.stop()));
  await rm(folder, { recursive: true, force: true });
});

async function start(options: Partial<EmbeddedOptions> = {}): Promise<EmbeddedPostgres> {
  const server = await startEmbedded({ folder: join(folder, "data"), settings: throwAway, ...options });
  running.push(server);
  return server;
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

/** A helper program; resolves with the first line that it prints. */
function helper(command: string, args: string[]): Promise<{ child: ChildProcess; line: string }> {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  helpers.push(child);
  return new Promise((done, failed) => {
    child.once("error", failed);
    child.stdout?.once("data", (data: Buffer) => done({ child, line: data.toString("utf8").trim() }));
  });
}

/** A process in another program that starts the server in `data`, writes a row and stays. */
async function otherOwner(): Promise<{ child: ChildProcess; server: number }> {
  const module = resolve(import.meta.dirname, "../../src/db/embedded.ts");
  const program = `
    import { startEmbedded } from ${JSON.stringify(module)};
    import pg from "pg";
    const server = await startEmbedded({ folder: ${JSON.stringify(join(folder, "data"))} });
    const client = new pg.Client({ connectionString: server.url });
    client.on("error", () => {});
    await client.connect();
    await client.query("CREATE TABLE kept (id int); INSERT INTO kept VALUES (42)");
    console.log(server.pid);
    setInterval(() => {}, 1000);`;
  const path = resolve(import.meta.dirname, "../..");
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
    cwd: path,
    stdio: ["ignore", "pipe", "inherit"],
  });
  helpers.push(child);
  const line = await new Promise<string>((done) =>
    child.stdout?.once("data", (data: Buffer) => done(String(data))),
  );
  return { child, server: Number(line) };
}

async function zombie(): Promise<number> {
  // The shell's child ends at once, and the program that the shell becomes never asks for it.
  const { line } = await helper("/bin/sh", ["-c", "sleep 0 & echo $!; exec sleep 600"]);
  const pid = Number(line);
  while (processIdentity(pid) !== undefined) await new Promise((done) => setTimeout(done, 10));
  return pid;
}

describe("startEmbedded", () => {
  it("serves PostgreSQL 18 with checksums on the loopback", async () => {
    const [row] = await query(
      await freshDatabase(),
      "SELECT current_setting('server_version') AS version, current_setting('data_checksums') AS sums",
    );
    expect(row?.["version"]).toMatch(/^18\./);
    expect(row?.["sums"]).toBe("on");
  });

  it("keeps the data over a restart, and its folder to its user", async () => {
    const first = await start();
    await query(first.url, "CREATE TABLE kept AS SELECT 42 AS id");
    await first.stop();
    const second = await start();
    expect([first.created, second.created]).toEqual([true, false]);
    expect(await query(second.url, "SELECT id FROM kept")).toEqual([{ id: 42 }]);
    for (const name of ["data", "data/cluster"])
      expect((await stat(join(folder, name))).mode & 0o077).toBe(0);
    for (const name of ["data/password", "data/owner.json"])
      expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
  });

  it("names the living process that owns the folder", async () => {
    const server = await start();
    await expect(start()).rejects.toMatchObject({
      code: "DATA_IN_USE",
      message: `Process ${process.pid} is using the data folder, listening at 127.0.0.1:${server.port}.`,
    });
    expect(await query(server.url, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  it("goes on after a kill -9 of its owner, with the server still running", async () => {
    const owner = await otherOwner();
    await expect(start()).rejects.toMatchObject({ code: "DATA_IN_USE", details: { value: owner.child.pid } });
    owner.child.kill("SIGKILL");
    const server = await start();
    expect(server.pid).not.toBe(owner.server);
    expect(processIdentity(owner.server)).toBeUndefined();
    expect(await query(server.url, "SELECT id FROM kept")).toEqual([{ id: 42 }]);
  });

  it("goes on after a kill -9 of owner and server", async () => {
    const owner = await otherOwner();
    owner.child.kill("SIGKILL");
    process.kill(owner.server, "SIGKILL");
    const server = await start();
    expect(await query(server.url, "SELECT id FROM kept")).toEqual([{ id: 42 }]);
  });

  it.each([
    ["a zombie", zombie],
    [
      "another program",
      async () => (await helper("/bin/sh", ["-c", "echo $$; exec sleep 600"])).child.pid ?? 0,
    ],
  ])("is not held up by a left lock file whose number is now that of %s", async (_, make) => {
    const first = await start();
    await query(first.url, "CREATE TABLE kept AS SELECT 42 AS id");
    const lockFile = join(folder, "data/cluster/postmaster.pid");
    const [, ...rest] = (await readFile(lockFile, "utf8")).split("\n");
    await first.stop();
    const pid = await make();
    await writeFile(lockFile, [pid, ...rest].join("\n"), { mode: 0o600 });
    const second = await start();
    expect(await query(second.url, "SELECT id FROM kept")).toEqual([{ id: 42 }]);
  });

  it("is not held up by a left lock file that was cut off", async () => {
    await (await start()).stop();
    await writeFile(join(folder, "data/cluster/postmaster.pid"), "");
    expect((await start()).created).toBe(false);
  });

  it("does not wait for ever for a connection that does not end", async () => {
    const server = await start({ stopTimes: { fastMs: 200, immediateMs: 20_000 } });
    const client = new Client({ connectionString: server.url });
    client.on("error", () => undefined);
    await client.connect();
    const { rows } = await client.query("SELECT pg_backend_pid() AS pid");
    process.kill(rows[0].pid, "SIGSTOP");
    await server.stop();
    expect(await server.exited).not.toBeNull();
    expect(processIdentity(rows[0].pid)).toBeUndefined();
  });

  it("names a port that is taken", async () => {
    const port = await freePort();
    const other = createServer();
    await new Promise<void>((done) => other.listen(port, "127.0.0.1", done));
    await expect(start({ port })).rejects.toMatchObject({ code: "ADDRESS_IN_USE" });
    await new Promise((done) => other.close(done));
    expect((await start({ port })).port).toBe(port);
  });

  it("says what is wrong with a data folder that cannot be one", async () => {
    await writeFile(join(folder, "file"), "");
    await expect(start({ folder: join(folder, "file/data") })).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      details: { field: "HOLDFAST_DATA", remedy: "Set HOLDFAST_DATA to a folder." },
    });
  });

  it("refuses the cluster of another PostgreSQL version, with the steps from one to the other", async () => {
    await (await start()).stop();
    await writeFile(join(folder, "data/cluster/PG_VERSION"), "17\n");
    await expect(start()).rejects.toMatchObject({
      code: "DATABASE_INCOMPATIBLE",
      message: expect.stringMatching(/data\/cluster was made by PostgreSQL 17, and this Holdfast brings \d+/),
      details: {
        value: "17",
        remedy: expect.stringMatching(/1\. .*holdfast backup .* 2\. .*holdfast --data NEW restore/),
      },
    });
    // Nothing was touched: with its own version it starts as it was.
    await writeFile(join(folder, "data/cluster/PG_VERSION"), "18\n");
    await (await start()).stop();
  });

  it("starts again after it could not", async () => {
    await expect(start({ settings: ["shared_buffers=nonsense"] })).rejects.toMatchObject({
      code: "DATABASE_UNAVAILABLE",
      message: expect.stringContaining("shared_buffers"),
    });
    expect((await start()).created).toBe(false);
  });
});

describe("startEmbedded as root", () => {
  it("runs as an account of the machine where there are no user namespaces", async () => {
    await chmod(folder, 0o755);
    const first = await start({ folder: join(folder, "deep/data"), runAs: "account" });
    await query(first.url, "CREATE TABLE kept AS SELECT 42 AS id");
    const owner = (await stat(join(folder, "deep/data/cluster"))).uid;
    expect(owner === 0).toBe(false);
    await first.stop();
    const second = await start({ folder: join(folder, "deep/data"), runAs: "namespace" });
    expect(await query(second.url, "SELECT id FROM kept")).toEqual([{ id: 42 }]);
    expect((await stat(join(folder, "deep/data/cluster"))).uid).toBe(process.getuid?.());
  });

  it("lets this account, and nobody else, pass through the data folder that this process holds", async () => {
    await chmod(folder, 0o755);
    const held = join(folder, "held");
    await mkdir(held, { mode: 0o700 });
    const lock = await lockData(held);
    const server = await start({ folder: relative("", join(held, "new/data")), runAs: "account" });
    expect(await query(server.url, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
    for (const name of ["held", "held/new"]) expect((await stat(join(folder, name))).mode & 0o067).toBe(0);
    await lock.release();
  });

  it("names the folder on the way that this account cannot enter", async () => {
    const closed = join(folder, "closed");
    await chmod(folder, 0o755);
    await mkdir(closed, { mode: 0o700 });
    const starting = start({ folder: join(closed, "data"), runAs: "account" });
    if (!isRoot) return expect((await starting).created).toBe(true);
    await expect(starting).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining(`cannot enter ${closed}`),
      details: { remedy: expect.stringContaining(`chmod a+x ${closed}`) },
    });
    expect((await start({ folder: join(closed, "data"), runAs: "namespace" })).created).toBe(true);
  });
});
