/**
 * Named places of the write path where a test may end the process or make a step fail: `docs/architecture.md`, "Fault points".
 *
 * Inert unless set. The composition root reads `HOLDFAST_FAULT` and passes the value down; nothing here looks at the environment.
 */

import type { Database } from "../db/contract.ts";
import { ServiceError } from "../errors.ts";

/** Told the name of a point as it is reached; may throw, or end the process. */
export type FaultPoints = (point: string) => void | Promise<void>;

/** No faults. */
export const inertFaults: FaultPoints = () => undefined;

/** The points of the write path; `put.part[n]` counts the pieces of a body from 0. */
export const writePathPoints = [
  "reserve.after",
  "put.before",
  "put.part[n]",
  "put.complete-reply-lost",
  "verify.after",
  "publish.before-commit",
  "publish.reply-lost",
] as const;

/** The points of a file store's put, between its system calls; the upper-case ones fail as that errno says. */
export const filePoints = [
  "fs.opened",
  "fs.ENOSPC",
  "fs.EIO",
  "fs.written",
  "fs.fsync",
  "fs.synced",
  "fs.EXDEV",
  "fs.linked",
  "fs.unlinked",
] as const;

/**
 * The points of an upload by parts: after the store has begun a multipart upload, after it has made the object, and after the object was
 * verified, each before that is recorded.
 */
export const partPoints = ["parts.begun", "parts.assembled", "parts.verified"] as const;

/** The points of the collector, `docs/architecture.md`; tests hold it there, or end the process. */
export const collectorPoints = [
  "release.after-candidates",
  "release.after-lock",
  "release.before-commit",
  "condemn.after-candidates",
  "condemn.before-commit",
  "kill.after-candidates",
  "kill.after-lock",
  "kill.before-commit",
  "claim.after",
  "hide.after-head",
  "hide.after-copy",
  "hide.before-delete",
  "hide.delete-reply-lost",
  "hidden.before",
  "purge.after-list",
  "purge.after-delete",
  "reap.mid",
  "verify.between-head-and-update",
  "heal.after-copy",
  "reconcile.before-adopt",
  "revive.after-copy",
] as const;

/** The points of a backup and of a restore: what is written so far, before anything of it can be seen. */
export const backupPoints = [
  "backup.frozen",
  "backup.object",
  "backup.before-name",
  "restore.reserved",
  "restore.file",
  "restore.before-commit",
  "restore.committed",
] as const;

/** The points of adopting and of undoing it: before each step, and before what a step has changed is committed. */
const adoptPoints = ["adopt.before-step", "adopt.before-commit"] as const;

interface Fault {
  readonly point: string;
  readonly action: "kill" | "error";
  /** Which time the point is reached, from 1. */
  readonly time: number;
}

/**
 * Reads `point:action[:time]`, several separated by commas; `kill` ends the process with SIGKILL, `error` makes the step fail.
 * @throws {CONFIG_INVALID} for an unknown point or action.
 */
export function parseFaultPoints(text: string | undefined): FaultPoints {
  if (text === undefined || text.trim() === "") return inertFaults;
  const faults = text.split(",").map((part) => parseFault(part.trim()));
  const reached = new Map<string, number>();
  return (point) => {
    const time = (reached.get(point) ?? 0) + 1;
    reached.set(point, time);
    const fault = faults.find((candidate) => candidate.point === point && candidate.time === time);
    if (fault?.action === "kill") process.kill(process.pid, "SIGKILL");
    if (fault?.action === "error") throw failureAt(point);
  };
}

function parseFault(text: string): Fault {
  const [, point = "", action, time = "1"] = /^([^:]+):(kill|error)(?::([1-9][0-9]*))?$/.exec(text) ?? [];
  const known: readonly string[] = [
    ...writePathPoints,
    ...filePoints,
    ...partPoints,
    ...collectorPoints,
    ...backupPoints,
    ...adoptPoints,
  ];
  if ((action === "kill" || action === "error") && known.includes(point.replace(/\[\d+\]$/, "[n]"))) {
    return { point, action, time: Number(time) };
  }
  throw new ServiceError("CONFIG_INVALID", `HOLDFAST_FAULT: ${JSON.stringify(text)} is no fault.`, {
    details: {
      field: "HOLDFAST_FAULT",
      value: text,
      remedy: `Write point:kill or point:error; points are ${known.join(" ")}.`,
    },
  });
}

function failureAt(point: string): Error {
  if (!point.startsWith("fs.")) {
    return new ServiceError("STORE_UNAVAILABLE", `Fault at ${point}.`, { details: { remedy: "Try again." } });
  }
  const name = point.slice(3);
  const errno = /^[A-Z]+$/.test(name) ? name : "EIO";
  return Object.assign(new Error(`${errno}: fault at ${point}`), { code: errno });
}

/** `db` with the two points around a commit: `publish.before-commit`, and `publish.reply-lost` after it. */
export function withCommitFaults(db: Database, faults: FaultPoints): Database {
  if (faults === inertFaults) return db;
  return {
    query: (text, values, options) => db.query(text, values, options),
    close: () => db.close(),
    transaction: async (work, options) => {
      const answer = await db.transaction(async (transaction) => {
        const value = await work(transaction);
        await faults("publish.before-commit");
        return value;
      }, options);
      await faults("publish.reply-lost");
      return answer;
    },
  };
}
