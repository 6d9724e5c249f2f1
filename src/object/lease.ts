/** Reserved keys: a row of `holdfast.upload` says that one key is ours for a while, and that nobody had it before. */

import type { Queryable } from "../db/contract.ts";
import { ServiceError } from "../errors.ts";
import { locatorOf } from "./locator.ts";
import { type Reservations, reserveOne } from "./reservations.ts";

/** Longest time from reservation to publication. */
export const maxLeaseMs = 24 * 3_600_000;

export interface Reservation {
  readonly id: string;
  readonly path: string;
}

interface ReserveRequest {
  readonly store: string;
  /** Keys to try, in this order. */
  readonly paths: readonly (() => string)[];
  readonly leaseMs: number;
  readonly principal?: string | undefined;
  /** Makes the reservation together with those of others, outside of any transaction. */
  readonly together?: Reservations;
}

/** Reserves the first free key of `paths`. @throws {STORE_UNAVAILABLE} while the store is being restored, {CONFLICT} when all are taken. */
export async function reserve(db: Queryable, request: ReserveRequest): Promise<Reservation> {
  for (const next of request.paths) {
    const path = next();
    const asked = { ...request, locator: locatorOf(request.store, path) };
    const id = await (request.together?.reserve(asked) ?? reserveOne(db, asked));
    if (id !== undefined) return { id, path };
  }
  throw await refusal(db, request.store);
}

async function refusal(db: Queryable, store: string): Promise<ServiceError> {
  const { rows } = await db.query<{ gc: string }>("SELECT gc FROM holdfast.store WHERE name = $1", [store]);
  if (rows[0]?.gc === "restore") {
    return new ServiceError(
      "STORE_UNAVAILABLE",
      `The store ${store} is being restored and takes no new objects.`,
      {
        details: { field: "store", value: store, remedy: "Finish the restore, then try again." },
      },
    );
  }
  return new ServiceError("CONFLICT", `No free key was found in the store ${store}.`, {
    details: { field: "store", value: store, remedy: "Try again." },
  });
}

/** Prolongs a reservation that still holds. @throws {UPLOAD_EXPIRED} when it does not. */
export async function renew(db: Queryable, id: string, leaseMs: number): Promise<void> {
  const { rowCount } = await db.query(
    `UPDATE holdfast.upload SET expires_at = greatest(expires_at, clock_timestamp() + $2::float8 * interval '1 ms')
     WHERE id = $1 AND expires_at > clock_timestamp()`,
    [id, leaseMs],
  );
  if (rowCount !== 1) throw expired();
}

/** Gives a reservation back, when nothing was written under its key by us. */
export async function release(db: Queryable, id: string): Promise<void> {
  await db.query("DELETE FROM holdfast.upload WHERE id = $1", [id]);
}

/** What a reservation that no longer holds is told as. */
export function expired(cause?: unknown): ServiceError {
  return new ServiceError("UPLOAD_EXPIRED", "The upload has expired or was used already.", {
    details: { field: "upload", remedy: "Create another upload and send the bytes again." },
    cause,
  });
}
