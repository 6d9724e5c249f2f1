/**
 * How much is done at once: windows over a table that a cursor walks through once, batches of about 0.2 s, a pause after each, and another try where
 * others were in the way.
 */

import { setTimeout as delay } from "node:timers/promises";

import type { Database, Transaction } from "../db/contract.ts";
import { sqlstateOf } from "../db/sqlstate.ts";
import type { Run } from "./context.ts";
import { rangeOf } from "./counts.ts";

const aimMs = 200;
const tries = 3;
/** Lock not granted in time, deadlock, serialization, a table dropped since we read its name: nothing was done, and the next try may. */
const passing: ReadonlySet<string> = new Set(["55P03", "40P01", "40001", "42P01", "42703"]);

/** Whether `error` says that somebody else was in the way. */
export function isPassing(error: unknown): boolean {
  return passing.has(sqlstateOf(error) ?? "");
}

/** Whether the caller has asked the run to end, which it does between two batches. */
export function isStopped({ signal }: Pick<Run, "signal">): boolean {
  return signal?.aborted === true;
}

/** Shorter ones are not worth a timer: what took so little has taken little from others. */
const shortestPauseMs = 5;

/** Does a piece of work, and then nothing for as long as it took: on a busy machine whoever serves has at least every other turn. */
export async function inTurns<T>(run: Pick<Run, "signal">, work: () => Promise<T>): Promise<T> {
  const start = performance.now();
  const answer = await work();
  const pauseMs = Math.min(aimMs, performance.now() - start);
  if (pauseMs >= shortestPauseMs && !isStopped(run)) await delay(pauseMs);
  return answer;
}

/** The size of the next piece, by the time the last one took. */
export class Pace {
  readonly #most: number;
  #size: number;

  constructor(most: number) {
    this.#most = most;
    this.#size = Math.ceil(most / 4);
  }

  get size(): number {
    return this.#size;
  }

  /** Does a piece of work and learns from it. */
  async timed<T>(work: () => Promise<T>): Promise<T> {
    const start = performance.now();
    const answer = await work();
    const factor = Math.min(2, Math.max(0.25, aimMs / Math.max(1, performance.now() - start)));
    this.#size = Math.min(this.#most, Math.max(10, Math.round(this.#size * factor)));
    return answer;
  }
}

/** Rows of one window. */
export interface Window<Row> {
  /** The last locator that was looked at; null where there was none. */
  readonly last: string | null;
  readonly rows: readonly Row[];
}

/**
 * Walks once over the locators of `store`, window by window, until there are no more, or the run is stopped.
 * `look` answers the window of `size` rows after `after`, below `before`.
 */
export async function* windows<Row>(
  run: Pick<Run, "signal">,
  store: string,
  look: (bounds: { after: string; before: string; size: number }) => Promise<Window<Row>>,
): AsyncGenerator<readonly Row[]> {
  const pace = new Pace(5000);
  const [first, before] = rangeOf(store);
  let after: string | null = first;
  while (after !== null && !isStopped(run)) {
    const from: string = after;
    const window = await inTurns(run, () => pace.timed(() => look({ after: from, before, size: pace.size })));
    if (window.rows.length > 0) yield window.rows;
    after = window.last;
  }
}

/** Puts small windows together until they make a batch, because each batch has costs of its own. */
export async function* gathered<Row>(
  found: AsyncIterable<readonly Row[]>,
  enough: () => number,
): AsyncGenerator<readonly Row[]> {
  let rows: Row[] = [];
  for await (const more of found) {
    rows.push(...more);
    if (rows.length < enough()) continue;
    yield rows;
    rows = [];
  }
  if (rows.length > 0) yield rows;
}

/** Divides `items` into batches of the pace's size; answers what `work` made of each, and ends early when the run is stopped. */
export async function* batches<T, Answer>(
  run: Pick<Run, "signal">,
  pace: Pace,
  items: readonly T[],
  work: (batch: readonly T[]) => Promise<Answer>,
): AsyncGenerator<Answer> {
  for (let at = 0; at < items.length && !isStopped(run); ) {
    const batch = items.slice(at, at + pace.size);
    yield await inTurns(run, () => work(batch));
    at += batch.length;
  }
}

/** One transaction of a step; tried again where others were in the way, as the whole of it was rolled back. */
export async function patiently<T>(
  db: Database,
  work: (transaction: Transaction) => Promise<T>,
  options?: Parameters<Database["transaction"]>[1],
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await db.transaction(work, options);
    } catch (error) {
      if (attempt === tries || !isPassing(error)) throw error;
    }
  }
}
