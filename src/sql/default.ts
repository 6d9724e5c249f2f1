/** Defaults of columns: how they are written, and whether the catalog's expression means the same. */

import { literal } from "./quote.ts";

const now = /^current_timestamp\s*(\(\s*\d\s*\))?$/i;

/** The part after `DEFAULT`: a quoted literal always, `CURRENT_TIMESTAMP` as it is, `NULL` for null. */
export function defaultText(value: string | null): string {
  if (value === null) return "NULL";
  return now.test(value) ? value : literal(value);
}

/**
 * Whether `expression`, as `pg_get_expr` prints it, is the wanted default of a column of `type` (as `comparableType` gives it).
 * A default that a schema file cannot say (`nextval(…)`) is somebody else's, and does not differ from none.
 */
export function sameDefault(
  expression: string | null,
  wanted: string | null | undefined,
  type: string,
): boolean {
  const actual = expression === null ? null : defaultLiteral(expression);
  if (wanted === null || wanted === undefined) return actual === null || actual === undefined;
  if (actual === null || actual === undefined) return false;
  if (now.test(wanted) || now.test(actual))
    return wanted.replaceAll(/\s/g, "").toUpperCase() === actual.replaceAll(/\s/g, "").toUpperCase();
  return canonical(actual, type) === canonical(wanted, type);
}

/** Whether a default's text is the function that gives the time. */
export function isNow(text: string): boolean {
  return now.test(text);
}

/** `'3'::smallint` → `3`; `NULL::bpchar` → null; `CURRENT_TIMESTAMP(3)` → itself; any other expression → `undefined`. */
export function defaultLiteral(expression: string): string | null | undefined {
  const quoted = /^\(?(E?)'((?:[^']|'')*)'\)?(?:::.*)?$/s.exec(expression);
  if (quoted?.[2] !== undefined) {
    const text = quoted[2].replaceAll("''", "'");
    return quoted[1] === "E" ? text.replaceAll("\\\\", "\\") : text;
  }
  const bare = expression.replace(/::[\w\s"().,[\]]+$/, "").replace(/^\((.*)\)$/s, "$1");
  if (/^null$/i.test(bare)) return null;
  return now.test(bare) || /^(true|false|[+-]?[\d.]+(e[+-]?\d+)?)$/i.test(bare) ? bare : undefined;
}

/** A literal's text in one form per type; what is not understood stays as it is. */
function canonical(text: string, type: string): string {
  const name = type.replace(/\(.*$/, "");
  if (/^(smallint|integer|bigint)$/.test(name)) return integerText(text);
  if (name === "double precision") return String(Number(text));
  if (name === "real") return String(Math.fround(Number(text)));
  if (name === "numeric") return decimalText(text, type);
  if (name === "boolean") return /^(t|true|y|yes|on|1)$/i.test(text.trim()) ? "true" : "false";
  if (name === "character") return text.trimEnd();
  if (name === "uuid") return text.toLowerCase().replaceAll(/[{}-]/g, "");
  if (name === "jsonb" || name === "json") return jsonText(text);
  if (name.startsWith("timestamp") || name === "date") return timeText(text);
  return text;
}

function integerText(text: string): string {
  return /^\s*[+-]?\d+\s*$/.test(text) ? String(BigInt(text.trim().replace(/^\+/, ""))) : text;
}

function decimalText(text: string, type: string): string {
  const match = /^\s*([+-]?)(\d*)\.?(\d*)\s*$/.exec(text);
  if (match === null) return text;
  const scale = /\(\d+,(\d+)\)/.exec(type)?.[1];
  const fraction = (match[3] ?? "").replace(/0+$/, "");
  // Beyond the scale PostgreSQL rounds when the row is written, not in the expression.
  if (scale !== undefined && fraction.length > Number(scale)) return text;
  const whole = (match[2] ?? "").replace(/^0+(?=.)/, "") || "0";
  const sign = match[1] === "-" && !/^0?$/.test(whole + fraction) ? "-" : "";
  return `${sign}${whole}${fraction === "" ? "" : `.${fraction}`}`;
}

function jsonText(text: string): string {
  try {
    return JSON.stringify(sortKeys(JSON.parse(text)));
  } catch {
    return text;
  }
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sortKeys(inner)]),
  );
}

function timeText(text: string): string {
  const match = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(\.\d+)?)?(?:Z|\+00(?::?00)?)?$/i.exec(
    text.trim(),
  );
  if (match === null) return text;
  const clock = match[2] === undefined ? "00:00:00" : match[2].length === 5 ? `${match[2]}:00` : match[2];
  const fraction = (match[3] ?? "").replace(/\.?0+$/, "");
  return `${match[1]} ${clock}${fraction}`;
}
