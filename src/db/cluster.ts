/** The folder of a PostgreSQL cluster: made whole or not at all, and handed to whoever will run the server. */

import { type SpawnOptions, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmod, chown, cp, lchown, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ServiceError } from "../errors.ts";
import type { PostgresBinaries } from "./binaries.ts";
import { folderError } from "./folder-error.ts";
import { tellingLines } from "./start-failure.ts";
import { type Account, commandFor, type Privileges } from "./unprivileged.ts";

/** A cluster that is ready to be started. */
export interface Cluster {
  readonly folder: string;
  /** The server program, where its user can reach it. */
  readonly postgres: string;
  readonly password: string;
  /** True when this call initialised it. */
  readonly created: boolean;
}

/** Whom the files of a user namespace belong to, seen from outside. */
const ourselves: Account = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };

interface ClusterOptions {
  readonly folder: string;
  readonly binaries: PostgresBinaries;
  readonly privileges: Privileges;
  /** False where the data are thrown away anyhow. */
  readonly durable: boolean;
}

/** @throws {CONFIG_INVALID} when the folder cannot be used, {DATABASE_INCOMPATIBLE} when another PostgreSQL made it. */
export async function prepareCluster(options: ClusterOptions): Promise<Cluster> {
  const { folder, privileges } = options;
  const cluster = join(folder, "cluster");
  try {
    // It may have been started the other way the last time.
    const owner = privileges.kind === "account" ? privileges.account : ourselves;
    if (privileges.kind !== "self") await giveTo(folder, owner);
    const binaries =
      privileges.kind === "account" ? await withinReach(folder, options.binaries, owner) : options.binaries;
    const created = !(await exists(join(cluster, "PG_VERSION")));
    if (created) await initialise({ ...options, binaries }, cluster);
    else await refuseOtherVersion(cluster, binaries);
    const password = (await readFile(join(folder, "password"), "utf8")).trim();
    return { folder: cluster, postgres: binaries.postgres, password, created };
  } catch (error) {
    throw folderError(error, folder);
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

async function initialise(options: ClusterOptions, cluster: string): Promise<void> {
  const { folder, binaries, privileges } = options;
  const passwordFile = join(folder, "password");
  await writeFile(passwordFile, `${randomBytes(18).toString("base64url")}\n`, { mode: 0o600 });
  if (privileges.kind === "account")
    await chown(passwordFile, privileges.account.uid, privileges.account.gid);
  // Under a name of its own: the initdb of a starter that was killed may still be writing under another.
  const fresh = `${cluster}.${randomBytes(4).toString("hex")}.new`;
  for (const name of await readdir(folder)) {
    if (/^cluster\..*\.new$/.test(name))
      await rm(join(folder, name), { recursive: true, force: true }).catch(() => undefined);
  }
  const flags = ["-D", fresh, "-U", "postgres", `--pwfile=${passwordFile}`, "--auth=scram-sha-256"];
  const more = ["--encoding=UTF8", "--locale=C", "--data-checksums", "--no-instructions"];
  const durability = options.durable ? [] : ["--no-sync"];
  const start = commandFor(privileges, binaries.initdb, [...flags, ...more, ...durability]);
  const { code, errors } = await runToEnd(start.command, start.args, start.options);
  if (code !== 0) {
    await rm(fresh, { recursive: true, force: true });
    throw initFailure(folder, errors);
  }
  await chmod(fresh, 0o700);
  await rename(fresh, cluster);
}

function runToEnd(
  command: string,
  args: string[],
  options: SpawnOptions,
): Promise<{ code: number; errors: string }> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { ...options, stdio: ["ignore", "ignore", "pipe"] });
    let errors = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      errors = (errors + chunk.toString("utf8")).slice(-4000);
    });
    child.once("error", (error) => resolve({ code: -1, errors: error.message }));
    child.once("close", (code) => resolve({ code: code ?? -1, errors }));
  });
}

function initFailure(folder: string, errors: string): ServiceError {
  const full = /No space left|Disk quota/.test(errors);
  return new ServiceError(
    "DATABASE_UNAVAILABLE",
    `PostgreSQL could not be set up in ${folder}: ${tellingLines(errors)}`,
    {
      details: {
        remedy: full
          ? "Free some space, or set HOLDFAST_DATA to a folder on another disk."
          : "Set HOLDFAST_DATA to a folder on a local disk that this user may write.",
      },
    },
  );
}

async function refuseOtherVersion(cluster: string, binaries: PostgresBinaries): Promise<void> {
  const made = (await readFile(join(cluster, "PG_VERSION"), "utf8")).trim();
  const { stdout } = spawnSync(binaries.postgres, ["--version"], { encoding: "utf8" });
  const ours = /(\d+)/.exec(stdout ?? "")?.[1];
  if (ours === undefined || ours === made) return;
  throw new ServiceError(
    "DATABASE_INCOMPATIBLE",
    `The database folder ${cluster} was made by PostgreSQL ${made}, and this Holdfast brings ${ours}; nothing was changed.`,
    {
      details: {
        file: cluster,
        value: made,
        remedy: [
          "1. With the Holdfast that made it, write all of it into a file: holdfast backup lab.tar",
          "2. With this one, bring it into a new data folder: holdfast --data NEW restore lab.tar",
          "3. Start with --data NEW, and remove the old folder when everything is there.",
        ].join(" "),
      },
    },
  );
}

/** Makes `owner` the owner of the folder, the password and the cluster. */
async function giveTo(folder: string, owner: Account): Promise<void> {
  await chown(folder, owner.uid, owner.gid);
  for (const name of ["password", "cluster"]) {
    const path = join(folder, name);
    if (await exists(path)) await chownTree(path, owner);
  }
}

/** The programs where `account` can run them: a copy in `folder` if the originals lie out of its reach. */
async function withinReach(
  folder: string,
  binaries: PostgresBinaries,
  account: Account,
): Promise<PostgresBinaries> {
  const barrier = await firstBarrier(folder, account);
  if (barrier !== undefined) throw unreachable(folder, barrier, account);
  if (runs(binaries.postgres, account)) return binaries;
  const native = dirname(dirname(binaries.postgres));
  const copy = join(folder, "programs");
  if (!runs(join(copy, "bin", "postgres"), account)) {
    await rm(copy, { recursive: true, force: true });
    await cp(native, `${copy}.new`, { recursive: true, verbatimSymlinks: true, force: true });
    await chownTree(`${copy}.new`, account);
    await rename(`${copy}.new`, copy);
  }
  return { initdb: join(copy, "bin", "initdb"), postgres: join(copy, "bin", "postgres") };
}

function runs(program: string, account: Account): boolean {
  return spawnSync(program, ["--version"], account).status === 0;
}

/** The outermost folder on the way to `folder` that `account` cannot enter. */
async function firstBarrier(folder: string, account: Account): Promise<string | undefined> {
  const way: string[] = [];
  for (let path = folder; ; path = dirname(path)) {
    way.unshift(path);
    if (dirname(path) === path) break;
  }
  // Asking the system counts access lists too; a mode alone would not.
  return way.find(
    (path) => spawnSync("/bin/sh", ["-c", 'cd "$1"', "sh", path], { ...account, cwd: "/" }).status !== 0,
  );
}

function unreachable(folder: string, barrier: string, account: Account): ServiceError {
  return new ServiceError(
    "CONFIG_INVALID",
    `PostgreSQL does not run as root, and the user ${account.uid} it would run as cannot enter ${barrier}, on the way to the data folder ${folder}.`,
    {
      details: {
        field: "HOLDFAST_DATA",
        value: folder,
        remedy: `Set HOLDFAST_DATA to a folder that every user can reach (or: chmod a+x ${barrier}), start Holdfast as an ordinary user, or set DATABASE_URL.`,
      },
    },
  );
}

/** The folder itself comes last: it tells whether all of it is done. */
async function chownTree(path: string, account: Account): Promise<void> {
  const top = await stat(path);
  if (top.uid === account.uid) return;
  for (const entry of top.isDirectory()
    ? await readdir(path, { recursive: true, withFileTypes: true })
    : []) {
    await lchown(join(entry.parentPath, entry.name), account.uid, account.gid);
  }
  await lchown(path, account.uid, account.gid);
}
