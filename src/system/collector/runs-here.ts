/** Runs that this process has begun for callers, so that they can be waited for, followed and stopped. */

import { setTimeout as sleep } from "node:timers/promises";
import type { Decision, Finding } from "../../collector/contract.ts";
import { Pipe } from "./pipe.ts";

/** What a run tells on its way. */
export type Told = { readonly decision: Decision } | { readonly finding: Finding };

/** What a run is given. */
interface RunHooks {
  readonly signal: AbortSignal;
  readonly onRun: (run: string) => void;
  /** Absent where nobody follows. */
  readonly tell: ((told: Told) => Promise<void>) | undefined;
}

/** How a run goes. */
interface RunHere {
  readonly ended: Promise<unknown>;
  readonly stop: AbortController;
  /** Absent where nobody follows, or somebody does already. */
  pipe: Pipe<Told> | undefined;
}

/** How long a caller waits for a run before it is answered that it goes on. */
const answerMs = 20_000;
const stallMs = 10_000;

/** The runs of one service. */
export class RunsHere {
  readonly #log: (error: unknown, run: string) => void;
  readonly #runs = new Map<string, RunHere>();

  /** `log` is told why a run has failed whose caller was answered before. */
  constructor(log: (error: unknown, run: string) => void) {
    this.#log = log;
  }

  /**
   * Begins a run. Answers its id when it has ended, or after a while during which it goes on; at once where it is to be followed, or not waited for.
   * @throws what the run throws before that.
   */
  async begin(
    work: (hooks: RunHooks) => Promise<{ readonly run: string }>,
    { wait, follow }: { readonly wait: boolean; readonly follow: boolean },
  ): Promise<string> {
    const stop = new AbortController();
    const pipe = follow ? new Pipe<Told>(stallMs) : undefined;
    const known = Promise.withResolvers<string>();
    const ended = work({
      signal: stop.signal,
      onRun: known.resolve,
      tell: pipe && ((told) => pipe.push(told)),
    }).finally(() => pipe?.end());
    ended.then(({ run }) => known.resolve(run), known.reject);
    const run = await known.promise;
    const here: RunHere = { ended, stop, pipe };
    this.#runs.set(run, here);
    let isAnswered = false;
    ended
      .catch((error: unknown) => isAnswered && this.#log(error, run))
      // A followed run that was quick is still to be read.
      .finally(() => setTimeout(() => this.#runs.delete(run), follow ? stallMs : 0).unref());
    if (wait && !follow) await Promise.race([ended, sleep(answerMs, undefined, { ref: false })]);
    isAnswered = true;
    return run;
  }

  /** Asks a run to stop after the batch that it is at; false where it does not run here. */
  stop(run: string): boolean {
    const here = this.#runs.get(run);
    here?.stop.abort();
    return here !== undefined;
  }

  /** Resolves when the run has ended, however; undefined where it does not run here. */
  ended(run: string): Promise<unknown> | undefined {
    return this.#runs.get(run)?.ended.catch(() => undefined);
  }

  /** What a run tells; for one reader. */
  pipeOf(run: string): Pipe<Told> | undefined {
    const here = this.#runs.get(run);
    const pipe = here?.pipe;
    if (here !== undefined) here.pipe = undefined;
    return pipe;
  }
}
