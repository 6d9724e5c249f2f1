/** Works off the jobs of a table: several keys at a time, until none waits or the worker is to stop. */

import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { retrying } from "../client/retry.ts";
import { attempt } from "./attempt.ts";
import type { Maker, MakeTools, Outcome } from "./contract.ts";
import { type Ask, Jobs } from "./jobs.ts";

/** How a table is populated. */
export interface PopulateOptions {
  readonly ask: Ask;
  readonly upload: (table: string, signal: AbortSignal) => MakeTools["upload"];
  readonly signal: AbortSignal;
  /** Keys at a time; 1 unless given. */
  readonly parallel?: number;
  /** Keys in all; no limit unless given. */
  readonly limit?: number;
  /** A worker that is silent for so long loses its key; 60 unless given. Told three times in this time. */
  readonly leaseSeconds?: number;
  /** False: works off the jobs that are there, and adds none for new keys. */
  readonly refresh?: boolean;
  /** Waits for more when nothing is left, and looks so often, in seconds. */
  readonly watchSeconds?: number;
  /** Told of every key, one after the other. */
  readonly onOutcome?: (outcome: Outcome) => void | Promise<void>;
}

/** How many keys came to which end. */
export type Totals = Readonly<Record<Outcome["state"], number>>;

/** Populates the maker's table. What a maker throws ends its key, not the others; trouble of the server or a store ends them all, and their keys wait. @throws {ServiceError} */
export async function populate(maker: Maker, options: PopulateOptions): Promise<Totals> {
  const { ask, signal, parallel = 1, leaseSeconds = 60 } = options;
  const { table, version = "" } = maker;
  const jobs = new Jobs(ask, table, { host: hostname(), pid: process.pid, version, leaseSeconds });
  const stop = new AbortController();
  const ended = AbortSignal.any([signal, stop.signal]);
  const work: Work = { maker, jobs, options, ended, leaseSeconds, begun: 0, totals: { ...none } };
  if (options.refresh !== false) await retrying(() => jobs.refresh(), signal);
  let failure: { readonly error: unknown } | undefined;
  const lanes = Array.from({ length: parallel }, async () => {
    try {
      await lane(work);
    } catch (error) {
      // The others end what they are at; that they were stopped is not why.
      failure ??= { error };
      stop.abort();
    }
  });
  await Promise.all(lanes);
  if (failure !== undefined) throw failure.error;
  return work.totals;
}

const none: Totals = { MADE: 0, SKIPPED: 0, FAILED: 0, LOST: 0 };

interface Work {
  readonly maker: Maker;
  readonly jobs: Jobs;
  readonly options: PopulateOptions;
  readonly ended: AbortSignal;
  readonly leaseSeconds: number;
  begun: number;
  readonly totals: { -readonly [State in keyof Totals]: number };
}

async function lane(work: Work): Promise<void> {
  const { jobs, options, ended } = work;
  const { limit = Number.POSITIVE_INFINITY, watchSeconds } = options;
  while (!ended.aborted && work.begun < limit) {
    work.begun += 1;
    const job = await retrying(() => jobs.reserve(), ended);
    if (job !== undefined) {
      await one(work, job);
      continue;
    }
    work.begun -= 1;
    if (watchSeconds === undefined) return;
    await sleep(watchSeconds * 1000, undefined, { signal: ended }).catch(() => undefined);
    if (!ended.aborted && options.refresh !== false) await retrying(() => jobs.refresh(), ended);
  }
}

async function one(work: Work, job: Parameters<typeof attempt>[1]): Promise<void> {
  const { maker, jobs, options, ended, leaseSeconds, totals } = work;
  const { ask, upload } = options;
  const outcome = await attempt(
    {
      jobs,
      maker,
      leaseSeconds,
      signal: ended,
      tools: (signal) => ({
        ask: (document, variables = {}) => ask(document, variables, signal),
        upload: upload(maker.table, signal),
      }),
    },
    job,
  );
  if (outcome === undefined) return;
  totals[outcome.state] += 1;
  await options.onOutcome?.(outcome);
}
