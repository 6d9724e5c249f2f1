/** What a run tells on its way to one reader: the run waits for the reader, though never for one that has stopped reading. */

import { ServiceError } from "../../errors.ts";

/** How much may wait to be read. */
const capacity = 10_000;
/** How many are read at once. */
const batchSize = 1000;

/** A bounded queue between a run and its reader. */
export class Pipe<T> {
  readonly #stallMs: number;
  #items: T[] = [];
  #isEnded = false;
  #failure: ServiceError | undefined;
  #arrival: PromiseWithResolvers<void> | undefined;
  #room: PromiseWithResolvers<void> | undefined;

  /** A reader that takes nothing for `stallMs` is given up. */
  constructor(stallMs: number) {
    this.#stallMs = stallMs;
  }

  /** Resolves when there is room for the next one. */
  async push(item: T): Promise<void> {
    if (this.#isEnded) return;
    this.#items.push(item);
    this.#arrival?.resolve();
    if (this.#items.length < capacity) return;
    this.#room = Promise.withResolvers();
    const timer = setTimeout(() => this.#giveUp(), this.#stallMs);
    await this.#room.promise;
    clearTimeout(timer);
  }

  /** What has come since; nothing at the end. @throws {LIMIT_EXCEEDED} where the reader was given up. */
  async take(): Promise<readonly T[]> {
    while (this.#items.length === 0 && !this.#isEnded) {
      this.#arrival = Promise.withResolvers();
      await this.#arrival.promise;
    }
    const batch = this.#items.splice(0, batchSize);
    this.#room?.resolve();
    if (batch.length === 0 && this.#failure !== undefined) throw this.#failure;
    return batch;
  }

  /** Nothing more will come; what waits can still be read. */
  end(): void {
    this.#isEnded = true;
    this.#arrival?.resolve();
    this.#room?.resolve();
  }

  /** The reader has gone. */
  abandon(): void {
    this.#items = [];
    this.end();
  }

  #giveUp(): void {
    const seconds = this.#stallMs / 1000;
    this.#failure = new ServiceError(
      "LIMIT_EXCEEDED",
      `Nothing was read for ${seconds} s: the run goes on, and what it decides from here is not told.`,
      { details: { limit: seconds, remedy: "Ask collectorRun for what the run has done." } },
    );
    this.end();
  }
}
