/** Rotation and revocation of the keys that sign capabilities, as their operator sees them. */

import { randomBytes } from "node:crypto";
import type { Database, Queryable } from "../db/contract.ts";
import { ServiceError } from "../errors.ts";
import { maxSeconds } from "./capabilities.ts";
import { type CapabilityKeys, knownMs, lockKeys, makeFirst, refreshMs } from "./capability-keys.ts";

/** A key without its secret. */
export interface CapabilityKeyState {
  readonly id: string;
  /**
   * `PENDING`: signs as soon as every replica knows it. `CURRENT`: signs. `PREVIOUS`: signs no more, and what it signed is still good.
   * `REVOKED`: what it signed opens nothing.
   */
  readonly state: "PENDING" | "CURRENT" | "PREVIOUS" | "REVOKED";
  readonly createdAt: Date;
  readonly revokedAt: Date | null;
  /** When the last URL that it can have signed expires; null while it signs, and for what never will. */
  readonly lastExpiryAt: Date | null;
}

/** What an operator does with the keys. */
export interface CapabilityRotation {
  /** All keys that ever were, oldest first. */
  list(): Promise<readonly CapabilityKeyState[]>;
  /** Makes a key, which signs in place of the one before within seconds; URLs that are out live on until they expire. */
  rotate(): Promise<CapabilityKeyState>;
  /**
   * Ends every URL that the key has signed, here at once and on every replica within seconds; where no other key is left one is made.
   * Idempotent. @throws {NOT_FOUND}
   */
  revoke(id: string): Promise<CapabilityKeyState>;
}

/** Works on the database; `keys`, which this process signs with, follow at once. */
export function createRotation(db: Database, keys: CapabilityKeys): CapabilityRotation {
  return {
    list: () => list(db),
    async rotate() {
      const { rows } = await db.query<{ id: string }>(
        "INSERT INTO holdfast.capability_key (secret) VALUES ($1) RETURNING id",
        [randomBytes(32)],
      );
      await keys.refresh();
      return await find(db, rows[0]?.id ?? "");
    },
    async revoke(id) {
      await db.transaction(async (transaction) => {
        await lockKeys(transaction);
        await find(transaction, id);
        await transaction.query(
          "UPDATE holdfast.capability_key SET revoked_at = clock_timestamp() WHERE id = $1 AND revoked_at IS NULL",
          [id],
        );
        await makeFirst(transaction);
      });
      await keys.refresh();
      return await find(db, id);
    },
  };
}

async function find(db: Queryable, id: string): Promise<CapabilityKeyState> {
  const found = (await list(db)).find((key) => key.id === id);
  if (found !== undefined) return found;
  throw new ServiceError("NOT_FOUND", `There is no capability key ${JSON.stringify(id.slice(0, 40))}.`, {
    details: { field: "id", value: id.slice(0, 40), remedy: "See them with: holdfast capability list" },
  });
}

interface KeyRow {
  readonly id: string;
  /** Milliseconds of the epoch. */
  readonly created: number;
  readonly revoked: number | null;
  /** In milliseconds, by the database's clock. */
  readonly age: number;
}

async function list(db: Queryable): Promise<readonly CapabilityKeyState[]> {
  const { rows } = await db.query<KeyRow>(
    `SELECT id, (extract(epoch FROM created_at) * 1000)::float8 AS created,
       (extract(epoch FROM revoked_at) * 1000)::float8 AS revoked,
       (extract(epoch FROM clock_timestamp() - created_at) * 1000)::float8 AS age
     FROM holdfast.capability_key ORDER BY id`,
  );
  const alive = rows.filter(({ revoked }) => revoked === null);
  const current = alive.findLast((row) => row.age > knownMs) ?? alive[0];
  return rows.map((row) => {
    const createdAt = new Date(row.created);
    const revokedAt = row.revoked === null ? null : new Date(row.revoked);
    const state = stateOf(row, current);
    const next = state === "PREVIOUS" ? alive[alive.indexOf(row) + 1] : undefined;
    return { id: String(row.id), state, createdAt, revokedAt, lastExpiryAt: lastExpiry(next) };
  });
}

function stateOf(row: KeyRow, current: KeyRow | undefined): CapabilityKeyState["state"] {
  if (row.revoked !== null) return "REVOKED";
  if (row === current) return "CURRENT";
  return current !== undefined && Number(row.id) < Number(current.id) ? "PREVIOUS" : "PENDING";
}

/** A replica learns of the key after with its next look, and signs with the one before until then. */
function lastExpiry(next: KeyRow | undefined): Date | null {
  if (next === undefined) return null;
  return new Date(next.created + knownMs + 2 * refreshMs + maxSeconds * 1000);
}
