/** One key, from its reservation to its end. */

import { setTimeout as sleep } from "node:timers/promises";
import { isPassing, retrying } from "../client/retry.ts";
import { isServiceError, ServiceError } from "../errors.ts";
import { type Made, type Maker, type MakeTools, type Outcome, skipped, type Values } from "./contract.ts";
import { isLost, type Job, type Jobs } from "./jobs.ts";

/** What an attempt stands on. */
export interface Attempt {
  readonly jobs: Jobs;
  readonly maker: Maker;
  readonly leaseSeconds: number;
  /** Aborted when the worker is to stop. */
  readonly signal: AbortSignal;
  readonly tools: (signal: AbortSignal) => Omit<MakeTools, "signal" | "skip">;
}

/** The signal's reason when the key went to somebody else. */
class Lost extends Error {
  override readonly name = "Lost";
}

/** Makes one key. Answers `undefined` when it was given back because the worker is to stop. */
export async function attempt(context: Attempt, job: Job): Promise<Outcome | undefined> {
  const { jobs, maker, signal } = context;
  const lost = new AbortController();
  const ended = AbortSignal.any([signal, lost.signal]);
  const begin = performance.now();
  const seconds = () => (performance.now() - begin) / 1000;
  const outcome = (state: Outcome["state"], message?: string): Outcome => ({
    table: maker.table,
    key: job.key,
    state,
    seconds: seconds(),
    ...(message !== undefined && { message }),
  });
  const beating = keep(context, job, lost);
  try {
    const made = rowsOf(
      maker,
      await maker.make(job.key, { ...context.tools(ended), skip: skipped, signal: ended }),
    );
    const took = seconds();
    // Answered: whoever wants to stop waits for what is made.
    await retrying(() => (made === skipped ? jobs.ignore(job) : jobs.complete(job, made, took)), unended);
    return outcome(made === skipped ? "SKIPPED" : "MADE");
  } catch (error) {
    if (lost.signal.aborted || isLost(error)) return outcome("LOST", lostText);
    const isStopped = signal.aborted;
    // A server or store that is away is no fault of the key: it waits for a worker that finds them.
    if (isStopped || isPassing(error)) await jobs.release(job).catch(() => undefined);
    if (isStopped) return undefined;
    if (isPassing(error)) throw error;
    return await failed(jobs, job, { error, outcome });
  } finally {
    beating.abort();
  }
}

const unended = new AbortController().signal;
const lostText = "Another worker has the key, or it was made already: the reservation is over.";

/** Keeps the reservation until the answer is aborted; aborts `lost` when somebody else has it. */
function keep({ jobs, leaseSeconds }: Attempt, job: Job, lost: AbortController): AbortController {
  const end = new AbortController();
  const beat = async (): Promise<void> => {
    for (;;) {
      await sleep((leaseSeconds * 1000) / 3, undefined, { signal: end.signal, ref: false });
      // Without an answer nothing is known: the lease goes on, and the server has the last word when the job is ended.
      const isOurs = await jobs.heartbeat(job).catch(() => true);
      if (!isOurs && !end.signal.aborted) return lost.abort(new Lost(lostText));
    }
  };
  beat().catch(() => undefined);
  return end;
}

/** @throws {BAD_USER_INPUT} when the maker answered nothing that can be a row. */
function rowsOf({ table }: Maker, made: Made): readonly Values[] | typeof skipped {
  if (made === skipped) return skipped;
  const rows: readonly unknown[] = Array.isArray(made) ? made : [made];
  if (rows.length > 0 && rows.every(isRow)) return rows;
  throw new ServiceError("BAD_USER_INPUT", `The maker of ${table} answered no row.`, {
    details: {
      field: table,
      remedy: "Answer the row, a list of rows, or tools.skip for a key that has none.",
    },
  });
}

function isRow(row: unknown): row is Values {
  return typeof row === "object" && row !== null && !Array.isArray(row);
}

interface Failure {
  readonly error: unknown;
  readonly outcome: (state: Outcome["state"], message?: string) => Outcome;
}

async function failed(jobs: Jobs, job: Job, { error, outcome }: Failure): Promise<Outcome> {
  const message = textOf(error);
  try {
    const stack = error instanceof Error ? error.stack : undefined;
    await retrying(() => jobs.fail(job, message, stack), unended);
    return outcome("FAILED", message);
  } catch (cause) {
    if (isLost(cause)) return outcome("LOST", lostText);
    throw cause;
  }
}

/** As DataJoint writes it: `ValueError: the text`. */
function textOf(error: unknown): string {
  if (isServiceError(error)) return `${error.code}: ${error.message}`;
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
