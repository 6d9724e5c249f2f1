/** A PostgreSQL of our own: initialised once in a folder, started on a free port of the loopback, stopped with us. */

import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmod, mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { Client } from "pg";
import { ServiceError } from "../errors.ts";
import { postgresBinaries } from "./binaries.ts";
import { unprivileged } from "./unprivileged.ts";

export interface EmbeddedOptions {
  /** Folder of the database cluster; made when absent. */
  readonly folder: string;
  readonly port?: number;
  /** Extra settings, `name=value`. */
  readonly settings?: readonly string[];
}

export interface EmbeddedPostgres {
  /** URL of the maintenance database `postgres`. */
  readonly url: string;
  readonly port: number;
  /** True when this call initialised the folder. */
  readonly created: boolean;
  /** Process id of the server, for messages. */
  readonly pid: number;
  /** Resolves when the server ends by itself. */
  readonly exited: Promise<number | null>;
  stop(): Promise<void>;
}

/** Starts PostgreSQL in `folder`. @throws {DATA_IN_USE} when another server runs there, {DATABASE_UNAVAILABLE} when it does not come up. */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const binaries = await postgresBinaries();
  const cluster = join(options.folder, "cluster");
  const created = !(await exists(join(cluster, "PG_VERSION")));
  if (created) await initialise(binaries.initdb, options.folder, cluster);
  const password = (await readFile(join(options.folder, "password"), "utf8")).trim();
  const port = options.port ?? (await freePort());
  const server = launch(binaries.postgres, cluster, port, options.settings ?? []);
  const url = `postgresql://postgres:${password}@127.0.0.1:${port}/postgres`;
  await ready(url, server, cluster);
  return {
    url,
    port,
    created,
    pid: server.child.pid ?? 0,
    exited: server.exited,
    stop: async () => {
      server.child.kill("SIGINT");
      await server.exited;
    },
  };
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

async function initialise(initdb: string, folder: string, cluster: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const passwordFile = join(folder, "password");
  await writeFile(passwordFile, `${randomBytes(18).toString("base64url")}\n`, { mode: 0o600 });
  const fresh = `${cluster}.new`;
  await rm(fresh, { recursive: true, force: true });
  const flags = ["-D", fresh, "-U", "postgres", `--pwfile=${passwordFile}`, "--auth=scram-sha-256"];
  const start = unprivileged(initdb, [
    ...flags,
    "--encoding=UTF8",
    "--locale=C",
    "--data-checksums",
    "--no-sync",
    "--no-instructions",
  ]);
  const child = spawn(start.command, start.args, { stdio: ["ignore", "ignore", "pipe"] });
  const errors = collect(child);
  const code = await exitOf(child);
  if (code !== 0) {
    throw new ServiceError("DATABASE_UNAVAILABLE", `initdb failed in ${folder}: ${errors.text.trim()}`);
  }
  await chmod(fresh, 0o700);
  await rename(fresh, cluster);
}

interface Launched {
  readonly child: ChildProcess;
  readonly exited: Promise<number | null>;
  readonly errors: { text: string };
}

function launch(postgres: string, cluster: string, port: number, settings: readonly string[]): Launched {
  const base = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    `port=${port}`,
    "max_connections=200",
  ];
  const args = [...base, ...settings].flatMap((setting) => ["-c", setting]);
  const start = unprivileged(postgres, ["-D", cluster, ...args]);
  // Its own process group: Ctrl-C in the terminal reaches us first, and we stop it when the last request is answered.
  const child = spawn(start.command, start.args, { stdio: ["ignore", "ignore", "pipe"], detached: true });
  return { child, exited: exitOf(child), errors: collect(child) };
}

function collect(child: ChildProcess): { text: string } {
  const errors = { text: "" };
  child.stderr?.on("data", (chunk: Buffer) => {
    errors.text = (errors.text + chunk.toString("utf8")).slice(-4000);
  });
  return errors;
}

function exitOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", resolve);
  });
}

async function ready(url: string, server: Launched, cluster: string): Promise<void> {
  let ended = false;
  void server.exited.then(() => {
    ended = true;
  });
  for (let attempt = 0; attempt < 600; attempt++) {
    if (ended) throw failure(server.errors.text, cluster);
    const client = new Client({ connectionString: url });
    try {
      await client.connect();
      await client.end();
      return;
    } catch {
      await client.end().catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw failure(server.errors.text, cluster);
}

function failure(log: string, cluster: string): ServiceError {
  const code = /lock file "postmaster.pid" already exists/.test(log) ? "DATA_IN_USE" : "DATABASE_UNAVAILABLE";
  return new ServiceError(
    code,
    `PostgreSQL did not start in ${cluster}: ${log.trim().split("\n").slice(-3).join(" ")}`,
  );
}

/** A port of the loopback that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string")
    throw new ServiceError("CONFIG_INVALID", "No free port on 127.0.0.1.");
  return address.port;
}
