/** Arguments of the fields of jobs, checked beyond their types. */

import { ServiceError } from "../../errors.ts";
import type { EnumType } from "../../model/model.ts";
import { columnValue } from "../../plan/column-value.ts";
import { refuseValue, storableText } from "../../plan/refuse-value.ts";
import { messageLength } from "../../sql/job/declare.ts";
import type { JobSubject } from "../../sql/job/subject.ts";
import { inputObject } from "../write/input-field.ts";

/** Arguments as GraphQL has coerced them. */
export type JobArguments = Readonly<Record<string, unknown>>;

/** Jobs in one call. */
const mostJobs = 1000;
/** A week. */
const longestLease = 604_800;
const longestTime = 3_155_760_000;

/** A number between two bounds. @throws {BAD_USER_INPUT} */
function number(args: JobArguments, name: string, [least, most]: readonly [number, number]): number {
  const value = args[name];
  if (typeof value === "number" && value >= least && value <= most) return value;
  return refuseValue(name, value, "is out of range", `Give a number from ${least} to ${most}.`);
}

/** Seconds of a lease. */
export function leaseSeconds(args: JobArguments): number {
  return number(args, "leaseSeconds", [1, longestLease]);
}

/** A time of waiting or working. */
export function seconds(args: JobArguments, name: string): number {
  return number(args, name, [0, longestTime]);
}

/** The peer's type of priorities is `int8`. */
export function priority(args: JobArguments, name: string): number {
  return number(args, name, [-128, 127]);
}

/** How many jobs. @throws {LIMIT_EXCEEDED} */
export function jobLimit(args: JobArguments): number {
  checkCount("limit", Number(args["limit"]));
  return number(args, "limit", [1, mostJobs]);
}

/** A text of at most so many characters. @throws {BAD_USER_INPUT} */
export function text(args: JobArguments, name: string, most: number): string {
  const value = storableText(String(args[name] ?? ""), name);
  if ([...value].length <= most) return value;
  return refuseValue(name, value, `is longer than ${most} characters`, "Shorten it.");
}

/** Ids. @throws {LIMIT_EXCEEDED} */
export function ids(args: JobArguments): readonly string[] {
  const given = Array.isArray(args["jobs"]) ? args["jobs"].map(String) : [];
  checkCount("jobs", given.length);
  return [...new Set(given)];
}

function checkCount(field: string, count: number): void {
  if (count <= mostJobs) return;
  throw new ServiceError(
    "LIMIT_EXCEEDED",
    `${field}: ${count} jobs are more than one call takes, ${mostJobs}.`,
    {
      details: { field, limit: mostJobs, remedy: "Make more than one call." },
    },
  );
}

/** A message as the peer keeps it: cut, with a word that says so. */
export function errorMessage(message: string): string {
  const appendix = "...truncated";
  // No character is longer than two of JavaScript's.
  const characters = [...message.slice(0, 2 * messageLength + 2)];
  if (characters.length <= messageLength) return characters.join("");
  return characters.slice(0, messageLength - appendix.length).join("") + appendix;
}

/** Keys given as `Job.key`, as records of the table. @throws {BAD_USER_INPUT} naming the field; {LIMIT_EXCEEDED} */
export function keyRecords(
  subject: JobSubject,
  given: unknown,
  enums: ReadonlyMap<string, EnumType>,
): readonly Readonly<Record<string, string>>[] {
  const keys: readonly unknown[] = Array.isArray(given) ? given : [];
  checkCount("keys", keys.length);
  return keys.map((one, at) => keyRecord(subject, { input: one, place: `keys.${at}` }, enums));
}

function keyRecord(
  { entity, key }: JobSubject,
  given: { readonly input: unknown; readonly place: string },
  enums: ReadonlyMap<string, EnumType>,
): Readonly<Record<string, string>> {
  const input = inputObject(given.input, given.place);
  const fields = new Set(key.map(({ field }) => field));
  const stray = Object.keys(input).find((name) => !fields.has(name));
  const remedy = `A key of a job of ${entity.name} has ${[...fields].join(", ")}.`;
  if (stray !== undefined)
    refuseValue(`${given.place}.${stray}`, input[stray], "is no part of the key", remedy);
  const cells = key.map((column) => {
    const field = `${given.place}.${column.field}`;
    const value = input[column.field] ?? refuseValue(field, null, "is missing", remedy);
    const cell = columnValue(column, value, { field, enums });
    return [column.name, cell.kind === "text" ? cell.text : cell.json] as const;
  });
  return Object.fromEntries(cells);
}
