/** Dates and instants between the API (RFC 3339) and PostgreSQL (`timestamp`, UTC, microseconds); years 1 to 9999 as the peer can read. */

import { refuseValue } from "./refuse-value.ts";

const instantForm =
  /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,6}))?(?:[Zz]|([+-])(\d{2}):(\d{2}))$/;
// Date.UTC takes the years 0 to 99 for 1900 to 1999.
const firstMicros = BigInt(new Date(0).setUTCFullYear(1, 0, 1)) * 1000n;
const lastMicros = BigInt(Date.UTC(10_000, 0, 1)) * 1000n - 1n;
/** PostgreSQL counts timestamps from here, and rounds away from here. */
const postgresEpoch = BigInt(Date.UTC(2000, 0, 1)) * 1000n;

function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

function daysIn(year: number, month: number): number {
  if (month === 2) return isLeap(year) ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}

/** `YYYY-MM-DD` as PostgreSQL takes it. @throws {BAD_USER_INPUT} when it is no day of the years 1 to 9999. */
export function dateText(value: unknown, field: string): string {
  const text = value instanceof Date ? isoOf(value, field).slice(0, 10) : value;
  const match = typeof text === "string" ? /^(\d{4})-(\d{2})-(\d{2})$/.exec(text) : null;
  if (match === null || !isDay(Number(match[1]), Number(match[2]), Number(match[3])))
    return refuseValue(field, value, "is not a date", "Write YYYY-MM-DD, a day of the years 0001 to 9999.");
  return match[0];
}

function isDay(year: number, month: number, day: number): boolean {
  return year >= 1 && month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month);
}

function isoOf(value: Date, field: string): string {
  if (Number.isNaN(value.getTime()))
    refuseValue(field, "Invalid Date", "is not an instant", "Write it as in RFC 3339.");
  return value.toISOString();
}

/**
 * `YYYY-MM-DD HH:MM:SS[.ffffff]` in UTC, rounded to `precision` digits of a second as PostgreSQL does.
 * @throws {BAD_USER_INPUT} when it is no RFC 3339 instant of the years 1 to 9999, or finer than a microsecond.
 */
export function timestampText(value: unknown, field: string, precision = 6): string {
  const text = value instanceof Date ? isoOf(value, field) : value;
  const usual = typeof text === "string" && precision >= 6 ? usualInstant(text) : undefined;
  if (usual !== undefined) return `${usual.date} ${usual.time}${usual.fraction}`;
  const micros = typeof text === "string" ? microsOf(text) : undefined;
  if (micros === undefined)
    return refuseValue(
      field,
      value,
      "is not an instant",
      "Write it as in RFC 3339, with an offset and at most six digits after the second: 2026-11-21T10:30:00.123456Z.",
    );
  const rounded = roundMicros(micros, precision);
  if (rounded < firstMicros || rounded > lastMicros)
    return refuseValue(
      field,
      value,
      "lies outside the years 0001 to 9999 in UTC",
      "The peer cannot read other years.",
    );
  return microsText(rounded);
}

/** Instants as programs write them: in UTC, to the microsecond, of a day that every month has. They need no calendar. */
const usualForm =
  /^(?!0000)\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?Z$/;

/** Such an instant in its parts: `2026-05-17`, `08:30:00`, `.5` or nothing; `undefined` for every other text. */
export function usualInstant(
  text: string,
): { readonly date: string; readonly time: string; readonly fraction: string } | undefined {
  if (!usualForm.test(text)) return undefined;
  const fraction = text.length === 20 ? "" : text.slice(19, -1).replace(/\.?0*$/, "");
  return { date: text.slice(0, 10), time: text.slice(11, 19), fraction };
}

function microsOf(text: string): bigint | undefined {
  const match = instantForm.exec(text);
  if (match === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number);
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return undefined;
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const fraction = BigInt((match[7] ?? "").padEnd(6, "0"));
  const offsetMinutes = Number(match[9] ?? 0) * 60 + Number(match[10] ?? 0);
  if (Number(match[9] ?? 0) > 23 || Number(match[10] ?? 0) > 59) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  const seconds = BigInt(date.getTime() / 1000 + hour * 3600 + minute * 60 + second);
  const offset = BigInt(offsetMinutes * 60) * (match[8] === "-" ? -1n : 1n);
  return (seconds - offset) * 1_000_000n + fraction;
}

function roundMicros(micros: bigint, precision: number): bigint {
  const unit = 10n ** BigInt(6 - Math.min(Math.max(precision, 0), 6));
  const since = micros - postgresEpoch;
  const rounded = since >= 0n ? ((since + unit / 2n) / unit) * unit : -(((-since + unit / 2n) / unit) * unit);
  return rounded + postgresEpoch;
}

function microsText(micros: bigint): string {
  const fraction = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const iso = new Date(Number((micros - fraction) / 1000n)).toISOString();
  const seconds = `${iso.slice(0, 10)} ${iso.slice(11, 19)}`;
  return fraction === 0n ? seconds : `${seconds}.${String(fraction).padStart(6, "0").replace(/0+$/, "")}`;
}

/** The present instant as {@link timestampText} writes it. */
export function presentTimestamp(now: Date, precision = 6): string {
  return timestampText(now, "CURRENT_TIMESTAMP", precision);
}
