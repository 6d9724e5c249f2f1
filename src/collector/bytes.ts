/**
 * Physical deletion in one store: what was killed is hidden, what was hidden long enough is purged, what was never finished is reaped. Any
 * number of workers do so at once; each object is one worker's at a time.
 */

import { isServiceError } from "../errors.ts";
import type { Store } from "../store/contract.ts";
import { Slots } from "../store/slots.ts";
import { type Claim, type Claims, claim, type Purpose } from "./claim.ts";
import type { CollectorContext, Run } from "./context.ts";
import type { Decision } from "./contract.ts";
import { hide } from "./hide.ts";
import { inParallel } from "./parallel.ts";
import { purge } from "./purge.ts";
import { reap } from "./reap.ts";
import type { Task } from "./task.ts";

/** How bytes are removed. */
export interface RemovalOptions {
  /** Told what was done to each object, one after the other; the work waits for it. */
  readonly onDecision?: ((decision: Decision) => void | Promise<void>) | undefined;
  /** From hidden to purged. */
  readonly keepSeconds: number;
  /** Life of a claim that is not renewed; 5 minutes unless given. */
  readonly claimMs?: number;
}

/** What was done in a store. */
export interface Removal {
  readonly hidden: number;
  readonly hiddenBytes: number;
  readonly purged: number;
  readonly purgedBytes: number;
  readonly reaped: number;
  /** Objects that were left for a later run. */
  readonly left: number;
  /** Why the rest was left too: the store, or the database, failed several times in a row. */
  readonly stoppedBy?: unknown;
}

/** Objects in work at once. */
const objectsAtOnce = 8;
/** Objects claimed at once. */
const claimedAtOnce = 32;
/** Failures in a row after which the rest is left for a later run. */
const patience = 5;

/**
 * Hides, purges and reaps until nothing is due in `store`, or it fails several times in a row. Only where its mode is `on`, which every
 * claim asks again. An object that cannot be worked on is left for a later run; who asked is told by `context.warn`.
 * @throws what is no failure of a store or of the database.
 */
export async function removeBytes(
  context: CollectorContext,
  run: Run,
  store: Store,
  options: RemovalOptions,
): Promise<Removal> {
  const work = new Work(context, run, store, options);
  await work.each("hide", (task) => work.hide(task));
  await work.each("purge", (task, claims) => work.purge(task, claims));
  await work.reap();
  return work.removal;
}

type Step = (task: Task, claims: Claims) => Promise<void>;

class Work {
  readonly #context: CollectorContext;
  readonly #run: Run;
  readonly #store: Store;
  readonly #options: RemovalOptions;
  /** Decisions are told one after the other. */
  readonly #telling = new Slots(1);
  readonly #done = { hidden: 0, hiddenBytes: 0, purged: 0, purgedBytes: 0, reaped: 0, left: 0 };
  #failuresInARow = 0;
  #stoppedBy: unknown;

  constructor(context: CollectorContext, run: Run, store: Store, options: RemovalOptions) {
    this.#context = context;
    this.#run = run;
    this.#store = store;
    this.#options = options;
  }

  get removal(): Removal {
    return { ...this.#done, ...(this.#stoppedBy !== undefined && { stoppedBy: this.#stoppedBy }) };
  }

  get #isOver(): boolean {
    return this.#stoppedBy !== undefined || this.#run.signal?.aborted === true;
  }

  /** Does `step` to all tombstones of the store that there are to claim for `purpose`. */
  async each(purpose: Purpose, step: Step): Promise<void> {
    const { claimMs = 300_000 } = this.#options;
    const store = this.#store.config.name;
    for (let after = "0"; !this.#isOver; ) {
      const request = { store, purpose, after, count: claimedAtOnce, claimMs };
      const claims = await claim(this.#context, request).catch((error: unknown) => this.#stop(error));
      if (claims === undefined) return;
      try {
        await inParallel(claims.all, objectsAtOnce, (one) => this.#attempt(claims, one, step));
      } finally {
        claims.close();
      }
      const last = claims.all.at(-1);
      if (last === undefined) return;
      after = last.tombstone.id;
    }
  }

  async #attempt(claims: Claims, one: Claim, step: Step): Promise<void> {
    if (this.#isOver) return;
    const { signal: stop } = this.#run;
    const signal = stop === undefined ? one.signal : AbortSignal.any([stop, one.signal]);
    const task: Task = {
      context: this.#context,
      run: this.#run,
      store: this.#store,
      claim: one,
      signal,
    };
    try {
      // It has waited for others.
      one.check();
      await step(task, claims);
    } catch (error) {
      this.#done.left += 1;
      // Whoever has the claim now goes on; and who ended the run knows.
      if (one.isOver || stop?.aborted === true) return;
      if (!isServiceError(error)) throw error;
      this.failed(error, `${one.tombstone.locator} is left for later`);
    } finally {
      claims.release(one);
    }
  }

  async hide(task: Task): Promise<void> {
    const hidden = await hide(task, this.#options.keepSeconds);
    this.#succeeded();
    if (hidden === undefined) return;
    this.#done.hidden += 1;
    this.#done.hiddenBytes += hidden.bytes;
    const reason = hidden.wasThere
      ? `hidden: can be revived until ${hidden.purgeAfter}`
      : "nothing lay at its key: there is nothing to hide";
    await this.#tell("hide", task, reason, hidden.bytes);
  }

  async purge(task: Task, claims: Claims): Promise<void> {
    const purged = await purge(task, claims);
    this.#succeeded();
    if (purged === undefined) return;
    this.#done.purged += 1;
    this.#done.purgedBytes += purged.bytes;
    await this.#tell("purge", task, "gone for good: the time in the trash is over", purged.bytes);
  }

  async reap(): Promise<void> {
    if (this.#isOver) return;
    try {
      await reap({
        context: this.#context,
        run: this.#run,
        store: this.#store,
        failed: (error, what) => this.failed(error, what),
        reaped: (locators) => this.#reaped(locators),
      });
    } catch (error) {
      if (this.#run.signal?.aborted !== true) this.#stop(error);
    }
  }

  async #reaped(locators: readonly string[]): Promise<void> {
    this.#done.reaped += locators.length;
    const store = this.#store.config.name;
    for (const locator of locators)
      await this.#options.onDecision?.({ step: "reap", store, locator, reason: "its upload has expired" });
  }

  async #tell(step: "hide" | "purge", { claim: { tombstone }, store }: Task, reason: string, bytes: number) {
    const decision = { step, store: store.config.name, locator: tombstone.locator, reason, sizeBytes: bytes };
    await this.#telling.run(async () => this.#options.onDecision?.(decision));
  }

  #succeeded(): void {
    this.#failuresInARow = 0;
  }

  /** Tells a failure; answers whether to go on. */
  failed(error: unknown, what: string): boolean {
    this.#context.warn(error, what);
    const isOutage =
      isServiceError(error, "STORE_UNAVAILABLE") || isServiceError(error, "DATABASE_UNAVAILABLE");
    // What is wrong with one object says nothing of the next.
    this.#failuresInARow = isOutage ? this.#failuresInARow + 1 : 0;
    if (this.#failuresInARow === patience) {
      this.#stoppedBy = error;
      this.#context.warn(error, `the store ${this.#store.config.name} fails: the rest is left for later`);
    }
    return !this.#isOver;
  }

  /** Of what concerns no one object. */
  #stop(error: unknown): undefined {
    if (!isServiceError(error)) throw error;
    this.#stoppedBy = error;
    this.#context.warn(error, `the bytes of the store ${this.#store.config.name} are left for later`);
  }
}
