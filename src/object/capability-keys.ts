/** The secrets that sign capabilities: rows of `holdfast.capability_key`, the same for every replica, remembered for a short while. */

import { randomBytes } from "node:crypto";
import type { Database, Queryable } from "../db/contract.ts";

interface CapabilityKey {
  /** Id of the row; capabilities name it. */
  readonly id: number;
  readonly secret: Buffer;
}

/** The keys as last read. */
export interface CapabilityKeys {
  /** The key to sign with. */
  current(): CapabilityKey;
  /** `undefined` for a key that never was, or was revoked. */
  find(id: number): CapabilityKey | undefined;
  /** Reads the keys again, at once. */
  refresh(): Promise<void>;
  close(): void;
}

/** How long a revoked key may still be taken, and a new one unknown, in milliseconds. */
export const refreshMs = 2000;
/** How old a key is when every replica must have read it. */
export const knownMs = 3 * refreshMs;

/** Reads the keys, makes the first one, and keeps them fresh until closed. */
export async function openCapabilityKeys(db: Database): Promise<CapabilityKeys> {
  let keys = await readOrMake(db);
  const refresh = async (): Promise<void> => {
    keys = await readOrMake(db);
  };
  // A failed refresh keeps the keys that were good; the database is then told as unavailable elsewhere.
  const timer = setInterval(() => void refresh().catch(() => undefined), refreshMs);
  timer.unref();
  return {
    current: () => signingKey(keys),
    find: (id) => keys.find((key) => key.id === id),
    refresh,
    close: () => clearInterval(timer),
  };
}

interface DatedKey extends CapabilityKey {
  readonly ageMs: number;
}

/** The newest key that every replica must have read by now; a key just made is signed with only when there is no other. */
function signingKey(keys: readonly DatedKey[]): CapabilityKey {
  const known = keys.filter((key) => key.ageMs > knownMs);
  const key = known.at(-1) ?? keys[0];
  if (key === undefined) throw new RangeError("there is always a key");
  return key;
}

async function readOrMake(db: Database): Promise<readonly DatedKey[]> {
  const found = await read(db);
  if (found.length > 0) return found;
  await db.transaction(async (transaction) => {
    await lockKeys(transaction);
    await makeFirst(transaction);
  });
  return read(db);
}

/** Until the transaction ends nobody else makes or revokes a key. */
export async function lockKeys(transaction: Queryable): Promise<void> {
  await transaction.query("LOCK TABLE holdfast.capability_key IN SHARE ROW EXCLUSIVE MODE");
}

/** Makes a key where none is in use; the keys are locked. */
export async function makeFirst(transaction: Queryable): Promise<void> {
  await transaction.query(
    `INSERT INTO holdfast.capability_key (secret)
     SELECT $1 WHERE NOT EXISTS (SELECT FROM holdfast.capability_key WHERE revoked_at IS NULL)`,
    [randomBytes(32)],
  );
}

async function read(db: Database): Promise<readonly DatedKey[]> {
  const { rows } = await db.query<{ id: string; secret: Buffer; age: number }>(
    `SELECT id, secret, (extract(epoch FROM clock_timestamp() - created_at) * 1000)::float8 AS age
     FROM holdfast.capability_key WHERE revoked_at IS NULL ORDER BY id`,
  );
  return rows.map((row) => ({ id: Number(row.id), secret: row.secret, ageMs: row.age }));
}
