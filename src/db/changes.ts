/** The record of changes (migration 0005), read by position: what was committed between two snapshots. */

import { ServiceError } from "../errors.ts";
import type { Database, Queryable } from "./contract.ts";

/** Rows that one statement changed, or a part of them. */
export interface ChangeEntry {
  /** Grows with every entry; of one row the later change has the greater number. */
  readonly number: bigint;
  /** The transaction that wrote it. */
  readonly xid: bigint;
  /** RFC 3339 in UTC. */
  readonly at: string;
  readonly schema: string;
  readonly table: string;
  readonly operation: "INSERT" | "UPDATE" | "DELETE" | "TRUNCATE";
  readonly keyColumns: readonly string[];
  /** JSON: for each row a list of its key's values, and behind them the old row where there was one. */
  readonly rows: string;
}

/** Entries that `from` does not see and `to` does; both are texts of `pg_snapshot`. */
export interface ChangeRange {
  readonly from: string;
  readonly to: string;
  /** Only entries with a greater number. */
  readonly above: bigint;
  readonly tables: readonly { readonly schema: string; readonly table: string }[];
}

/** Entries in one reading: some thousand rows. */
const pageEntries = 16;

/** What is committed at this moment, as text of a `pg_snapshot`. */
export async function currentSnapshot(db: Queryable): Promise<string> {
  const { rows } = await db.query<{ now: string }>("SELECT pg_current_snapshot()::text AS now", [], {
    name: "change_snapshot",
  });
  return rows[0]?.now ?? "";
}

// The entries are found by transaction first: in the order of numbers PostgreSQL would pass by everything that is kept.
const rangeText = `
  WITH found AS MATERIALIZED (
    SELECT number FROM holdfast.change
    WHERE xid >= pg_snapshot_xmin($1::pg_snapshot) AND NOT pg_visible_in_snapshot(xid, $1::pg_snapshot) AND pg_visible_in_snapshot(xid, $2::pg_snapshot)
      AND number > $3::bigint AND (schema_name, table_name) IN (SELECT * FROM unnest($4::text[], $5::text[])))
  SELECT c.number::text, c.xid::text, to_char(c.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at, c.schema_name AS schema, c.table_name AS "table",
    c.operation, c.key_columns AS "keyColumns", c.rows::text AS rows
  FROM holdfast.change c WHERE c.number IN (SELECT number FROM found ORDER BY number LIMIT ${pageEntries}) ORDER BY c.number`;

type EntryRow = Omit<ChangeEntry, "number" | "xid"> & { readonly number: string; readonly xid: string };

/** Entries of a range in the order of their numbers, in pages. */
export async function* readChanges(
  db: Queryable,
  range: ChangeRange,
): AsyncGenerator<readonly ChangeEntry[], void> {
  const schemas = range.tables.map(({ schema }) => schema);
  const tables = range.tables.map(({ table }) => table);
  let above = range.above;
  for (;;) {
    const values = [range.from, range.to, above.toString(), schemas, tables];
    const { rows } = await db.query<EntryRow>(rangeText, values, { name: "change_range" });
    if (rows.length === 0) return;
    const page = rows.map((row) => ({ ...row, number: BigInt(row.number), xid: BigInt(row.xid) }));
    yield page;
    above = page.at(-1)?.number ?? above;
    if (rows.length < pageEntries) return;
  }
}

/** What a position is worth to somebody who wants to go on from it. */
export type PositionState = "kept" | "pruned" | "foreign";

/**
 * Whether everything behind a snapshot is still kept. `foreign`: the snapshot is none, or of a time that this database has not reached, as
 * after a restore.
 */
export async function positionState(db: Queryable, snapshot: string): Promise<PositionState> {
  const form = /^(\d{1,19}):(\d{1,19}):(\d{1,19}(?:,\d{1,19})*)?$/.exec(snapshot);
  if (form === null) return "foreign";
  try {
    const { rows } = await db.query<{ ahead: boolean; pruned: boolean }>(
      `WITH given AS (SELECT $1::text::pg_snapshot AS s), oldest AS (SELECT snapshot AS o FROM holdfast.change_mark ORDER BY id LIMIT 1)
       SELECT pg_snapshot_xmax(s) > pg_snapshot_xmax(pg_current_snapshot()) AS ahead,
         coalesce(pg_snapshot_xmax(s) < pg_snapshot_xmax(o) OR EXISTS (SELECT FROM pg_snapshot_xip(s) AS x WHERE pg_visible_in_snapshot(x, o)), false) AS pruned
       FROM given LEFT JOIN oldest ON true`,
      [snapshot],
    );
    if (rows[0]?.ahead === true) return "foreign";
    return rows[0]?.pruned === true ? "pruned" : "kept";
  } catch (error) {
    if (error instanceof ServiceError && error.code === "BAD_USER_INPUT") return "foreign";
    throw error;
  }
}

/** Those of the tables whose changes are not recorded: without the triggers, or with one of them switched off. */
export async function unwatchedTables(
  db: Queryable,
  tables: ChangeRange["tables"],
  triggers: readonly string[],
): Promise<readonly string[]> {
  const { rows } = await db.query<{ name: string }>(
    `SELECT t.s || '.' || t.n AS name FROM unnest($1::text[], $2::text[]) AS t (s, n)
     WHERE (SELECT count(*) FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid JOIN pg_namespace m ON m.oid = c.relnamespace
            WHERE m.nspname = t.s AND c.relname = t.n AND g.tgname = ANY ($3::text[]) AND g.tgenabled IN ('O', 'A')) < cardinality($3::text[])`,
    [tables.map(({ schema }) => schema), tables.map(({ table }) => table), triggers],
  );
  return rows.map(({ name }) => name);
}

/** How much is kept. */
export interface ChangeRetention {
  /** Changes stay for so long after their commit, in seconds. */
  readonly keptSeconds: number;
  /** Entries beyond this number go earlier, the oldest first. */
  readonly maxEntries: number;
}

/**
 * Marks what is committed now, and forgets what a mark that is old enough sees. A change is never forgotten by the time at which it was
 * written: its transaction may have committed long after. Of several processes one does it.
 */
export async function pruneChanges(
  db: Database,
  { keptSeconds, maxEntries }: ChangeRetention,
): Promise<void> {
  await db.transaction(async (transaction) => {
    const { rows } = await transaction.query<{ mine: boolean }>(
      "SELECT pg_try_advisory_xact_lock(hashtextextended('holdfast.change', 0)) AS mine",
    );
    if (rows[0]?.mine !== true) return;
    await transaction.query(
      `INSERT INTO holdfast.change_mark (snapshot, number)
       SELECT pg_current_snapshot(), coalesce((SELECT max(number) FROM holdfast.change), 0)
       WHERE NOT EXISTS (SELECT FROM holdfast.change_mark WHERE at > clock_timestamp() - make_interval(secs => $1 / 20.0))`,
      [keptSeconds],
    );
    const horizon = await transaction.query<{ id: string; snapshot: string }>(
      `SELECT id, snapshot::text FROM holdfast.change_mark
       WHERE at <= clock_timestamp() - make_interval(secs => $1) OR number <= (SELECT max(number) FROM holdfast.change) - $2
       ORDER BY id DESC LIMIT 1`,
      [keptSeconds, maxEntries],
    );
    const reached = horizon.rows[0];
    if (reached === undefined) return;
    await transaction.query("DELETE FROM holdfast.change_mark WHERE id < $1", [reached.id]);
    await transaction.query(
      `DELETE FROM holdfast.change WHERE xid < pg_snapshot_xmax($1::pg_snapshot) AND pg_visible_in_snapshot(xid, $1::pg_snapshot)`,
      [reached.snapshot],
    );
  });
}
