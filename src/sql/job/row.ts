/** Jobs as statements tell them, and what statements on tables of jobs have in common. */

import type { Model } from "../../model/model.ts";
import { identifier, literal, qualified } from "../quote.ts";
import { asJson, base64, scalarJson } from "../select-type.ts";
import type { JobSubject } from "./subject.ts";

/**
 * The time of the tables of jobs, which DataJoint writes without a zone in that of the server's settings: `$1` of every statement.
 * A service's own sessions are in UTC.
 */
export const serverZone = "SELECT reset_val AS zone FROM pg_settings WHERE name = 'TimeZone'";

/** `clock.now`: the present as the table has it. Cut, not rounded: what is written is never in the future. */
export const clock = `clock AS MATERIALIZED (SELECT date_trunc('milliseconds', clock_timestamp() AT TIME ZONE $1::text)::timestamp(3) AS now)`;

/** Name of the table of jobs, quoted. */
export function jobTableName({ entity, table }: JobSubject): string {
  return qualified(entity.schema, table);
}

/** Key columns, quoted, of a record where one is named. */
export function keyList({ key }: JobSubject, record?: string): string {
  const prefix = record === undefined ? "" : `${record}.`;
  return key.map(({ name }) => `${prefix}${identifier(name)}`).join(", ");
}

/** Condition that a job is reserved until a time: DataJoint's reservations are never of jobs that are due later. */
export function isLeased(record: string): string {
  return `${record}.status = 'reserved' AND ${record}.scheduled_time > ${record}.reserved_time`;
}

/** A job as JSON, with the names of {@link ToldJob}. */
export function jobJson(model: Model, { key }: JobSubject, record: string): string {
  const at = (name: string) => `${record}.${identifier(name)}`;
  const instant = (sql: string) =>
    scalarJson("DateTime", `(${sql} AT TIME ZONE $1::text) AT TIME ZONE 'UTC'`);
  const builder = { model, hasFloats: false };
  const keys = key.map((column) => `${literal(column.field)}, ${asJson(builder, column, at(column.name))}`);
  const texts = key.map((column) => `${at(column.name)}::text`);
  const parts: readonly (readonly [keyof ToldJob, string])[] = [
    ["key", `json_build_object(${keys.join(", ")})`],
    ["texts", `json_build_array(${texts.join(", ")})`],
    ["token", `${at("connection_id")}::text`],
    ["status", `upper(${at("status")}::text)`],
    ["priority", at("priority")],
    ["createdTime", instant(at("created_time"))],
    ["scheduledTime", instant(at("scheduled_time"))],
    ["reservedTime", instant(at("reserved_time"))],
    ["leaseUntil", `CASE WHEN ${isLeased(record)} THEN ${instant(at("scheduled_time"))} END`],
    ["completedTime", instant(at("completed_time"))],
    ["durationSeconds", at("duration")],
    ["errorMessage", `nullif(${at("error_message")}, '')`],
    ["stack", base64(at("error_stack"))],
    ["user", at("user")],
    ["host", at("host")],
    ["pid", at("pid")],
    ["version", at("version")],
    ["due", `${at("scheduled_time")}::text`],
  ];
  return `json_build_object(${parts.map(([name, sql]) => `${literal(name)}, ${sql}`).join(", ")})`;
}

/** A job as {@link jobJson} tells it. */
export interface ToldJob {
  /** Values of the key as the API has them, by field. */
  readonly key: Readonly<Record<string, unknown>>;
  /** The same as PostgreSQL's text, in key order. */
  readonly texts: readonly string[];
  readonly token: string;
  readonly status: string;
  readonly priority: number;
  readonly createdTime: string;
  readonly scheduledTime: string;
  readonly reservedTime: string | null;
  readonly leaseUntil: string | null;
  readonly completedTime: string | null;
  readonly durationSeconds: number | string | null;
  readonly errorMessage: string | null;
  /** The packed stack, as base64. */
  readonly stack: string | null;
  readonly user: string;
  readonly host: string;
  readonly pid: number;
  readonly version: string;
  /** `scheduled_time` as stored, for cursors. */
  readonly due: string;
}
