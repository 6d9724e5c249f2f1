/** Dates and times of defaults, checked, in the form that PostgreSQL stores: UTC, without a zone. */

/** `2024-02-29` as it is; `undefined` for a day that does not exist or lies outside the years 1 to 9999. */
export function dateText(text: string): string | undefined {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  if (match === null) return undefined;
  const [year, month, day] = match.slice(1).map(Number);
  return isDay(year ?? 0, month ?? 0, day ?? 0) ? text : undefined;
}

function isDay(year: number, month: number, day: number): boolean {
  if (year < 1) return false;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return date.getUTCFullYear() === year && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}

const timestamp =
  /^(\d{4}-\d{2}-\d{2})[T ]([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?:\.(\d{1,6}))?(Z|[+-](?:0\d|1[0-4]):[0-5]\d)$/;

/** An instant as `2024-02-29 12:00:00.5` in UTC, or `CURRENT_TIMESTAMP` as it is. A zone must be given. */
export function timestampText(text: string): string | undefined {
  if (/^CURRENT_TIMESTAMP(\([0-6]\))?$/.test(text)) return text;
  const match = timestamp.exec(text);
  const [, day = "", hours = "", minutes = "", seconds = "", fraction, zone = "Z"] = match ?? [];
  if (match === null || dateText(day) === undefined) return undefined;
  const date = new Date(`${day}T${hours}:${minutes}:${seconds}${zone}`);
  const shifted = date.toISOString();
  if (!/^\d{4}-/.test(shifted) || shifted.startsWith("0000")) return undefined;
  return `${shifted.slice(0, 10)} ${shifted.slice(11, 19)}${fraction === undefined ? "" : `.${fraction}`}`;
}
