/** Whether this is the server, and its course, that the collector last worked on: a restored or promoted database knows less than its stores. */

import type { Transaction } from "../db/contract.ts";
import type { CollectorContext, Run } from "./context.ts";
import type { Doubt } from "./contract.ts";

interface Course {
  readonly system: string;
  readonly timeline: number;
}

/**
 * Remembers the course where there is none. Another one than the remembered: every store goes to mode `restore`, unless it is off, and the new
 * course is remembered, all in one transaction: the modes then speak for it until somebody confirms them.
 */
export async function courseDoubts({ db }: CollectorContext, run?: Run): Promise<readonly Doubt[]> {
  return await db.transaction(async (transaction) => {
    const now = await courseOf(transaction);
    const known = await knownCourse(transaction, now);
    if (known.system === now.system && known.timeline === now.timeline) return [];
    const { rows } = await transaction.query<{ name: string; mode: string }>(
      `UPDATE holdfast.store s SET gc = 'restore'
       FROM (SELECT name, gc FROM holdfast.store WHERE gc NOT IN ('off', 'restore') ORDER BY name FOR UPDATE) old
       WHERE s.name = old.name RETURNING s.name, old.gc AS mode`,
    );
    await transaction.query(
      "UPDATE holdfast.course SET system_identifier = $1, timeline = $2, seen_at = clock_timestamp()",
      [now.system, now.timeline],
    );
    await transaction.query(
      "INSERT INTO holdfast.audit (run, by, step, details) VALUES ($1::bigint, $2, 'course', $3::jsonb)",
      [run?.id ?? null, run?.by ?? "collector", JSON.stringify({ known, now, stores: rows })],
    );
    return [changed(known, now)];
  });
}

/**
 * After a promotion the control file tells the new timeline at the next checkpoint only; the name of the log file does at once.
 */
async function courseOf(transaction: Transaction): Promise<Course> {
  const { rows } = await transaction.query<Course>(
    `SELECT s.system_identifier::text AS system,
       greatest(c.timeline_id, CASE WHEN pg_is_in_recovery() THEN 0
         ELSE ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int END) AS timeline
     FROM pg_control_system() s, pg_control_checkpoint() c`,
  );
  const [row] = rows;
  if (row === undefined) throw new Error("PostgreSQL tells no system identifier.");
  return row;
}

async function knownCourse(transaction: Transaction, now: Course): Promise<Course> {
  await transaction.query(
    "INSERT INTO holdfast.course (system_identifier, timeline) VALUES ($1, $2) ON CONFLICT DO NOTHING",
    [now.system, now.timeline],
  );
  const { rows } = await transaction.query<Course>(
    "SELECT system_identifier AS system, timeline FROM holdfast.course FOR UPDATE",
  );
  return rows[0] ?? now;
}

function changed(known: Course, now: Course): Doubt {
  const tell = ({ system, timeline }: Course) => `server ${system}, timeline ${timeline}`;
  return {
    code: "DATABASE",
    subject: tell(now),
    message: `The collector last worked on ${tell(known)}; this is ${tell(now)}: the database was restored, promoted or copied.`,
    remedy:
      "Every store was put to mode restore. Run holdfast fsck --apply, then set their modes (holdfast gc --mode on).",
  };
}
