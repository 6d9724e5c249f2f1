/**
 * Physical deletion in one store: what was killed is hidden, what was hidden long enough is purged, what was never finished is reaped. Any
 * number of workers do so at once; each object is one worker's at a time.
 */

import { isServiceError } from "../errors.ts";
import type { Store } from "../store/contract.ts";
import { inTurns } from "./batch.ts";
import { type Claim, type Claims, claim, type Purpose } from "./claim.ts";
import type { CollectorContext, Run } from "./context.ts";
import type { Decision } from "./contract.ts";
import { hideBytes, recordHidden } from "./hide.ts";
import { lookAround } from "./neighbours.ts";
import { inParallel } from "./parallel.ts";
import { forget, purgeBytes } from "./purge.ts";
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
/** Objects that are claimed, and recorded, together. */
const claimedAtOnce: Readonly<Record<Purpose, number>> = { hide: 64, purge: 32 };
/** Times that a run walks over what is to be hidden, when writers came between. */
const walks = 3;
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
  await work.hideAll();
  await work.each("purge", (claims) => work.purge(claims));
  await work.reap();
  return work.removal;
}

class Work {
  readonly #context: CollectorContext;
  readonly #run: Run;
  readonly #store: Store;
  readonly #options: RemovalOptions;
  readonly #done = { hidden: 0, hiddenBytes: 0, purged: 0, purgedBytes: 0, reaped: 0, left: 0 };
  #failuresInARow = 0;
  /** Of those that are left, what may be claimed again at once. */
  #givenBack = 0;
  /** Of those that are left, what somebody wrote to meanwhile. */
  #writtenTo = 0;
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

  /** What could not be hidden because somebody wrote to it is tried again: its writers are told to wait until it is hidden. */
  async hideAll(): Promise<void> {
    for (let walk = 1; walk <= walks && !this.#isOver; walk++) {
      // They are counted again if they are left again.
      this.#done.left -= this.#givenBack;
      this.#givenBack = 0;
      this.#writtenTo = 0;
      await this.each("hide", (claims) => this.hide(claims));
      if (this.#writtenTo === 0) return;
    }
  }

  /** Does `step` to all tombstones of the store that there are to claim for `purpose`, some at a time. */
  async each(purpose: Purpose, step: (claims: Claims) => Promise<void>): Promise<void> {
    const { claimMs = 300_000 } = this.#options;
    const store = this.#store.config.name;
    for (let after = "0"; !this.#isOver; ) {
      const request = { store, purpose, after, count: claimedAtOnce[purpose], claimMs };
      const claims = await claim(this.#context, request).catch((error: unknown) => this.#stop(error));
      if (claims === undefined) return;
      try {
        if (claims.all.length > 0) await inTurns(this.#run, () => step(claims));
      } finally {
        claims.close();
      }
      const last = claims.all.at(-1);
      if (last === undefined) return;
      after = last.tombstone.id;
    }
  }

  /** What is hidden stays claimed until all of it is recorded. */
  async hide(claims: Claims): Promise<void> {
    const { all } = claims;
    const around = await this.#together(all, "are left for later", () =>
      lookAround(
        this.#context.db,
        this.#store.config.name,
        all.map(({ tombstone }) => tombstone),
      ),
    );
    if (around === undefined) return;
    const emptied = await this.#allOf(claims, (task) => hideBytes(task, around.get(task.claim.tombstone.id)));
    await this.#giveBack(
      claims,
      all.filter((one) => !emptied.some(({ claim: done }) => done === one)),
    );
    const hidden = await this.#together(emptied, "are hidden, which is not recorded yet", () =>
      recordHidden(this.#context, this.#run, emptied, this.#options.keepSeconds),
    );
    for (const { claim: one, bytes, wasThere, purgeAfter } of hidden ?? []) {
      this.#done.hidden += 1;
      this.#done.hiddenBytes += bytes;
      const reason = wasThere
        ? `hidden: can be revived until ${purgeAfter}`
        : "nothing lay at its key: there is nothing to hide";
      await this.#tell("hide", one, reason, bytes);
    }
  }

  async purge(claims: Claims): Promise<void> {
    const { all } = claims;
    // Asked again as late as can be: are they still to be purged, and the store collected?
    const asked = await this.#together(all, "are left for later", async () => {
      await claims.renew(all);
      return true;
    });
    if (asked === undefined) return;
    const gone = await this.#allOf(claims, purgeBytes);
    const purged = await this.#together(gone, "are gone, which is not recorded yet", () =>
      forget(this.#context, this.#run, gone),
    );
    for (const { claim: one, bytes } of purged ?? []) {
      this.#done.purged += 1;
      this.#done.purgedBytes += bytes;
      await this.#tell("purge", one, "gone for good: the time in the trash is over", bytes);
    }
  }

  /** One statement or transaction about several objects; where the database fails they are left for a later run. */
  async #together<T>(some: readonly unknown[], what: string, work: () => Promise<T>): Promise<T | undefined> {
    if (some.length === 0) return undefined;
    try {
      return await work();
    } catch (error) {
      if (!isServiceError(error)) throw error;
      this.#done.left += some.length;
      this.#context.warn(error, `${some.length} objects of the store ${this.#store.config.name} ${what}`);
      if (isOutage(error)) this.#stop(error);
      return undefined;
    }
  }

  /** Does `step` to each of the claims, a few at once; answers what came of those where it could be done, in order. */
  async #allOf<Done>(claims: Claims, step: (task: Task) => Promise<Done>): Promise<readonly Done[]> {
    const done = new Map<Claim, Done>();
    await inParallel(claims.all, objectsAtOnce, async (one) => {
      const answer = await this.#attempt(one, step);
      if (answer === undefined) claims.release(one);
      else done.set(one, answer);
    });
    // They are recorded next: nobody else writes to these rows meanwhile, this process least of all.
    claims.close();
    return claims.all.flatMap((one) => done.get(one) ?? []);
  }

  /** Where the database fails they end at their time. */
  async #giveBack(claims: Claims, some: readonly Claim[]): Promise<void> {
    try {
      this.#givenBack += await claims.giveBack(some);
    } catch (error) {
      if (!isServiceError(error)) throw error;
      this.#context.warn(error, `claims of the store ${this.#store.config.name} could not be given back`);
    }
  }

  async #attempt<Done>(one: Claim, step: (task: Task) => Promise<Done>): Promise<Done | undefined> {
    if (this.#isOver) return undefined;
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
      const answer = await step(task);
      this.#succeeded();
      return answer;
    } catch (error) {
      this.#done.left += 1;
      // Whoever has the claim now goes on; and who ended the run knows.
      if (one.isOver || stop?.aborted === true) return undefined;
      if (!isServiceError(error)) throw error;
      if (isServiceError(error, "CONFLICT")) this.#writtenTo += 1;
      this.failed(error, `${one.tombstone.locator} is left for later`);
      return undefined;
    }
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

  async #tell(
    step: "hide" | "purge",
    { tombstone: { locator } }: Claim,
    reason: string,
    sizeBytes: number,
  ): Promise<void> {
    await this.#options.onDecision?.({ step, store: this.#store.config.name, locator, reason, sizeBytes });
  }

  #succeeded(): void {
    this.#failuresInARow = 0;
  }

  /** Tells a failure; answers whether to go on. */
  failed(error: unknown, what: string): boolean {
    this.#context.warn(error, what);
    // What is wrong with one object says nothing of the next.
    this.#failuresInARow = isOutage(error) ? this.#failuresInARow + 1 : 0;
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

function isOutage(error: unknown): boolean {
  return isServiceError(error, "STORE_UNAVAILABLE") || isServiceError(error, "DATABASE_UNAVAILABLE");
}
