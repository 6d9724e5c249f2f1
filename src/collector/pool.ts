/** Work on one object after another, a few at once: whoever adds more waits for a place, so that nothing piles up. */

import { Slots } from "../store/slots.ts";

export class Pool {
  readonly #slots: Slots;
  readonly #running = new Set<Promise<void>>();
  readonly #failures: unknown[] = [];

  constructor(atOnce: number) {
    this.#slots = new Slots(atOnce);
  }

  /** Begins `work` as soon as there is a place. @throws what some earlier work has thrown: then no more is begun. */
  async add(work: () => Promise<void>): Promise<void> {
    this.#check();
    const begun = Promise.withResolvers<void>();
    const one = this.#slots
      .run(async () => {
        begun.resolve();
        if (this.#failures.length === 0) await work();
      })
      .catch((error: unknown) => {
        this.#failures.push(error);
      })
      .finally(() => this.#running.delete(one));
    this.#running.add(one);
    await begun.promise;
  }

  /** Waits until all of it has ended. @throws the first of what was thrown. */
  async done(): Promise<void> {
    await Promise.all(this.#running);
    this.#check();
  }

  /** Waits until all of it has ended, whatever was thrown. */
  async settled(): Promise<void> {
    await Promise.all(this.#running);
  }

  #check(): void {
    if (this.#failures.length > 0) throw this.#failures[0];
  }
}
