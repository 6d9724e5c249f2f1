/** Date and DateTime: years 1 to 9999, as DataJoint-Python can read them; DateTime in UTC with microseconds. */

import { usualInstant } from "../../plan/instant.ts";
import { refusal } from "./fault.ts";
import type { Scalar } from "./scalar.ts";

/** A calendar day, `YYYY-MM-DD`. */
export const dateScalar: Scalar = {
  name: "Date",
  description: "A calendar day, YYYY-MM-DD, of the years 0001 to 9999.",
  specifiedBy: "https://www.rfc-editor.org/rfc/rfc3339#section-5.6",
  parse(value) {
    const match = typeof value === "string" ? /^(\d{4})-(\d{2})-(\d{2})$/.exec(value) : null;
    if (match === null) throw refusal("Date", value, 'give a day as "2026-05-17"');
    if (!isDay(Number(match[1]), Number(match[2]), Number(match[3]))) {
      throw refusal("Date", value, "there is no such day in the years 0001 to 9999");
    }
    return match[0];
  },
};

const dateTime =
  /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?([Zz]|[+-]\d{2}:\d{2})$/;

/** An instant, RFC 3339. Parses to UTC text with the fraction as given: `2026-05-17T08:30:00.000001Z`. */
export const dateTimeScalar: Scalar = {
  name: "DateTime",
  description:
    "An instant, RFC 3339, of the years 0001 to 9999. Stored and answered in UTC, with microseconds; input needs an offset or Z.",
  specifiedBy: "https://www.rfc-editor.org/rfc/rfc3339",
  parse(value) {
    if (value instanceof Date && !Number.isNaN(value.getTime())) return value.toISOString();
    const usual = typeof value === "string" ? usualInstant(value) : undefined;
    if (usual !== undefined) return `${usual.date}T${usual.time}${usual.fraction}Z`;
    const match = typeof value === "string" ? dateTime.exec(value) : null;
    if (match === null) {
      throw refusal("DateTime", value, 'give an instant with its offset, as "2026-05-17T08:30:00Z"');
    }
    return inUtc(match, value);
  },
};

function inUtc(match: RegExpExecArray, value: unknown): string {
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number);
  const fraction = (match[7] ?? "").replace(/0+$/, "");
  if (fraction.length > 6) throw refusal("DateTime", value, "microseconds are the finest step, six digits");
  if (!isDay(year ?? 0, month ?? 0, day ?? 0)) throw refusal("DateTime", value, "there is no such day");
  if ((hour ?? 24) > 23 || (minute ?? 60) > 59 || (second ?? 60) > 59) {
    throw refusal("DateTime", value, "there is no such time of day (leap seconds are not kept)");
  }
  const offset = offsetMinutes(match[8] ?? "Z");
  if (offset === undefined) throw refusal("DateTime", value, "there is no such offset");
  const instant = new Date(0);
  instant.setUTCFullYear(year ?? 0, (month ?? 1) - 1, day);
  instant.setUTCHours(hour ?? 0, (minute ?? 0) - offset, second ?? 0, 0);
  const text = instant.toISOString();
  if (!/^(?!0000)\d{4}-/.test(text))
    throw refusal("DateTime", value, "in UTC it lies outside the years 0001 to 9999");
  return `${text.slice(0, 19)}${fraction === "" ? "" : `.${fraction}`}Z`;
}

function offsetMinutes(offset: string): number | undefined {
  if (offset === "Z" || offset === "z") return 0;
  const hours = Number(offset.slice(1, 3));
  const minutes = Number(offset.slice(4, 6));
  if (hours > 23 || minutes > 59) return undefined;
  return (offset.startsWith("-") ? -1 : 1) * (hours * 60 + minutes);
}

function isDay(year: number, month: number, day: number): boolean {
  if (year < 1 || month < 1 || month > 12 || day < 1) return false;
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const lengths = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
  return day <= (lengths[month - 1] ?? 0);
}
