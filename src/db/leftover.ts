/** A server that an earlier owner left behind in the cluster: stopped when it still runs, made harmless when only its lock file is left. */

import { execFileSync } from "node:child_process";
import { readFile, readlink, realpath, rm, writeFile } from "node:fs/promises";
import { platform } from "node:os";
import { join } from "node:path";
import { ServiceError } from "../errors.ts";
import { processIdentity } from "./process-identity.ts";

/** How long each kind of stop may take before the next, harder one. */
export interface StopTimes {
  readonly fastMs: number;
  readonly immediateMs: number;
}

export const stopTimes: StopTimes = { fastMs: 20_000, immediateMs: 10_000 };

/**
 * Call it only as the owner of the data folder.
 * @throws {DATA_IN_USE} when the old server does not stop.
 */
export async function clearLeftover(cluster: string, times: StopTimes = stopTimes): Promise<void> {
  const path = join(cluster, "postmaster.pid");
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === undefined) return;
  const pid = pidIn(text);
  // Cut off by a full disk or a power failure; PostgreSQL would refuse to start.
  if (pid === undefined) return rm(path, { force: true });
  const identity = processIdentity(pid);
  if (identity !== undefined && (await isServerOf(pid, cluster))) {
    if (await stopServer(pid, identity, times)) return;
    throw new ServiceError(
      "DATA_IN_USE",
      `An older PostgreSQL (process ${pid}) runs in ${cluster} and does not stop.`,
      {
        details: { file: cluster, value: pid, remedy: `Stop it: kill -QUIT ${pid}.` },
      },
    );
  }
  await disown(path, text);
}

/** @source PostgreSQL's miscadmin.h: line 1 of postmaster.pid is the process number (negative for a stand-alone backend) */
function pidIn(text: string): number | undefined {
  const pid = Math.abs(Number.parseInt(text, 10));
  return Number.isInteger(pid) && pid > 0 ? pid : undefined;
}

/** A server's working folder is its cluster. */
async function isServerOf(pid: number, cluster: string): Promise<boolean> {
  try {
    if (platform() === "linux") return (await readlink(`/proc/${pid}/cwd`)) === (await realpath(cluster));
    return execFileSync("ps", ["-o", "command=", "-p", String(pid)], { encoding: "utf8" }).includes(cluster);
  } catch {
    return false;
  }
}

/**
 * Stops a server that is not our child: fast (its clients are cut off, all is written), then immediate (it recovers at the next start).
 * True when it has ended.
 */
async function stopServer(pid: number, identity: string, times: StopTimes): Promise<boolean> {
  const steps = [
    ["SIGINT", times.fastMs],
    ["SIGQUIT", times.immediateMs],
  ] as const;
  for (const [signal, patienceMs] of steps) {
    try {
      process.kill(pid, signal);
    } catch {
      // It ended meanwhile; the look below tells.
    }
    const deadline = Date.now() + patienceMs;
    while (Date.now() < deadline) {
      if (processIdentity(pid) !== identity) return true;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  return false;
}

/**
 * The recorded number is a zombie's, or by now another program's, and PostgreSQL would refuse to start because of it. It passes over
 * the number of its own parent, so we write ours; the rest of the file stays, by which it makes sure that no old backend still works.
 */
async function disown(path: string, text: string): Promise<void> {
  const [, ...rest] = text.split("\n");
  await writeFile(path, [String(process.pid), ...rest].join("\n"));
}
