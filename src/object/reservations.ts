/** Reservations of many writers, made together: each would cost a commit of its own, and a commit waits for the disk. */

import type { Queryable } from "../db/contract.ts";
import { isServiceError } from "../errors.ts";

/** One key that somebody wants. */
interface Wanted {
  readonly locator: string;
  readonly leaseMs: number;
  readonly principal?: string | undefined;
}

interface Asked extends Wanted {
  readonly made: PromiseWithResolvers<string | undefined>;
}

/** Statements on their way at the same time; who comes meanwhile goes together into the next one. */
const atOnce = 4;
const mostInOne = 200;

const many = `SELECT n::int AS n, holdfast.reserve(locator, ms * interval '1 ms', who) AS id
  FROM unnest($1::text[], $2::float8[], $3::text[]) WITH ORDINALITY AS asked(locator, ms, who, n)`;

/** Reserves one key. Answers the reservation's id; `undefined` when somebody has the key, or had it. */
export async function reserveOne(
  db: Queryable,
  { locator, leaseMs, principal }: Wanted,
): Promise<string | undefined> {
  const { rows } = await db.query<{ id: string | null }>(
    "SELECT holdfast.reserve($1, $2::float8 * interval '1 ms', $3) AS id",
    [locator, leaseMs, principal ?? null],
    { name: "object-reserve" },
  );
  return rows[0]?.id ?? undefined;
}

/** Reserves keys, each on its own terms. */
export class Reservations {
  readonly #db: Queryable;
  #waiting: Asked[] = [];
  #running = 0;

  constructor(db: Queryable) {
    this.#db = db;
  }

  /** As {@link reserveOne}. */
  reserve({ locator, leaseMs, principal }: Wanted): Promise<string | undefined> {
    const made = Promise.withResolvers<string | undefined>();
    this.#waiting.push({ locator, leaseMs, principal, made });
    // Those of the same turn come along.
    queueMicrotask(() => this.#next());
    return made.promise;
  }

  #next(): void {
    if (this.#running >= atOnce || this.#waiting.length === 0) return;
    const batch = this.#waiting.splice(0, mostInOne);
    this.#running += 1;
    void this.#run(batch).finally(() => {
      this.#running -= 1;
      this.#next();
    });
  }

  async #run(batch: readonly Asked[]): Promise<void> {
    if (batch.length > 1 && (await this.#together(batch))) return;
    for (const asked of batch) await this.#alone(asked);
  }

  /** False when the statement was refused, perhaps for one of them: then each is asked for alone, and fails alone. */
  async #together(batch: readonly Asked[]): Promise<boolean> {
    // In one order everywhere: two statements that want the same keys must not wait for each other.
    const order = batch.toSorted((a, b) => Buffer.compare(Buffer.from(a.locator), Buffer.from(b.locator)));
    const columns = [
      order.map(({ locator }) => locator),
      order.map(({ leaseMs }) => leaseMs),
      order.map(({ principal }) => principal ?? null),
    ];
    try {
      const { rows } = await this.#db.query<{ n: number; id: string | null }>(many, columns, {
        name: "object-reserve-many",
      });
      for (const { n, id } of rows) order[n - 1]?.made.resolve(id ?? undefined);
      return true;
    } catch (error) {
      if (!isServiceError(error, "DATABASE_UNAVAILABLE")) return false;
      // Asked one by one each would wait for the database in its turn.
      for (const { made } of batch) made.reject(error);
      return true;
    }
  }

  async #alone(asked: Asked): Promise<void> {
    try {
      asked.made.resolve(await reserveOne(this.#db, asked));
    } catch (error) {
      asked.made.reject(error);
    }
  }
}
