/** Tasks on schedules, by graphile-worker: every process may run them, PostgreSQL says which one does. Nobody leads. */

import { setTimeout as sleep } from "node:timers/promises";
import type { Runner, TaskList } from "graphile-worker";
import { alone } from "../db/alone.ts";
import type { PostgresDatabase } from "../db/database.ts";
import { plainPool } from "../db/plain-pool.ts";
import { toServiceError } from "../db/sqlstate.ts";
import { isServiceError } from "../errors.ts";
import type { Schedules, TaskName } from "./schedule.ts";

/** Where tasks tell what they did. */
export interface JobLog {
  debug(facts: object, message: string): void;
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
}

/** One piece of work. What it throws is logged, and the work tried again, sooner first and later then. */
export type Task = (signal: AbortSignal) => Promise<void>;

/** What running tasks stands on. */
export interface JobParts {
  readonly db: PostgresDatabase;
  /** False behind a transaction-mode pooler: statements get no names. */
  readonly prepared: boolean;
  readonly tasks: Readonly<Partial<Record<TaskName, Task>>>;
  readonly schedules: Schedules;
  readonly log: JobLog;
  /** Nothing is loaded or asked of PostgreSQL before; 3000 unless given. */
  readonly afterMs?: number;
  /** How late a retry may be, and a new job that no notification tells of; 30,000 unless given. */
  readonly pollMs?: number;
}

/** Tasks that run by themselves. */
export interface Jobs {
  /** Stops running tasks at their next step; another process goes on with them. Waits until nothing runs. */
  close(): Promise<void>;
}

/** One connection waits for notifications, another asks; the library wants as many as there may be tasks at once. */
const leastConnections = 2;
/** A service has more to do in its first seconds; one that lives for a call never comes to it. */
const usualDelayMs = 3000;
const usualPollMs = 30_000;
const firstWaitMs = 1000;
const longestWaitMs = 60_000;
const longestEndMs = 5000;

/** Begins to run what is due; answers at once. Never fails: without PostgreSQL it waits until it is back. */
export function startJobs(parts: JobParts): Jobs {
  const closing = new AbortController();
  const names = Object.keys(parts.tasks).filter((name) => name in parts.schedules);
  const running = names.length === 0 ? Promise.resolve() : keepRunning(parts, closing.signal);
  return {
    close: async () => {
      closing.abort(new Error("The service is closing."));
      await running;
    },
  };
}

async function keepRunning(parts: JobParts, closing: AbortSignal): Promise<void> {
  await wait(parts.afterMs ?? usualDelayMs, closing);
  for (let waitMs = firstWaitMs; !closing.aborted; waitMs = Math.min(waitMs * 2, longestWaitMs)) {
    const begin = performance.now();
    try {
      await runUntilItEnds(parts, closing);
    } catch (error) {
      if (!closing.aborted) parts.log.warn({ err: error }, "schedules cannot run; it is tried again");
    }
    if (performance.now() - begin > longestWaitMs) waitMs = firstWaitMs;
    await wait(waitMs * (0.5 + Math.random() / 2), closing);
  }
}

/** Ends early when the service closes. */
async function wait(ms: number, closing: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal: closing, ref: false }).catch(() => undefined);
}

/** Resolves when the service closes, or when the library has given up because of PostgreSQL. */
async function runUntilItEnds(parts: JobParts, closing: AbortSignal): Promise<void> {
  if (closing.aborted) return;
  const { Logger, parseCronItems, run } = await import("graphile-worker");
  const concurrency = Object.keys(parts.tasks).length;
  const connections = Math.max(leastConnections, concurrency);
  const pool = plainPool(parts.db, { connections, name: "holdfast jobs" });
  try {
    const tasks = taskList(parts, closing);
    const runner = await run({
      pgPool: pool,
      schema: "graphile_worker",
      taskList: tasks,
      parsedCronItems: parseCronItems(cronItems(parts)),
      concurrency,
      pollInterval: parts.pollMs ?? usualPollMs,
      noHandleSignals: true,
      // What becomes of a job is then written by a step that the end waits for; else by one that nobody waits for.
      preset: { worker: { completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
      noPreparedStatements: !parts.prepared,
      logger: new Logger(() => (level, message, meta) => tell(parts.log, level, { message, meta })),
    });
    await untilClosed(runner, closing);
  } finally {
    // A connection that the library has not given back must not keep the service from ending.
    await Promise.race([pool.end(), sleep(longestEndMs, undefined, { ref: false })]);
  }
}

async function untilClosed(runner: Runner, closing: AbortSignal): Promise<void> {
  // One that has stopped by itself has nothing to stop.
  const stop = (): void => void runner.stop().catch(() => undefined);
  if (closing.aborted) stop();
  closing.addEventListener("abort", stop, { once: true });
  try {
    await runner.promise;
  } finally {
    closing.removeEventListener("abort", stop);
  }
}

/** Names in the database: it may serve other users of the library too. */
function jobName(task: string): string {
  return `holdfast_${task}`;
}

function cronItems({ tasks, schedules }: JobParts) {
  return Object.entries(schedules)
    .filter(([task]) => task in tasks)
    .map(([task, { cron, madeUpMs }]) => ({
      task: jobName(task),
      match: cron,
      // One job of a kind waits at most: a later one takes its place.
      options: { jobKey: jobName(task), backfillPeriod: madeUpMs },
    }));
}

function taskList({ db, tasks, schedules, log }: JobParts, closing: AbortSignal): TaskList {
  const wanted = Object.entries(tasks).filter(([task]) => task in schedules);
  return Object.fromEntries(
    wanted.map(([task, work]) => [
      jobName(task),
      async (_payload: unknown, { job }: { job: { attempts: number } }): Promise<void> => {
        try {
          const isDone = await alone(db, task, () => work(closing));
          if (!isDone) log.debug({ task }, "this runs in another process");
        } catch (error) {
          if (!closing.aborted) {
            log.warn(
              { task, attempt: job.attempts, err: error },
              "a scheduled run failed; it is tried again",
            );
          }
          throw error;
        }
      },
    ]),
  );
}

/** Its lines about jobs repeat ours, and those about lost connections repeat themselves until PostgreSQL is back. */
function tell(log: JobLog, level: string, { message, meta }: { message: string; meta?: object }): void {
  const error: unknown = meta !== undefined && "error" in meta ? meta.error : undefined;
  const isOurs = meta !== undefined && "job" in meta;
  const isOutage = error !== undefined && isServiceError(toServiceError(error), "DATABASE_UNAVAILABLE");
  if (level === "debug" || level === "info" || isOurs || isOutage) log.debug({ err: error }, message);
  else log.warn({ err: error }, message);
}
