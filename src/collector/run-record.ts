/** A check or a revival as a run on record. */

import type { CollectorContext, Run } from "./context.ts";
import { beginRun } from "./runs.ts";

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
  context: CollectorContext,
  { kind, applied, by, signal }: Asked,
  work: (run: Run) => Promise<T>,
): Promise<Recorded<T>> {
  const open = await beginRun(context, { kind, applied, by });
  const run: Run = { id: open.id, by, signal };
  try {
    const value = await work(run);
    const endedAt = await open.finish("DONE", () => value);
    return { value, run, startedAt: open.startedAt, endedAt };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    // The error itself is the caller's; a database that is away cannot take it down either.
    await open.finish("FAILED", () => ({ error: message })).catch(() => undefined);
    throw error;
  } finally {
    await open.close();
  }
}
