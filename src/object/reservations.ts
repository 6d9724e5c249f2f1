/** Reservations of many writers, made together: each would cost a commit of its own, and a commit waits for the disk. */

import type { Queryable } from "../db/contract.ts";
import { Together } from "./together.ts";

/** One key that somebody wants. */
interface Wanted {
  readonly locator: string;
  readonly leaseMs: number;
  readonly principal?: string | undefined;
}

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
  readonly #together: Together<Wanted, string | undefined>;

  constructor(db: Queryable) {
    this.#together = new Together({
      all: (wanted) => reserveMany(db, wanted),
      one: (wanted) => reserveOne(db, wanted),
    });
  }

  /** As {@link reserveOne}. */
  reserve({ locator, leaseMs, principal }: Wanted): Promise<string | undefined> {
    return this.#together.ask({ locator, leaseMs, principal });
  }
}

async function reserveMany(db: Queryable, wanted: readonly Wanted[]): Promise<(string | undefined)[]> {
  // In one order everywhere: two statements that want the same keys must not wait for each other.
  const order = [...wanted.entries()].toSorted(([, a], [, b]) =>
    Buffer.compare(Buffer.from(a.locator), Buffer.from(b.locator)),
  );
  const columns = [
    order.map(([, { locator }]) => locator),
    order.map(([, { leaseMs }]) => leaseMs),
    order.map(([, { principal }]) => principal ?? null),
  ];
  const { rows } = await db.query<{ n: number; id: string | null }>(many, columns, {
    name: "object-reserve-many",
  });
  const ids = new Array<string | undefined>(wanted.length);
  for (const { n, id } of rows) ids[order[n - 1]?.[0] ?? -1] = id ?? undefined;
  return ids;
}
