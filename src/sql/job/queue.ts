/**
 * The statements of workers: reserve, keep, end. `$1` is the server's time zone; keys come as JSON records with the columns of the table.
 *
 * A reservation of ours is told apart by `scheduled_time > reserved_time`: it is the end of its lease. `connection_id` is its token.
 */

import type { Model } from "../../model/model.ts";
import { identifier, qualified } from "../quote.ts";
import { scalarJson } from "../select-type.ts";
import { clock, isLeased, jobJson, jobTableName, keyList } from "./row.ts";
import { isMade, sameKey } from "./source.ts";
import type { JobSubject } from "./subject.ts";

/** A job that nobody has, with nothing left of who had it. */
export const pendingAgain =
  "status = 'pending', reserved_time = NULL, completed_time = NULL, duration = NULL, error_message = '', error_stack = NULL, " +
  `"user" = '', host = '', pid = 0, connection_id = 0, version = ''`;

/** 52 random bits: JavaScript's numbers hold them. */
const token = `('x' || right(replace(gen_random_uuid()::text, '-', ''), 13))::bit(52)::bigint`;

/** Records of `$2`: keys, with `connection_id` where a reservation is named. */
function givenKeys(subject: JobSubject): string {
  return `json_populate_recordset(NULL::${jobTableName(subject)}, $2::json)`;
}

/** Jobs whose lease has ended are anybody's again, at the place in the queue that they had. Jobs that somebody holds at this moment are left. */
export function returnEnded(subject: JobSubject): string {
  const table = jobTableName(subject);
  const ended = `SELECT ${keyList(subject, "e")} FROM ${table} e WHERE ${isLeased("e")} AND e.scheduled_time <= (SELECT now FROM clock) FOR UPDATE SKIP LOCKED`;
  return `WITH ${clock} UPDATE ${table} j SET ${pendingAgain} WHERE (${keyList(subject, "j")}) IN (${ended})`;
}

/**
 * Takes due jobs, the most urgent first: `$2` how many at most, `$3` seconds of the lease, `$4` user, `$5` host, `$6` pid, `$7` version,
 * `$8` the highest number of a priority or null. Jobs whose rows are there already leave the queue. Answers `jobs`, as JSON, and `gone`.
 */
export function takeJobs(model: Model, subject: JobSubject): string {
  const table = jobTableName(subject);
  const next =
    `SELECT ${keyList(subject, "q")}, q.priority, q.scheduled_time, ${isMade(subject, "q")} AS made FROM ${table} q ` +
    "WHERE q.status = 'pending' AND q.scheduled_time <= (SELECT now FROM clock) AND ($8::integer IS NULL OR q.priority <= $8::integer) " +
    "ORDER BY q.priority, q.scheduled_time LIMIT $2::integer FOR UPDATE OF q SKIP LOCKED";
  const gone = `DELETE FROM ${table} j USING next n WHERE n.made AND ${sameKey(subject, "j", "n")} RETURNING 1`;
  const taken =
    `UPDATE ${table} j SET status = 'reserved', reserved_time = c.now, scheduled_time = c.now + make_interval(secs => $3::double precision), ` +
    `completed_time = NULL, duration = NULL, error_message = '', error_stack = NULL, "user" = $4::text, host = $5::text, pid = $6::integer, ` +
    `connection_id = ${token}, version = $7::text FROM next n, clock c WHERE NOT n.made AND ${sameKey(subject, "j", "n")} ` +
    `RETURNING ${jobJson(model, subject, "j")} AS job, n.priority, n.scheduled_time`;
  return (
    `WITH ${clock}, next AS MATERIALIZED (${next}), gone AS (${gone}), taken AS (${taken}) ` +
    "SELECT (SELECT count(*)::integer FROM gone) AS gone, " +
    "coalesce((SELECT json_agg(t.job ORDER BY t.priority, t.scheduled_time) FROM taken t), '[]')::text AS jobs"
  );
}

function isHeld(subject: JobSubject): string {
  return `j.status = 'reserved' AND j.connection_id = u.connection_id AND ${sameKey(subject, "j", "u")}`;
}

/** Moves the end of the leases of `$2` to `$3` seconds from now. Answers the jobs that are still so reserved. */
export function keepJobs(model: Model, subject: JobSubject): string {
  return (
    `WITH ${clock} UPDATE ${jobTableName(subject)} j SET reserved_time = c.now, scheduled_time = c.now + make_interval(secs => $3::double precision) ` +
    `FROM ${givenKeys(subject)} u, clock c WHERE ${isHeld(subject)} RETURNING ${jobJson(model, subject, "j")}::text AS job`
  );
}

/** Gives the reservations of `$2` back. */
export function releaseJobs(model: Model, subject: JobSubject): string {
  return (
    `WITH ${clock} UPDATE ${jobTableName(subject)} j SET ${pendingAgain}, scheduled_time = c.now ` +
    `FROM ${givenKeys(subject)} u, clock c WHERE ${isHeld(subject)} RETURNING ${jobJson(model, subject, "j")}::text AS job`
  );
}

/** Locks the reservation of `$2`, and tells what time it is, its version, and the seconds since `$3` (of the epoch). No row: it is over. */
export function holdJob(subject: JobSubject): string {
  const now = scalarJson("DateTime", "clock_timestamp() AT TIME ZONE 'UTC'");
  return (
    `SELECT j.version, ${now} AS now, greatest(0, extract(epoch FROM clock_timestamp()) - $3::double precision)::double precision AS elapsed ` +
    `FROM ${jobTableName(subject)} j, ${givenKeys(subject)} u WHERE $1::text IS NOT NULL AND ${isHeld(subject)} FOR UPDATE OF j`
  );
}

/** Marks the reservation of `$2` as done: `$3` seconds it took, `$4` version. */
export function markDone(model: Model, subject: JobSubject): string {
  return (
    `WITH ${clock} UPDATE ${jobTableName(subject)} j SET status = 'success', completed_time = c.now, ` +
    "scheduled_time = least(j.scheduled_time, c.now), duration = $3::double precision, version = $4::text " +
    `FROM ${givenKeys(subject)} u, clock c WHERE ${isHeld(subject)} RETURNING ${jobJson(model, subject, "j")}::text AS job`
  );
}

/** Takes the reservation of `$2` off the queue. */
export function dropDone(model: Model, subject: JobSubject): string {
  return (
    `DELETE FROM ${jobTableName(subject)} j USING ${givenKeys(subject)} u ` +
    `WHERE ${isHeld(subject)} RETURNING ${jobJson(model, subject, "j")}::text AS job`
  );
}

/** Marks the reservation of `$2` as failed: `$3` message, `$4` packed stack or null. */
export function failJob(model: Model, subject: JobSubject): string {
  return (
    `WITH ${clock} UPDATE ${jobTableName(subject)} j SET status = 'error', completed_time = c.now, scheduled_time = least(j.scheduled_time, c.now), ` +
    `error_message = $3::text, error_stack = $4::bytea FROM ${givenKeys(subject)} u, clock c ` +
    `WHERE ${isHeld(subject)} RETURNING ${jobJson(model, subject, "j")}::text AS job`
  );
}

/** How the rows that were made say so, where their table has a column for it; `$3` seconds it took, `$4` version. */
const metadata: readonly (readonly [column: string, value: string])[] = [
  [
    "_job_start_time",
    "((clock_timestamp() - make_interval(secs => $3::double precision)) AT TIME ZONE $1::text)",
  ],
  ["_job_duration", "$3::double precision::real"],
  ["_job_version", "left($4::text, 64)"],
];

/** Writes when, how long and by what the rows with the key of `$2` were made, into the hidden columns that there are. Answers their number. */
export function tellMade(subject: JobSubject, present: readonly string[]): string {
  const { schema, table } = subject.entity;
  const set = metadata.filter(([column]) => present.includes(column));
  const used = "$1::text IS NOT NULL AND $3::double precision IS NOT NULL AND $4::text IS NOT NULL";
  const where = `${used} AND ${sameKey(subject, "g", "u")}`;
  if (set.length === 0)
    return `SELECT count(*)::integer AS rows FROM ${qualified(schema, table)} g, ${givenKeys(subject)} u WHERE ${where}`;
  const values = set.map(([column, value]) => `${identifier(column)} = ${value}`).join(", ");
  const update = `UPDATE ${qualified(schema, table)} g SET ${values} FROM ${givenKeys(subject)} u WHERE ${where} RETURNING 1`;
  return `WITH told AS (${update}) SELECT count(*)::integer AS rows FROM told`;
}
