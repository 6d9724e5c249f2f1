/** Who refers to objects and holds, from the catalog of foreign keys: what a row must not have, as SQL. */

import type { Queryable, Transaction } from "../db/contract.ts";

/** A table with a foreign key to `holdfast.object`. */
interface Holder {
  readonly schema: string;
  /** As SQL writes it. */
  readonly name: string;
  readonly column: string;
  /** A `"~object"`: its rows go when no row of its schema refers to them. Another one is a reference itself. */
  readonly isHold: boolean;
  /** Over the hold `o`: no row refers to it. */
  readonly unreferenced: string;
}

/** In order of their names. */
export async function holders(queryable: Queryable): Promise<readonly Holder[]> {
  const { rows } = await queryable.query<Holder>(
    `SELECT n.nspname::text AS schema, format('%I.%I', n.nspname, c.relname) AS name, format('%I', r.col) AS column,
       c.relname = '~object' AS "isHold", holdfast.unreferenced(r.conrelid) AS unreferenced
     FROM holdfast.reference r JOIN pg_class c ON c.oid = r.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE r.confrelid = 'holdfast.object'::regclass ORDER BY 2, 3`,
  );
  return rows;
}

/** Over the row `o` of `target`: nothing refers to it. */
export async function unreferenced(queryable: Queryable, target: string): Promise<string> {
  const { rows } = await queryable.query<{ text: string }>(
    "SELECT holdfast.unreferenced($1::regclass) AS text",
    [target],
  );
  const text = rows[0]?.text;
  // An absent text must never read as "nothing refers to it".
  if (text === undefined) throw new Error(`No text for ${target}`);
  return text;
}

/** Over the object `x`: nobody will hold it once the holds that no row refers to are released. */
export async function unheldAfterRelease(queryable: Queryable): Promise<string> {
  return unheld(await holders(queryable), ({ unreferenced }) => `AND NOT (${unreferenced})`);
}

/** Over the object `x`: nobody holds it. */
export async function unheldNow(queryable: Queryable): Promise<string> {
  return unheld(await holders(queryable), () => "");
}

/** `stays` is over the hold `o`: it is counted where that holds. */
function unheld(all: readonly Holder[], stays: (holder: Holder) => string): string {
  const terms = all.map((holder) =>
    holder.isHold
      ? `NOT EXISTS (SELECT FROM ${holder.name} o WHERE o.locator = x.locator ${stays(holder)})`
      : `NOT EXISTS (SELECT FROM ${holder.name} r WHERE r.${holder.column} = x.locator)`,
  );
  return terms.length === 0 ? "true" : terms.join(" AND ");
}

/**
 * Locks the tables that refer to `target` against being altered, before `target` itself: writers and changes of tables lock in that order, rows,
 * then holds, then objects, and in any other one somebody's ALTER TABLE would end in a deadlock with us. No other tables: who alters a table
 * of one schema must not stop the collector in the others.
 */
export function lockReferrers(transaction: Transaction, target: string): Promise<void> {
  return lock(transaction, "r.confrelid = $1::regclass", [target]);
}

/** Locks all that refers to objects, rows and holds, in the same order: for looks at everything. */
export function lockAllReferrers(transaction: Transaction): Promise<void> {
  return lock(transaction, "true", []);
}

async function lock(transaction: Transaction, which: string, values: readonly string[]): Promise<void> {
  const { rows } = await transaction.query<{ names: string | null }>(
    `SELECT string_agg(name, ', ' ORDER BY hop, name) AS names FROM (
       SELECT format('%I.%I', n.nspname, c.relname) AS name, min((r.confrelid = 'holdfast.object'::regclass)::int) AS hop
       FROM holdfast.reference r JOIN pg_class c ON c.oid = r.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE ${which} GROUP BY 1) t`,
    values,
  );
  const names = rows[0]?.names ?? null;
  if (names !== null) await transaction.query(`LOCK TABLE ${names} IN ACCESS SHARE MODE`);
}

/**
 * One look at a thousand rows must cost a thousand probes of indexes, whatever statistics say: the planner would read a referring table
 * of a million rows whole for each of them.
 */
export const probeIndexes =
  "SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL jit = off";
