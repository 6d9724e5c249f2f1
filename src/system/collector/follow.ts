/** News of one run, for a subscription: what it decides, and its end, wherever it runs. */

import { setTimeout as sleep } from "node:timers/promises";
import type { Decision, Finding } from "../../collector/contract.ts";
import type { Queryable } from "../../db/contract.ts";
import { ServiceError } from "../../errors.ts";
import type { Pipe } from "./pipe.ts";
import { findRun } from "./run-list.ts";
import type { CollectorDecision, CollectorFinding, CollectorProgress } from "./run-types.ts";
import type { RunsHere, Told } from "./runs-here.ts";

/** How often a run of another process is looked at. */
const lookMs = 1000;

/** What following stands on. */
export interface FollowParts {
  readonly db: Queryable;
  readonly runs: RunsHere;
}

/** Begins to follow. @throws {NOT_FOUND} */
export async function followRun(
  parts: FollowParts,
  run: string,
): Promise<AsyncIterableIterator<CollectorProgress>> {
  if ((await findRun(parts.db, run)) === null)
    throw new ServiceError("NOT_FOUND", `There is no run ${run}.`, {
      details: { field: "run", value: run, remedy: "collectorRuns lists them." },
    });
  return new Following(parts, run);
}

/** No generator: its end must not wait for its next news. */
class Following implements AsyncIterableIterator<CollectorProgress> {
  readonly #parts: FollowParts;
  readonly #run: string;
  readonly #gone = new AbortController();
  #pipe: Pipe<Told> | undefined;
  #isDone = false;

  constructor(parts: FollowParts, run: string) {
    this.#parts = parts;
    this.#run = run;
    this.#pipe = parts.runs.pipeOf(run);
  }

  async next(): Promise<IteratorResult<CollectorProgress>> {
    const told = (await this.#pipe?.take()) ?? [];
    if (told.length > 0) return { done: false, value: news(told) };
    const ended = this.#isDone ? null : await this.#end();
    this.#isDone = true;
    if (ended === null) return { done: true, value: undefined };
    return { done: false, value: { decisions: [], findings: [], ended } };
  }

  async return(): Promise<IteratorResult<CollectorProgress>> {
    this.#isDone = true;
    this.#pipe?.abandon();
    this.#gone.abort();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The run when it has ended; null where nobody waits for it any more. */
  async #end() {
    for (;;) {
      const run = await findRun(this.#parts.db, this.#run);
      if (run?.state !== "RUNNING" || this.#gone.signal.aborted) return run;
      const look = sleep(lookMs, undefined, { signal: this.#gone.signal }).catch(() => undefined);
      await Promise.race([look, this.#parts.runs.ended(this.#run) ?? look]);
    }
  }
}

function news(told: readonly Told[]): CollectorProgress {
  return {
    decisions: told.flatMap((one) => ("decision" in one ? shownDecision(one.decision) : [])),
    findings: told.flatMap((one) => ("finding" in one ? shownFinding(one.finding) : [])),
    ended: null,
  };
}

function shownDecision({ sizeBytes, condemnedAt, ...decision }: Decision): CollectorDecision {
  const isKnown = condemnedAt !== undefined && Number.isFinite(condemnedAt.getTime());
  return { ...decision, sizeBytes: sizeBytes ?? null, condemnedAt: isKnown ? condemnedAt : null };
}

function shownFinding(finding: Finding): CollectorFinding {
  return { ...finding };
}
