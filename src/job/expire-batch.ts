/** One batch of rows whose time has come: locked, looked at, deleted with their parts, all in one transaction. */

import type { Database, Queryable, Transaction } from "../db/contract.ts";
import { isServiceError } from "../errors.ts";
import {
  deleteExpired,
  type Expiry,
  expiryKey,
  expiryKeys,
  type Keeper,
  keptRows,
  lockExpired,
  lockParts,
} from "../sql/expiry.ts";

/** PostgreSQL texts of the columns of a key. */
type Key = readonly string[];

/** The last row that a batch has looked at; the next one goes on behind it. */
export interface Place {
  readonly at: string;
  readonly key: Key;
}

/** Where a batch begins and how much it takes. */
export interface BatchRequest {
  readonly expiry: Expiry;
  readonly keepers: readonly Keeper[];
  /** Text of a timestamp in UTC: rows of a later time stay. */
  readonly until: string;
  readonly behind: Place | undefined;
  /** Rows of the table itself, at most. */
  readonly rows: number;
  /** Called in the transaction before anything goes, for the audit. */
  record(transaction: Transaction, removed: ReadonlyMap<string, number>): Promise<void>;
}

/** What became of a batch. */
export interface Batch {
  /** Rows deleted, by table. */
  readonly removed: ReadonlyMap<string, number>;
  /** Rows of the table itself that stay although their time has come, by reason. */
  readonly kept: ReadonlyMap<string, number>;
  /** Absent: there were none. */
  readonly last: Place | undefined;
}

/** Rows that go, and those that were taken off because something keeps them. */
class Candidates {
  readonly #keys: Map<string, Key>;
  readonly kept = new Map<string, number>();

  constructor(keys: readonly Key[]) {
    this.#keys = new Map(keys.map((key) => [JSON.stringify(key), key]));
  }

  get keys(): readonly Key[] {
    return [...this.#keys.values()];
  }

  /** True when one of them was to go. */
  keep(keys: readonly Key[], reason: string): boolean {
    const gone = keys.filter((key) => this.#keys.delete(JSON.stringify(key)));
    if (gone.length > 0) this.kept.set(reason, (this.kept.get(reason) ?? 0) + gone.length);
    return gone.length > 0;
  }
}

/** Removes the next rows. Waits for nobody: a row that somebody holds, or of which somebody holds a part, is left for another time. */
export async function expireBatch(db: Database, request: BatchRequest): Promise<Batch> {
  return db.transaction(async (transaction) => {
    const { expiry, until, behind, rows } = request;
    const found = await transaction.query<Place>(lockExpired(expiry), [
      until,
      behind?.at ?? null,
      behind === undefined ? null : expiryKey(expiry, behind.key),
      rows,
    ]);
    const candidates = new Candidates(found.rows.map(({ key }) => key));
    await holdBack(transaction, request, candidates);
    const removed = new Map<string, number>();
    await remove(transaction, request, { candidates, keys: candidates.keys, removed });
    if (removed.size > 0) await request.record(transaction, removed);
    return { removed, kept: candidates.kept, last: found.rows.at(-1) };
  });
}

/** Takes off what somebody holds, and what rows refer to that stay. */
async function holdBack(
  transaction: Transaction,
  { expiry, keepers }: BatchRequest,
  candidates: Candidates,
): Promise<void> {
  const ask = async (text: string): Promise<readonly Key[]> =>
    candidates.keys.length === 0 ? [] : askKeys(transaction, text, expiryKeys(expiry, candidates.keys));
  for (const part of expiry.tables.slice(1)) {
    candidates.keep(
      await ask(lockParts(expiry, part)),
      `somebody works on rows of ${part.schema}.${part.table}`,
    );
  }
  // What is taken off may keep others of the batch in its turn.
  for (let changed = true, first = true; changed; first = false) {
    changed = false;
    for (const keeper of keepers) {
      if (!first && keeper.from === undefined) continue;
      const { fromSchema, fromTable } = keeper.key;
      const reason = `rows of ${fromSchema}.${fromTable} refer to them`;
      if (candidates.keep(await ask(keptRows(expiry, keeper)), reason)) changed = true;
    }
  }
}

async function askKeys(queryable: Queryable, text: string, keys: string): Promise<readonly Key[]> {
  const { rows } = await queryable.query<{ key: Key }>(text, [keys]);
  return rows.map(({ key }) => key);
}

interface Removal {
  readonly candidates: Candidates;
  readonly keys: readonly Key[];
  readonly removed: Map<string, number>;
}

/** Where a rule of the database refuses a delete, that row stays and the others go. */
async function remove(
  transaction: Transaction,
  { expiry }: BatchRequest,
  { candidates, keys, removed }: Removal,
): Promise<void> {
  const halves: (readonly Key[])[] = keys.length === 0 ? [] : [keys];
  for (let some = halves.pop(); some !== undefined; some = halves.pop()) {
    const doomed = some;
    try {
      await transaction.savepoint(async () => {
        const text = deleteExpired(expiry);
        const { rows } = await transaction.query<Record<string, string>>(text, [expiryKeys(expiry, doomed)]);
        for (const [at, { schema, table }] of expiry.tables.entries()) {
          const count = Number(rows[0]?.[`c${at}`] ?? 0);
          const name = `${schema}.${table}`;
          if (count > 0) removed.set(name, (removed.get(name) ?? 0) + count);
        }
      });
    } catch (error) {
      if (!isServiceError(error, "CONSTRAINT_VIOLATION")) throw error;
      if (doomed.length === 1) candidates.keep(doomed, error.message);
      else halves.push(doomed.slice(doomed.length / 2), doomed.slice(0, doomed.length / 2));
    }
  }
}
