/**
 * One process owns a data folder: a lock file that names it. The lock of a process that is gone, also by `kill -9`, is taken over.
 *
 * Process numbers mean nothing on another machine or in another container: there the owner counts as alive as long as it touches the file.
 */

import { randomUUID } from "node:crypto";
import { link, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { ServiceError } from "../errors.ts";
import { folderError } from "./folder-error.ts";
import { processIdentity } from "./process-identity.ts";

/** Who holds a data folder. */
export interface DataOwner {
  readonly pid: number;
  /** See {@link processIdentity}. */
  readonly identity: string;
  readonly host: string;
  readonly token: string;
  /** Where it listens, for messages; absent until it does. */
  readonly address?: string;
}

/** A data folder held by this process. */
export interface DataLock {
  /** Writes down where this process listens. */
  announce(address: string): Promise<void>;
  /** Idempotent. */
  release(): Promise<void>;
}

const touchEveryMs = 5_000;
const silentAfterMs = 30_000;

/**
 * Takes the lock file `name` in `folder`, which must exist.
 * @throws {DATA_IN_USE} naming the process that has it, {CONFIG_INVALID} when the folder cannot be written.
 */
export async function lockData(folder: string, name = "owner.json"): Promise<DataLock> {
  const path = join(folder, name);
  const mine: DataOwner = {
    pid: process.pid,
    identity: processIdentity(process.pid) ?? "",
    host: hostname(),
    token: randomUUID(),
  };
  try {
    for (let contended = false; !(await owned(path, mine, contended)); contended = true)
      await clearStale(path);
  } catch (error) {
    throw folderError(error, folder);
  }
  return held(path, mine);
}

/** The process that holds the folder now, if one does. */
export async function dataOwner(folder: string, name = "owner.json"): Promise<DataOwner | undefined> {
  const path = join(folder, name);
  const owner = await readOwner(path);
  return owner !== undefined && (await isAlive(owner, path)) ? owner : undefined;
}

/** After a take-over another starter may have moved our fresh file aside, taking it for the stale one: look again a moment later. */
async function owned(path: string, mine: DataOwner, contended: boolean): Promise<boolean> {
  if (!(await claim(path, mine))) return false;
  if (!contended) return true;
  await new Promise((resolve) => setTimeout(resolve, 100));
  return (await readOwner(path))?.token === mine.token;
}

/** True when the file now names us. It appears with its whole content, or not at all. */
async function claim(path: string, mine: DataOwner): Promise<boolean> {
  const draft = `${path}.${mine.token}`;
  try {
    await writeFile(draft, `${JSON.stringify(mine)}\n`, { mode: 0o600 });
    await link(draft, path);
    return true;
  } catch (error) {
    if (hasCode(error, "EEXIST")) return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

async function clearStale(path: string): Promise<void> {
  const owner = await readOwner(path);
  if (owner !== undefined && (await staysAlive(owner, path))) throw inUse(path, owner);
  const aside = `${path}.${randomUUID()}.stale`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return;
    throw error;
  }
  // Another starter may have been faster, and the file that we moved is its fresh lock: give it back.
  const moved = await readOwner(aside);
  if (moved?.token !== owner?.token) await link(aside, path).catch(() => undefined);
  await rm(aside, { force: true });
}

async function readOwner(path: string): Promise<DataOwner | undefined> {
  try {
    const owner: unknown = JSON.parse(await readFile(path, "utf8"));
    return isOwner(owner) ? owner : undefined;
  } catch (error) {
    if (hasCode(error, "ENOENT") || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isOwner(value: unknown): value is DataOwner {
  return (
    typeof value === "object" &&
    value !== null &&
    "pid" in value &&
    typeof value.pid === "number" &&
    "token" in value
  );
}

async function isAlive(owner: DataOwner, path: string): Promise<boolean> {
  if (owner.host === hostname()) return processIdentity(owner.pid) === owner.identity;
  const touched = await stat(path).catch(() => undefined);
  return touched !== undefined && Date.now() - touched.mtimeMs < silentAfterMs;
}

/** A process that was killed a moment ago is still being taken down. */
async function staysAlive(owner: DataOwner, path: string): Promise<boolean> {
  for (const deadline = Date.now() + 500; Date.now() < deadline; ) {
    if (!(await isAlive(owner, path))) return false;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return true;
}

function inUse(path: string, owner: DataOwner): ServiceError {
  const where = owner.address === undefined ? "" : `, listening at ${owner.address}`;
  const host = owner.host === hostname() ? "" : ` on ${owner.host}`;
  return new ServiceError("DATA_IN_USE", `Process ${owner.pid}${host} is using the data folder${where}.`, {
    details: {
      file: path,
      value: owner.pid,
      remedy: "Stop that process first, or give this one a folder of its own (HOLDFAST_DATA).",
      ...(owner.address === undefined ? {} : { address: owner.address }),
    },
  });
}

function held(path: string, mine: DataOwner): DataLock {
  const timer = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => undefined);
  }, touchEveryMs);
  timer.unref();
  return {
    announce: async (address) => {
      const draft = `${path}.${mine.token}`;
      await writeFile(draft, `${JSON.stringify({ ...mine, address })}\n`, { mode: 0o600 });
      await rename(draft, path);
    },
    release: async () => {
      clearInterval(timer);
      if ((await readOwner(path).catch(() => undefined))?.token === mine.token)
        await rm(path, { force: true });
    },
  };
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
