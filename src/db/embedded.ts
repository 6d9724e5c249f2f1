/** A PostgreSQL of our own: initialised once in a folder, started on a free port of the loopback, stopped with us. */

import { type ChildProcess, spawn } from "node:child_process";
import { chmod, chown, mkdir, readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname, join, resolve } from "node:path";
import { ServiceError } from "../errors.ts";
import { postgresBinaries } from "./binaries.ts";
import { type Cluster, prepareCluster } from "./cluster.ts";
import { type DataLock, dataOwner, lockData } from "./data-lock.ts";
import { folderError } from "./folder-error.ts";
import { clearLeftover, type StopTimes, stopTimes } from "./leftover.ts";
import { startFailure, worthRetrying } from "./start-failure.ts";
import { type Account, commandFor, findPrivileges, type Privileges } from "./unprivileged.ts";

export interface EmbeddedOptions {
  /** Folder of the database cluster; made when absent. */
  readonly folder: string;
  readonly port?: number;
  /** Extra settings, `name=value`. */
  readonly settings?: readonly string[];
  /** How root runs it, see `unprivileged.ts`; found out unless given. */
  readonly runAs?: "namespace" | "account";
  readonly stopTimes?: StopTimes;
}

export interface EmbeddedPostgres {
  /** URL of the maintenance database `postgres`. */
  readonly url: string;
  readonly port: number;
  /** True when this call initialised the folder. */
  readonly created: boolean;
  /** Process id of the server, for messages. */
  readonly pid: number;
  /** Resolves when the server ends, by itself or by `stop`. */
  readonly exited: Promise<number | null>;
  /** Fast shutdown, immediate after a time-out. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Starts PostgreSQL in `folder`. A server that a killed process left there is stopped first.
 * @throws {DATA_IN_USE} when a living process owns the folder, {CONFIG_INVALID} when it cannot be used, {ADDRESS_IN_USE} when `port` is
 * taken, {DATABASE_INCOMPATIBLE} when another version made it, {DATABASE_UNAVAILABLE} when the server does not come up.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const binaries = await postgresBinaries();
  const privileges = findPrivileges(options.runAs);
  const folder = resolve(options.folder);
  const times = options.stopTimes ?? stopTimes;
  await makeFolder(folder, privileges);
  const lock = await lockData(folder);
  try {
    await clearLeftover(join(folder, "cluster"), times);
    const durable = !(options.settings ?? []).includes("fsync=off");
    const cluster = await prepareCluster({ folder, binaries, privileges, durable });
    const running = await launchUntilReady(cluster, privileges, options);
    // Only for the message that another starter gets: a full disk must not stop a server that has come up.
    await lock.announce(`127.0.0.1:${running.port}`).catch(() => undefined);
    return handleOf(running, cluster.created, lock, times);
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function makeFolder(folder: string, privileges: Privileges): Promise<void> {
  try {
    const outermost = await mkdir(folder, { recursive: true, mode: 0o700 });
    if (privileges.kind === "account") await openWay(folder, outermost, privileges.account);
  } catch (error) {
    throw folderError(error, folder);
  }
}

/** Lets the server's account pass through folders that are ours: those made just now, and the data folder that this process holds. */
async function openWay(folder: string, outermost: string | undefined, account: Account): Promise<void> {
  const made = (path: string): boolean => outermost !== undefined && path.startsWith(outermost);
  for (
    let path = dirname(folder);
    made(path) || (await dataOwner(path))?.pid === process.pid;
    path = dirname(path)
  ) {
    await chown(path, process.getuid?.() ?? 0, account.gid);
    await chmod(path, 0o710);
  }
}

interface Running {
  readonly child: ChildProcess;
  /** Resolves, never rejects, with the exit code. */
  readonly exited: Promise<number | null>;
  readonly errors: { text: string };
  readonly port: number;
  readonly url: string;
}

function handleOf(running: Running, created: boolean, lock: DataLock, times: StopTimes): EmbeddedPostgres {
  const { child, exited, port, url } = running;
  const released = exited.then(() => lock.release());
  return {
    url,
    port,
    created,
    pid: child.pid ?? 0,
    exited,
    stop: async () => {
      await endServer(running, times);
      await released;
    },
  };
}

async function endServer({ child, exited }: Running, times: StopTimes): Promise<void> {
  child.kill("SIGINT");
  const immediate = setTimeout(() => child.kill("SIGQUIT"), times.fastMs);
  const last = setTimeout(() => child.kill("SIGKILL"), times.fastMs + times.immediateMs);
  await exited;
  clearTimeout(immediate);
  clearTimeout(last);
}

/** Tries again where another program was faster to take the port, or where a dead server's last backends are still working. */
async function launchUntilReady(
  cluster: Cluster,
  privileges: Privileges,
  options: EmbeddedOptions,
): Promise<Running> {
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await freePort());
    const running = launch(cluster, privileges, { port, settings: options.settings ?? [] });
    if (await ready(running, cluster.folder)) return running;
    await endServer(running, options.stopTimes ?? stopTimes);
    const log = running.errors.text;
    if (attempt >= 20 || !worthRetrying(log, options.port !== undefined))
      throw startFailure(log, cluster.folder, port);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

function launch(
  cluster: Cluster,
  privileges: Privileges,
  { port, settings }: { readonly port: number; readonly settings: readonly string[] },
): Running {
  const base = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    `port=${port}`,
    "max_connections=200",
  ];
  const args = [...base, ...settings].flatMap((setting) => ["-c", setting]);
  const start = commandFor(privileges, cluster.postgres, ["-D", cluster.folder, ...args]);
  // Its own process group: Ctrl-C in the terminal reaches us first, and we stop it when the last request is answered.
  const child = spawn(start.command, start.args, {
    ...start.options,
    stdio: ["ignore", "ignore", "pipe"],
    detached: true,
  });
  const errors = { text: "" };
  child.stderr?.on("data", (chunk: Buffer) => {
    errors.text = (errors.text + chunk.toString("utf8")).slice(-4000);
  });
  const exited = new Promise<number | null>((resolve) => {
    child.once("error", (error) => {
      errors.text += error.message;
      resolve(-1);
    });
    child.once("exit", (code) => resolve(code));
  });
  // The user's PGSSLMODE is meant for other servers.
  const url = `postgresql://postgres:${cluster.password}@127.0.0.1:${port}/postgres?sslmode=disable`;
  return { child, exited, errors, port, url };
}

/** Recovery after a crash may take its time. */
const readyWithinMs = 300_000;

/** False when the server has ended instead. @source PostgreSQL's pidfile.h: line 8 of postmaster.pid is the state, as pg_ctl reads it */
async function ready({ child, exited }: Running, cluster: string): Promise<boolean> {
  const state = { ended: false };
  void exited.then(() => {
    state.ended = true;
  });
  const deadline = Date.now() + readyWithinMs;
  while (!state.ended && Date.now() < deadline) {
    const lines = (await readFile(join(cluster, "postmaster.pid"), "utf8").catch(() => "")).split("\n");
    if (Number(lines[0]) === child.pid && lines[7]?.trim() === "ready") return true;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return false;
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
