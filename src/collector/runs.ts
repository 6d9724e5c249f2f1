/** The rows of `holdfast.collector_run`: begun, kept alive, finished; and those whose process died. */

import type { Database } from "../db/contract.ts";
import { periodically } from "../object/periodic.ts";
import type { CollectorContext } from "./context.ts";

/** A run under way. */
export interface OpenRun {
  readonly id: string;
  readonly startedAt: Date;
  /** Writes the end down. The time is the database's. */
  finish(state: "DONE" | "FAILED", report: (endedAt: Date) => unknown): Promise<Date>;
  /** Ends the signs of life; always called. */
  close(): Promise<void>;
}

const aliveEveryMs = 300_000;

/** Begins a run, after it has marked dead ones as failed. */
export async function beginRun(
  { db, version, warn }: CollectorContext,
  {
    kind,
    applied,
    by,
  }: {
    readonly kind: "COLLECT" | "FSCK" | "REVIVE" | "RESTORE" | "EXPIRE";
    readonly applied: boolean;
    readonly by: string;
  },
): Promise<OpenRun> {
  await failDead(db);
  const { rows } = await db.query<{ id: string; at: string }>(
    `INSERT INTO holdfast.collector_run (kind, applied, by, version) VALUES ($1, $2, $3, $4)
     RETURNING id::text, (extract(epoch FROM started_at) * 1000)::text AS at`,
    [kind, applied, by, version],
  );
  const { id = "", at = "0" } = rows[0] ?? {};
  const alive = periodically(
    aliveEveryMs,
    () => sayAlive(db, id),
    (error) => warn(error, `run ${id}`),
  );
  return {
    id,
    startedAt: new Date(Number(at)),
    finish: (state, report) => finish(db, id, state, report),
    close: () => alive.close(),
  };
}

/** `ended_at` of a run that is under way is when its process was last alive. */
async function sayAlive(db: Database, id: string): Promise<void> {
  await db.query(
    "UPDATE holdfast.collector_run SET ended_at = clock_timestamp() WHERE id = $1 AND state = 'RUNNING'",
    [id],
  );
}

/** A process that has given no sign of life for a day, which it gives every five minutes, is gone. */
async function failDead(db: Database): Promise<void> {
  await db.query(
    `UPDATE holdfast.collector_run SET state = 'FAILED'
     WHERE state = 'RUNNING' AND coalesce(ended_at, started_at) < clock_timestamp() - interval '1 day'`,
  );
}

async function finish(
  db: Database,
  id: string,
  state: "DONE" | "FAILED",
  report: (endedAt: Date) => unknown,
): Promise<Date> {
  const { rows } = await db.query<{ at: string }>(
    "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::text AS at",
  );
  const endedAt = new Date(Number(rows[0]?.at ?? "0"));
  await db.query(
    "UPDATE holdfast.collector_run SET state = $2, ended_at = $3::timestamptz, report = $4::jsonb WHERE id = $1",
    [id, state, endedAt.toISOString(), JSON.stringify(report(endedAt))],
  );
  return endedAt;
}
