/** The statements that tell of jobs. `$1` is the server's time zone. */

import type { Model } from "../../model/model.ts";
import { jobStatuses } from "./declare.ts";
import { jobJson, jobTableName, keyList } from "./row.ts";
import { isMade, keySource } from "./source.ts";
import type { JobSubject } from "./subject.ts";

/** A page of jobs in the order of work: `$2` states or null, `$3` how many, `$4` JSON record that they come behind, or null. */
export function listJobs(model: Model, subject: JobSubject): string {
  const table = jobTableName(subject);
  const order = (record: string) =>
    `${record}.priority, ${record}.scheduled_time, ${keyList(subject, record)}`;
  const after = `(SELECT (${order("j")}) > (${order("a")}) FROM json_populate_record(NULL::${table}, $4::json) a)`;
  return (
    `SELECT ${jobJson(model, subject, "j")}::text AS job FROM ${table} j WHERE ($2::text[] IS NULL OR j.status::text = ANY ($2::text[])) ` +
    `AND ($4::json IS NULL OR ${after}) ORDER BY ${order("j")} LIMIT $3::integer`
  );
}

/** Number of jobs in the states `$1`, or of all. */
export function countJobs(subject: JobSubject): string {
  return `SELECT count(*)::integer AS count FROM ${jobTableName(subject)} j WHERE $1::text[] IS NULL OR j.status::text = ANY ($1::text[])`;
}

/** Jobs by state, and keys of the source by whether they are made. `hasTable`: there is a table of jobs. */
export function countProgress(model: Model, subject: JobSubject, hasTable: boolean): string {
  const keys = `SELECT count(*)::integer AS total, (count(*) FILTER (WHERE ${isMade(subject, "k")}))::integer AS done FROM (${keySource(model, subject)}) k`;
  const counts = jobStatuses.map((status) =>
    hasTable
      ? `(count(*) FILTER (WHERE j.status = '${status}'))::integer AS "${status}"`
      : `0 AS "${status}"`,
  );
  const jobs = `SELECT ${counts.join(", ")}${hasTable ? ` FROM ${jobTableName(subject)} j` : ""}`;
  return `SELECT s.*, q.* FROM (${keys}) s, (${jobs}) q`;
}
