/** Runs the child and reads its report. */

import { spawnSync } from "node:child_process";
import { join } from "node:path";

/** What came of hostile bytes. */
export interface HostileReport {
  /** Damaged values. */
  readonly runs: number;
  /** Outcomes of the files of the corpus. */
  readonly corpus: Readonly<Record<string, string>>;
  /** By codec: how often each outcome came. */
  readonly totals: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Memory beyond that of the idle process, in bytes. */
  readonly peakBytes: number;
  /** Longest time for which the event loop of the process stood still. */
  readonly stallMs: number;
  /** What must not be. */
  readonly faults: readonly string[];
}

/** Longer than this the child hangs. */
const patienceMs = (runs: number): number => 120_000 + runs * 200;

/** @throws when the child dies, hangs, or says nothing. */
export function driveHostile(runs: number, seed: number): HostileReport {
  const child = spawnSync(
    process.execPath,
    [
      "--no-warnings",
      "--max-old-space-size=160",
      join(import.meta.dirname, "child.ts"),
      String(runs),
      String(seed),
    ],
    { encoding: "utf8", timeout: patienceMs(runs), maxBuffer: 64 * 2 ** 20 },
  );
  const line = child.stdout.trim().split("\n").at(-1) ?? "";
  if (child.status !== 0 || !line.startsWith("{"))
    throw new Error(`the child ended with ${child.signal ?? child.status}:\n${child.stderr.slice(-4000)}`);
  return JSON.parse(line) as HostileReport;
}
