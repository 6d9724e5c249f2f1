/** A column's default as PostgreSQL prints it → the literal of `@column(default:)`. */

import type { CatalogColumn } from "../sql/catalog.ts";
import { defaultLiteral, isNow } from "../sql/default.ts";
import type { ColumnWords } from "./read-column.ts";

/**
 * The literal; null where the column has no default that counts, `undefined` where the language has no word for it.
 * @param valueName GraphQL name of an enum's stored value
 */
export function defaultText(
  column: CatalogColumn,
  words: ColumnWords,
  valueName: (stored: string) => string | undefined,
): string | null | undefined {
  if (column.default === null) return null;
  const text = defaultLiteral(column.default);
  if (text === null) return null;
  // Other defaults of nullable columns than null are not in the language, nor any of codec columns.
  if (text === undefined || column.nullable || words.codec !== undefined) return undefined;
  if (words.labels !== undefined) return isNow(text) ? undefined : valueName(text);
  const write = writers[words.graphql ?? ""];
  return write?.(text, words.spec ?? words.native ?? "");
}

type Writer = (text: string, type: string) => string | undefined;

const integer: Writer = (text) => {
  const trimmed = text.trim().replace(/^\+/, "");
  return /^-?\d+$/.test(trimmed) ? BigInt(trimmed).toString() : undefined;
};
const float: Writer = (text) => {
  const value = Number(text);
  if (text.trim() === "") return undefined;
  if (Number.isFinite(value)) return String(value);
  return /^-?(nan|inf(inity)?)$/i.test(text.trim()) ? floatWord(text.trim().toLowerCase()) : undefined;
};
const quoted: Writer = (text) => (isNow(text) ? undefined : JSON.stringify(text));

function floatWord(text: string): string {
  if (text === "nan") return '"NaN"';
  return text.startsWith("-") ? '"-Infinity"' : '"Infinity"';
}

const writers: Readonly<Record<string, Writer>> = {
  Int: integer,
  BigInt: integer,
  Float32: float,
  Float64: float,
  Decimal: (text, type) => {
    const match = /^-?(\d+)(?:\.(\d+))?$/.exec(text.trim());
    const [precision = 1000, scale = 1000] = (/\(([\d,]+)\)/.exec(type)?.[1] ?? "")
      .split(",")
      .filter(Boolean)
      .map(Number);
    const whole = (match?.[1] ?? "").replace(/^0+/, "");
    const fits = whole.length <= precision - scale || !type.includes("(");
    return match !== null && fits && (match[2] ?? "").length <= scale
      ? JSON.stringify(text.trim())
      : undefined;
  },
  String: quoted,
  UUID: quoted,
  Boolean: (text) => (/^(t|true|y|yes|on|1)$/i.test(text.trim()) ? "true" : "false"),
  Date: (text) => (/^\d{4}-\d\d-\d\d$/.test(text) ? JSON.stringify(text) : undefined),
  DateTime: (text) => {
    if (isNow(text)) return JSON.stringify(text.toUpperCase());
    const match = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d:\d\d(?:\.\d+)?))?(?:\+00)?$/.exec(text);
    return match === null ? undefined : JSON.stringify(`${match[1]}T${match[2] ?? "00:00:00"}Z`);
  },
  JSON: (text) => jsonLiteral(text),
};

/** JSON in GraphQL's spelling; a text alone is refused by the language. */
function jsonLiteral(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "string" || value === null ? undefined : graphqlOf(value);
  } catch {
    return undefined;
  }
}

function graphqlOf(value: unknown): string | undefined {
  if (typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value)) return undefined;
  if (Array.isArray(value)) {
    const items = value.map(graphqlOf);
    return items.includes(undefined) ? undefined : `[${items.join(", ")}]`;
  }
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).map(([key, inner]) => [key, graphqlOf(inner)] as const);
  const isSayable = entries.every(([key, inner]) => /^[A-Za-z_]\w*$/.test(key) && inner !== undefined);
  return isSayable ? `{${entries.map(([key, inner]) => `${key}: ${inner}`).join(", ")}}` : undefined;
}
