/** The statements that keep a table of jobs in step with the tables around it. `$1` is the server's time zone. */

import type { Model } from "../../model/model.ts";
import { pendingAgain } from "./queue.ts";
import { clock, isLeased, jobJson, jobTableName, keyList } from "./row.ts";
import { isInSource, isMade, keySource, sameKey } from "./source.ts";
import type { JobSubject } from "./subject.ts";

/** A job for each key of the source that has neither row nor job: `$2` priority, `$3` seconds from now. */
export function addJobs(model: Model, subject: JobSubject): string {
  const table = jobTableName(subject);
  return (
    `WITH ${clock} INSERT INTO ${table} (${keyList(subject)}, status, priority, created_time, scheduled_time) ` +
    `SELECT ${keyList(subject, "k")}, 'pending', $2::smallint, c.now, c.now + make_interval(secs => $3::double precision) ` +
    `FROM (${keySource(model, subject)}) k, clock c WHERE NOT ${isMade(subject, "k")} ` +
    `AND NOT EXISTS (SELECT FROM ${table} j WHERE ${sameKey(subject, "j", "k")}) ON CONFLICT DO NOTHING`
  );
}

/** Jobs that are done and whose row is gone. */
export function returnUndone(model: Model, subject: JobSubject): string {
  return (
    `WITH ${clock} UPDATE ${jobTableName(subject)} j SET ${pendingAgain}, scheduled_time = c.now FROM clock c ` +
    `WHERE j.status = 'success' AND NOT ${isMade(subject, "j")} AND ${isInSource(model, subject, "j")}`
  );
}

/** Reservations without a lease, which DataJoint's workers make, that are older than `$2` seconds. */
export function returnOrphans(subject: JobSubject): string {
  return (
    `WITH ${clock} UPDATE ${jobTableName(subject)} j SET ${pendingAgain}, scheduled_time = c.now FROM clock c ` +
    `WHERE j.status = 'reserved' AND NOT (${isLeased("j")}) AND j.reserved_time < c.now - make_interval(secs => $2::double precision)`
  );
}

/**
 * Jobs whose key has left the source: of ended ones those without a row, whatever their age; others, but those to be ignored and those that
 * somebody works on, when they are older than `$2` seconds (0: never).
 */
export function removeVanished(model: Model, subject: JobSubject): string {
  const ended = `j.status IN ('success', 'error') AND NOT ${isMade(subject, "j")}`;
  const stale =
    "$2::double precision > 0 AND j.created_time < (SELECT now FROM clock) - make_interval(secs => $2::double precision) AND j.status <> 'ignore' " +
    `AND NOT (${isLeased("j")} AND j.scheduled_time > (SELECT now FROM clock))`;
  return (
    `WITH ${clock} DELETE FROM ${jobTableName(subject)} j WHERE NOT ${isInSource(model, subject, "j")} ` +
    `AND ((${ended}) OR (${stale}))`
  );
}

/** Marks the keys of `$2` as to be ignored; those without a job get one, of priority `$3`. */
export function ignoreJobs(model: Model, subject: JobSubject): string {
  const table = jobTableName(subject);
  const given = `SELECT DISTINCT ${keyList(subject)} FROM json_populate_recordset(NULL::${table}, $2::json)`;
  return (
    `WITH ${clock} INSERT INTO ${table} AS j (${keyList(subject)}, status, priority, created_time, scheduled_time) ` +
    `SELECT ${keyList(subject, "k")}, 'ignore', $3::smallint, c.now, c.now FROM (${given}) k, clock c ` +
    `ON CONFLICT (${keyList(subject)}) DO UPDATE SET status = 'ignore' RETURNING ${jobJson(model, subject, "j")}::text AS job`
  );
}

/** Makes jobs pending that are in one of the states `$3`; with keys in `$2` only theirs. */
export function resetJobs(subject: JobSubject): string {
  const table = jobTableName(subject);
  const isGiven = `EXISTS (SELECT FROM json_populate_recordset(NULL::${table}, $2::json) u WHERE ${sameKey(subject, "j", "u")})`;
  return (
    `WITH ${clock} UPDATE ${table} j SET ${pendingAgain}, scheduled_time = c.now FROM clock c ` +
    `WHERE j.status::text = ANY ($3::text[]) AND ($2::json IS NULL OR ${isGiven})`
  );
}
