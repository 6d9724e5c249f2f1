/** PostgreSQL types of columns: one form to compare them by, and what a change of type costs. */

const aliases: Readonly<Record<string, string>> = {
  int2: "smallint",
  int: "integer",
  int4: "integer",
  int8: "bigint",
  float4: "real",
  float: "double precision",
  float8: "double precision",
  bool: "boolean",
  varchar: "character varying",
  char: "character",
  bpchar: "character",
  decimal: "numeric",
  timestamp: "timestamp without time zone",
  timestamptz: "timestamp with time zone",
  time: "time without time zone",
};

/** A type in the words of `format_type`; `timestamp(6)` is `timestamp`, whose precision is 6 anyway. */
export function comparableType(text: string): string {
  const match = /^([a-z0-9_ ]+?)\s*(?:\(([\d\s,]+)\))?((?: with| without) time zone)?$/i.exec(text.trim());
  if (match?.[1] === undefined) return text;
  const zone = match[3] ?? "";
  const base = match[1].toLowerCase();
  const name = zone === "" ? (aliases[base] ?? base) : `${base}${zone.toLowerCase()}`;
  const size = (match[2] ?? (name === "character" ? "1" : "")).replaceAll(/\s/g, "");
  if (size === "" || (size === "6" && name.startsWith("timestamp"))) return name;
  if (name === "numeric" && !size.includes(",")) return `numeric(${size},0)`;
  return name.startsWith("timestamp") || name.startsWith("time ")
    ? name.replace(/^(timestamp|time)/, `$1(${size})`)
    : `${name}(${size})`;
}

/** A type taken apart: `numeric(12,4)` → `numeric`, [12, 4]. */
function parts(type: string): { readonly name: string; readonly sizes: readonly number[] } {
  const sizes = /\(([\d,]+)\)/.exec(type)?.[1]?.split(",").map(Number) ?? [];
  return { name: type.replace(/\([\d,]+\)/, ""), sizes };
}

/** What a change of type does to the values of a column. */
export interface Conversion {
  /** True when values could lose something. */
  readonly lossy: boolean;
  /** Expression that makes the new value, given the quoted column. */
  readonly using: (column: string) => string;
  /** Condition under which a row's value does not fit, given the quoted column. */
  readonly misfit?: (column: string) => string;
}

const integers: Readonly<Record<string, { readonly rank: number; readonly max: string }>> = {
  smallint: { rank: 1, max: "32767" },
  integer: { rank: 2, max: "2147483647" },
  bigint: { rank: 3, max: "9223372036854775807" },
};
const texts = new Set(["character", "character varying", "text"]);

/** How values of one type become values of another; `undefined` where no value could be kept. Types as {@link comparableType} gives them. */
export function conversion(from: string, to: string): Conversion | undefined {
  const [a, b] = [parts(from), parts(to)];
  const cast = (column: string): string => `${column}::${to}`;
  const [fromInt, toInt] = [integers[a.name], integers[b.name]];
  if (fromInt !== undefined && toInt !== undefined) {
    if (toInt.rank >= fromInt.rank) return { lossy: false, using: cast };
    return {
      lossy: false,
      using: cast,
      misfit: (column) => `${column} NOT BETWEEN -${toInt.max} - 1 AND ${toInt.max}`,
    };
  }
  if (fromInt !== undefined && b.name === "double precision")
    return { lossy: fromInt.rank === 3, using: cast };
  if (a.name === "real" && b.name === "double precision") return { lossy: false, using: cast };
  if (a.name === "double precision" && b.name === "real") return { lossy: true, using: cast };
  if (texts.has(a.name) && texts.has(b.name)) return textConversion(b.sizes[0], cast, a);
  if (a.name === "numeric" && b.name === "numeric") return numericConversion(a.sizes, b.sizes, cast);
  if (a.name.startsWith("timestamp without") && b.name === a.name)
    return { lossy: (b.sizes[0] ?? 6) < (a.sizes[0] ?? 6), using: cast };
  if (a.name === "date" && b.name === "timestamp without time zone") return { lossy: false, using: cast };
  return undefined;
}

function textConversion(
  length: number | undefined,
  cast: (column: string) => string,
  from: { readonly name: string; readonly sizes: readonly number[] },
): Conversion {
  const fits = length === undefined || (from.sizes[0] !== undefined && from.sizes[0] <= length);
  if (fits) return { lossy: false, using: cast };
  return { lossy: false, using: cast, misfit: (column) => `char_length(${column}) > ${length}` };
}

function numericConversion(
  from: readonly number[],
  to: readonly number[],
  cast: (column: string) => string,
): Conversion {
  const [precision, scale] = [to[0], to[1] ?? 0];
  if (precision === undefined) return { lossy: false, using: cast };
  const [oldPrecision, oldScale] = [from[0] ?? 1000, from[0] === undefined ? 1000 : (from[1] ?? 0)];
  const whole = precision - scale;
  const rounds = scale < oldScale;
  if (!rounds && whole >= oldPrecision - oldScale) return { lossy: false, using: cast };
  const misfit = (column: string): string => `abs(round(${column}, ${scale})) >= 1e${whole}::numeric`;
  return { lossy: rounds, using: cast, misfit };
}
