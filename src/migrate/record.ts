/** The record of fields that change their codec (`holdfast.codec_migration`). */

import type { CodecMove } from "../sql/codec-move.ts";
import type { MoveFailure, MoveState, Sql } from "./contract.ts";

interface Row extends Omit<MoveState, "failures" | "begunAt" | "swappedAt"> {
  readonly failures: string;
  readonly begunAt: string;
  readonly swappedAt: string | null;
}

/** Failures that are kept by name. */
const namedFailures = 100;

/** The moves of one schema file; all of them, or those in some states. In the order they were begun. */
export async function readMoves(
  db: Sql,
  owner: string,
  states?: readonly MoveState["state"][],
): Promise<readonly MoveState[]> {
  const { rows } = await db.query<Row>(
    `SELECT id::text, entity, schema_name AS schema, table_name AS "table", column_name AS "column", from_spec AS "from", to_spec AS "to", state,
       copied::text, failed::text, failures::text, error,
       to_char(begun_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS "begunAt",
       to_char(swapped_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS "swappedAt"
     FROM holdfast.codec_migration WHERE owner = $1 AND ($2::text[] IS NULL OR state = ANY ($2)) ORDER BY id`,
    [owner, states ?? null],
  );
  return rows.map((row) => ({
    ...row,
    failures: JSON.parse(row.failures) as MoveFailure[],
    begunAt: new Date(row.begunAt),
    swappedAt: row.swappedAt === null ? null : new Date(row.swappedAt),
  }));
}

export async function insertMove(db: Sql, owner: string, move: CodecMove, by: string): Promise<void> {
  const { table, column, from, to } = move;
  await db.query(
    `INSERT INTO holdfast.codec_migration (owner, schema_name, table_name, column_name, entity, from_spec, to_spec, begun_by)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [owner, table.schema, table.name, column.name, table.entity, from, to, by],
  );
}

/** Counts values that were copied, in the transaction that copied them. */
export async function countCopied(db: Sql, id: string, count: number): Promise<void> {
  await db.query("UPDATE holdfast.codec_migration SET copied = copied + $2 WHERE id = $1", [id, count]);
}

/** What a whole pass could not take over. */
export async function recordFailures(
  db: Sql,
  id: string,
  failures: { readonly count: number; readonly first: readonly MoveFailure[] },
): Promise<void> {
  await db.query("UPDATE holdfast.codec_migration SET failed = $2, failures = $3 WHERE id = $1", [
    id,
    failures.count,
    JSON.stringify(failures.first.slice(0, namedFailures)),
  ]);
}

/** Why a run ended. */
export async function recordError(db: Sql, owner: string, error: string): Promise<void> {
  await db.query("UPDATE holdfast.codec_migration SET error = $2 WHERE owner = $1 AND state = 'copying'", [
    owner,
    error,
  ]);
}

/** What was in the way may be no more. */
export async function forgetFaults(db: Sql, owner: string): Promise<void> {
  await db.query(
    "UPDATE holdfast.codec_migration SET error = NULL, failed = 0, failures = '[]' WHERE owner = $1 AND state = 'copying'",
    [owner],
  );
}

export async function recordState(
  db: Sql,
  ids: readonly string[],
  state: "swapped" | "dropped" | "abandoned",
): Promise<void> {
  const at = state === "swapped" ? "swapped_at" : "ended_at";
  await db.query(
    `UPDATE holdfast.codec_migration SET state = $2, error = NULL, failed = 0, failures = '[]', ${at} = clock_timestamp() WHERE id = ANY ($1::bigint[])`,
    [ids, state],
  );
}
