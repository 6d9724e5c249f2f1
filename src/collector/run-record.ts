/** The record of a check or a revival in `holdfast.collector_run`. */

import type { CollectorContext, Run } from "./context.ts";

interface Asked {
  readonly kind: "FSCK" | "REVIVE";
  readonly applied: boolean;
  readonly by: string;
  readonly signal?: AbortSignal | undefined;
}

/** What a recorded piece of work answers. */
export interface Recorded<T> {
  readonly value: T;
  readonly run: Run;
  readonly startedAt: Date;
  readonly endedAt: Date;
}

/** Does `work` as a run on record, with what it answers as its report; a run that throws is on record as failed. */
export async function recorded<T>(
  { db, version }: CollectorContext,
  { kind, applied, by, signal }: Asked,
  work: (run: Run) => Promise<T>,
): Promise<Recorded<T>> {
  const { rows } = await db.query<{ id: string }>(
    "INSERT INTO holdfast.collector_run (kind, applied, by, version) VALUES ($1, $2, $3, $4) RETURNING id::text AS id",
    [kind, applied, by, version],
  );
  const run: Run = { id: rows[0]?.id ?? "", by, signal };
  const startedAt = new Date();
  const end = (state: "DONE" | "FAILED", report: unknown) =>
    db.query(
      "UPDATE holdfast.collector_run SET state = $2, report = $3, ended_at = clock_timestamp() WHERE id = $1",
      [run.id, state, JSON.stringify(report)],
    );
  try {
    const value = await work(run);
    await end("DONE", value);
    return { value, run, startedAt, endedAt: new Date() };
  } catch (error) {
    // The error itself is the caller's; a database that is away cannot take it down either.
    await end("FAILED", { error: error instanceof Error ? error.message : String(error) }).catch(
      () => undefined,
    );
    throw error;
  }
}
