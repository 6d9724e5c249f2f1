/** The keys of a restore: reserved before the first byte, so that a restore that was ended goes on, and one that is given up is reaped. */

import type { Database, Queryable } from "../db/contract.ts";
import { ServiceError } from "../errors.ts";

/** A restore that does not go on within this time is over: the collector takes what it has written. */
const heldFor = "7 days";
const batch = 1000;

/** Whose reservations these are. */
function principalOf(backup: string): string {
  return `restore ${backup}`;
}

/** How many keys a restore of this backup has reserved already. */
export async function reservedCount(db: Queryable, backup: string): Promise<number> {
  const { rows } = await db.query<{ count: number }>(
    "SELECT count(*)::int AS count FROM holdfast.upload WHERE principal = $1",
    [principalOf(backup)],
  );
  return rows[0]?.count ?? 0;
}

/** Reserves the keys of all locators. @throws {CONFLICT} naming one that somebody has, or had. */
export async function reserveAll(
  db: Database,
  backup: string,
  locators: AsyncIterable<string>,
): Promise<void> {
  let some: string[] = [];
  for await (const locator of locators) {
    some.push(locator);
    if (some.length < batch) continue;
    await reserve(db, backup, some);
    some = [];
  }
  if (some.length > 0) await reserve(db, backup, some);
}

async function reserve(db: Database, backup: string, locators: readonly string[]): Promise<void> {
  const sorted = locators.toSorted();
  await db.transaction(async (transaction) => {
    const mine = await transaction.query<{ locator: string }>(
      `INSERT INTO holdfast.upload AS u (locator, principal, expires_at)
       SELECT locator, $2, clock_timestamp() + $3::interval FROM unnest($1::text[]) AS locator
       ON CONFLICT (locator) DO UPDATE SET expires_at = EXCLUDED.expires_at WHERE u.principal = EXCLUDED.principal RETURNING locator`,
      [sorted, principalOf(backup), heldFor],
    );
    // In a statement of its own: what was committed while the first one waited is seen.
    const had = await transaction.query<{ locator: string }>(
      `SELECT locator FROM holdfast.object WHERE locator = ANY ($1::text[])
       UNION ALL SELECT locator FROM holdfast.tombstone WHERE locator = ANY ($1::text[]) LIMIT 1`,
      [sorted],
    );
    const got = new Set(mine.rows.map(({ locator }) => locator));
    const taken = had.rows[0]?.locator ?? sorted.find((locator) => !got.has(locator));
    if (taken !== undefined) throw keyTaken(taken, "The database knows it already.");
  });
}

/** Ends the reservations, in the transaction that makes the objects. @throws {UPLOAD_EXPIRED} when some are gone. */
export async function takeReservations(db: Queryable, backup: string, objects: number): Promise<void> {
  const { rowCount } = await db.query(
    "DELETE FROM holdfast.upload WHERE principal = $1 AND expires_at > clock_timestamp()",
    [principalOf(backup)],
  );
  if (rowCount === objects) return;
  throw new ServiceError("UPLOAD_EXPIRED", `Of ${objects} reserved keys only ${rowCount} are left.`, {
    details: { remedy: "Run the restore again: it writes what is missing." },
  });
}

/** The error for a key that is not free. */
export function keyTaken(locator: string, why: string): ServiceError {
  return new ServiceError("CONFLICT", `The key ${locator} is taken. ${why}`, {
    details: {
      field: "store",
      value: locator,
      remedy: "Restore into stores that hold none of the backup's objects, and a database of their own.",
    },
  });
}
