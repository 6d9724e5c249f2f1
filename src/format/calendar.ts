/**
 * numpy's datetime64 as ISO text and back: signed 64-bit ticks of a unit since 1970-01-01, proleptic Gregorian.
 *
 * @source https://numpy.org/doc/stable/reference/arrays.datetime.html
 */

import { invalid, shown } from "./fault.ts";

/** Not-a-time: the smallest 64-bit integer. */
export const notATime = -(2n ** 63n);

const perSecond: Readonly<Record<string, bigint>> = {
  s: 1n,
  ms: 10n ** 3n,
  us: 10n ** 6n,
  ns: 10n ** 9n,
  ps: 10n ** 12n,
  fs: 10n ** 15n,
  as: 10n ** 18n,
};
const secondsPer: Readonly<Record<string, bigint>> = { m: 60n, h: 3600n, D: 86_400n, W: 604_800n };

/** Ticks as numpy prints them: `2024-02-29T12:34:56.789`, `2024-02`, `NaT`; plain ticks for the generic unit. Years before 0 have four digits and a sign. */
export function formatTicks(ticks: bigint, unit: string): string {
  if (ticks === notATime) return "NaT";
  const { multiple, base } = splitUnit(unit);
  const n = ticks * multiple;
  if (base === "") return String(n);
  if (base === "Y") return formatYear(1970n + n);
  if (base === "M") return `${formatYear(1970n + floorDiv(n, 12n))}-${pad(mod(n, 12n) + 1n, 2)}`;
  const fine = perSecond[base];
  if (fine !== undefined) return formatInstant(floorDiv(n, fine), base, mod(n, fine));
  const seconds = n * (secondsPer[base] ?? 1n);
  return formatInstant(seconds, base, 0n);
}

function formatInstant(seconds: bigint, base: string, fraction: bigint): string {
  const { year, month, day } = civilOfDays(floorDiv(seconds, 86_400n));
  const date = `${formatYear(year)}-${pad(month, 2)}-${pad(day, 2)}`;
  if (base === "D" || base === "W") return date;
  const rest = mod(seconds, 86_400n);
  const hour = pad(rest / 3600n, 2);
  if (base === "h") return `${date}T${hour}`;
  const minute = `${date}T${hour}:${pad((rest / 60n) % 60n, 2)}`;
  if (base === "m") return minute;
  const second = `${minute}:${pad(rest % 60n, 2)}`;
  const digits = String(perSecond[base] ?? 1n).length - 1;
  return digits === 0 ? second : `${second}.${pad(fraction, digits)}`;
}

/** Ticks of ISO text. @throws {CODEC_INVALID_VALUE} when it is none, or is finer than the unit can tell. */
export function parseTicks(text: string, unit: string): bigint {
  if (text === "NaT") return notATime;
  const { multiple, base } = splitUnit(unit);
  const match =
    /^([+-]?\d{4,19})(?:-(\d\d)(?:-(\d\d)(?:[T ](\d\d)(?::(\d\d)(?::(\d\d)(?:\.(\d{1,18}))?)?)?)?)?)?Z?$/.exec(
      text,
    );
  if (match === null || base === "") throw badTime(text, unit);
  const part = (i: number, absent: bigint) => (match[i] === undefined ? absent : BigInt(match[i]));
  const [year, month, day] = [part(1, 0n), part(2, 1n), part(3, 1n)];
  const [hour, minute, second] = [part(4, 0n), part(5, 0n), part(6, 0n)];
  if (month < 1n || month > 12n || day < 1n || day > daysInMonth(year, month)) throw badTime(text, unit);
  if (hour > 23n || minute > 59n || second > 59n) throw badTime(text, unit);
  const atto = BigInt((match[7] ?? "").padEnd(18, "0"));
  const seconds = daysOfCivil(year, month, day) * 86_400n + hour * 3600n + minute * 60n + second;
  const ticks = inUnit({ year, month, day, seconds, atto }, base);
  if (ticks === undefined || mod(ticks, multiple) !== 0n) throw badTime(text, unit);
  const whole = ticks / multiple;
  if (whole <= notATime || whole >= 2n ** 63n) throw badTime(text, unit);
  return whole;
}

interface Instant {
  readonly year: bigint;
  readonly month: bigint;
  readonly day: bigint;
  readonly seconds: bigint;
  readonly atto: bigint;
}

function inUnit(at: Instant, base: string): bigint | undefined {
  const midnight = at.atto === 0n && mod(at.seconds, 86_400n) === 0n;
  if (base === "Y") return midnight && at.month === 1n && at.day === 1n ? at.year - 1970n : undefined;
  if (base === "M") return midnight && at.day === 1n ? (at.year - 1970n) * 12n + at.month - 1n : undefined;
  const fine = perSecond[base];
  if (fine !== undefined) {
    const step = 10n ** 18n / fine;
    return at.atto % step === 0n ? at.seconds * fine + at.atto / step : undefined;
  }
  const coarse = secondsPer[base] ?? 1n;
  return at.atto === 0n && mod(at.seconds, coarse) === 0n ? floorDiv(at.seconds, coarse) : undefined;
}

function splitUnit(unit: string): { multiple: bigint; base: string } {
  const digits = /^[0-9]*/.exec(unit)?.[0] ?? "";
  return { multiple: digits === "" ? 1n : BigInt(digits), base: unit.slice(digits.length) };
}

function badTime(text: string, unit: string) {
  return invalid(`${shown(text)} is not a time in the unit ${unit === "" ? "(none)" : unit}.`, {
    value: text,
    remedy: "Give ISO text without a zone, no finer than the unit, or NaT.",
  });
}

/** Days since 1970-01-01 of a date; years may be any. */
function daysOfCivil(year: bigint, month: bigint, day: bigint): bigint {
  const y = month <= 2n ? year - 1n : year;
  const era = floorDiv(y, 400n);
  const yearOfEra = y - era * 400n;
  const dayOfYear = (153n * (month + (month > 2n ? -3n : 9n)) + 2n) / 5n + day - 1n;
  return era * 146_097n + yearOfEra * 365n + yearOfEra / 4n - yearOfEra / 100n + dayOfYear - 719_468n;
}

function civilOfDays(days: bigint): { year: bigint; month: bigint; day: bigint } {
  const z = days + 719_468n;
  const era = floorDiv(z, 146_097n);
  const dayOfEra = z - era * 146_097n;
  const yearOfEra = (dayOfEra - dayOfEra / 1460n + dayOfEra / 36_524n - dayOfEra / 146_096n) / 365n;
  const dayOfYear = dayOfEra - (365n * yearOfEra + yearOfEra / 4n - yearOfEra / 100n);
  const shifted = (5n * dayOfYear + 2n) / 153n;
  const month = shifted < 10n ? shifted + 3n : shifted - 9n;
  const year = yearOfEra + era * 400n + (month <= 2n ? 1n : 0n);
  return { year, month, day: dayOfYear - (153n * shifted + 2n) / 5n + 1n };
}

/** Days of a month, 28 to 31. */
export function daysInMonth(year: bigint, month: bigint): bigint {
  const next = month === 12n ? daysOfCivil(year + 1n, 1n, 1n) : daysOfCivil(year, month + 1n, 1n);
  return next - daysOfCivil(year, month, 1n);
}

function formatYear(year: bigint): string {
  return year < 0n ? `-${pad(-year, 4)}` : pad(year, 4);
}

function pad(n: bigint, digits: number): string {
  return String(n).padStart(digits, "0");
}

function floorDiv(a: bigint, b: bigint): bigint {
  return (a - mod(a, b)) / b;
}

function mod(a: bigint, b: bigint): bigint {
  const rest = a % b;
  return rest < 0n ? rest + b : rest;
}
