/**
 * One process of a test, which can die: from then on nothing that it does reaches database or store, as after `kill -9`. What had reached
 * them by then stays; an open transaction is rolled back.
 */

import type { Database, Transaction } from "../../../src/db/contract.ts";
import type { FaultPoints } from "../../../src/object/fault-points.ts";

/** What a dead process meets. */
export class Died extends Error {
  override readonly name = "Died";
}

/** What happens at a named point, the `time`-th time that it is reached. */
export interface Interruption {
  readonly point: string;
  readonly time: number;
  /** `die`, or what others do meanwhile. */
  readonly act: "die" | (() => Promise<void>);
}

export class Life {
  /** In claims. */
  readonly worker: string;
  /** Points that were reached, with how often. */
  readonly hits = new Map<string, number>();
  /** True once the interruption has happened. */
  wasInterrupted = false;
  readonly #real: FaultPoints | undefined;
  #interruption: Interruption | undefined;
  #isDead = false;
  #working = 0;
  #idle: (() => void) | undefined;

  /** `real`: told of each point first. */
  constructor(worker: string, interruption?: Interruption, real?: FaultPoints) {
    this.worker = worker;
    this.#real = real;
    this.#interruption = interruption;
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  /** The same process, started once more. */
  restart(interruption?: Interruption): void {
    this.#isDead = false;
    this.#interruption = interruption;
    this.wasInterrupted = false;
    this.hits.clear();
  }

  /** Does `work` while alive. */
  async step<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isDead) throw new Died(`${this.worker} is dead`);
    this.#working += 1;
    try {
      return await work();
    } finally {
      this.#working -= 1;
      if (this.#working === 0) this.#idle?.();
    }
  }

  /** Resolves when nothing that it began is under way. */
  async settled(): Promise<void> {
    if (this.#working > 0) await new Promise<void>((done) => (this.#idle = done));
  }

  readonly faults: FaultPoints = async (point) => {
    if (this.#isDead) throw new Died(`${this.worker} is dead`);
    await this.#real?.(point);
    const time = (this.hits.get(point) ?? 0) + 1;
    this.hits.set(point, time);
    const planned = this.#interruption;
    if (planned === undefined || planned.point !== point || planned.time !== time) return;
    this.wasInterrupted = true;
    if (planned.act !== "die") return planned.act();
    this.#isDead = true;
    throw new Died(`${this.worker} died at ${point}`);
  };

  /** `db` as this process reaches it. */
  database(db: Database): Database {
    return {
      query: (text, values, options) => this.step(() => db.query(text, values, options)),
      transaction: (work, options) =>
        this.step(() =>
          db.transaction(async (transaction) => {
            const value = await work(this.#transaction(transaction));
            if (this.#isDead) throw new Died(`${this.worker} died before the commit`);
            return value;
          }, options),
        ),
      close: async () => undefined,
    };
  }

  #transaction(transaction: Transaction): Transaction {
    return {
      query: (text, values, options) => this.step(() => transaction.query(text, values, options)),
      savepoint: (work) => this.step(() => transaction.savepoint(work)),
    };
  }
}
