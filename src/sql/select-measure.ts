/**
 * Counts, sums, averages, smallest and largest values. PostgreSQL gathers the raw aggregates in one pass over the rows; what is
 * answered is told from those.
 */

import { identifier } from "./quote.ts";

/** What is told of many values. */
export type MeasureName = "count" | "sum" | "avg" | "min" | "max";

/** An SQL expression and its type. */
export interface Typed {
  readonly sql: string;
  readonly type: string;
}

/** The raw aggregates of one SELECT, each once; `table` is the name under which they are read. */
export interface RawAggregates {
  readonly table: string;
  /** SQL → name. */
  readonly columns: Map<string, string>;
  /** Whether equal rows must give equal sums to the last bit, in whatever order they are read. */
  readonly isStable: boolean;
}

/** A set without aggregates. */
export function rawAggregates(table: string, isStable = false): RawAggregates {
  return { table, columns: new Map(), isStable };
}

/** The raw aggregates as the select list of the inner query. */
export function rawList(raw: RawAggregates): readonly string[] {
  return [...raw.columns].map(([sql, name]) => `${sql} AS ${identifier(name)}`);
}

function gather(raw: RawAggregates, sql: string): string {
  const name = raw.columns.get(sql) ?? `~r${raw.columns.size}`;
  raw.columns.set(sql, name);
  return `${raw.table}.${identifier(name)}`;
}

/** Number of rows. */
export function countOf(raw: RawAggregates): Typed {
  return { sql: gather(raw, "count(*)"), type: "bigint" };
}

/** What `name` tells of the values of an expression; NULL where there are none. */
export function measureOf(raw: RawAggregates, name: Exclude<MeasureName, "count">, value: Typed): Typed {
  if (name === "min" || name === "max") return extreme(raw, name, value);
  if (isFloating(value.type)) {
    const sql = name === "sum" ? floatingSum(raw, value.sql) : floatingAverage(raw, value.sql);
    return { sql, type: "double precision" };
  }
  const sql = name === "sum" ? `sum(${value.sql})::numeric` : `trim_scale(avg(${value.sql}))`;
  return { sql: gather(raw, sql), type: "numeric" };
}

function isFloating(type: string): boolean {
  return type === "real" || type === "double precision";
}

/** A floating point expression without negative zero, which equals zero: which of the two a group shows would be chance. */
export function withoutSign({ sql, type }: Typed): string {
  return isFloating(type) ? `(${sql} + 0::${type})` : sql;
}

function extreme(raw: RawAggregates, name: "min" | "max", { sql, type }: Typed): Typed {
  // PostgreSQL has no smallest boolean, and none of uuid before version 18.
  if (type === "boolean") {
    return { sql: gather(raw, `${name === "min" ? "bool_and" : "bool_or"}(${sql})`), type };
  }
  if (type === "uuid") return { sql: gather(raw, `${name}(${sql}::text COLLATE "C")::uuid`), type };
  return { sql: gather(raw, withoutSign({ sql: `${name}(${sql})`, type })), type };
}

/** From here on values are summed by themselves, scaled down, since PostgreSQL refuses sums beyond the largest float. */
const large = "1e270::double precision";
const down = "7.458340731200207e-155::double precision";
const up = "1.3407807929942597e154::double precision";
const half = "6.7039039649712985e153::double precision";
const belowUp = "1.3407807929942596e154::double precision";

interface FloatingSums {
  /** Sum of the values below {@link large}; NULL where there are none. */
  readonly small: string;
  /** Sum of the others, NaN and infinities included, times 2^-512. */
  readonly scaled: string;
}

function floatingSums(raw: RawAggregates, value: string): FloatingSums {
  const sql = `(${value})::double precision`;
  const order = raw.isStable ? ` ORDER BY ${sql}` : "";
  const sum = (of: string, where: string) =>
    gather(raw, `(sum(${of}${order}) FILTER (WHERE abs(${sql}) ${where} ${large}) + 0::double precision)`);
  return { small: sum(sql, "<"), scaled: sum(`${sql} * ${down}`, ">=") };
}

function floatingSum(raw: RawAggregates, value: string): string {
  const { small, scaled } = floatingSums(raw, value);
  return `(CASE WHEN ${scaled} IS NULL THEN ${small} WHEN abs(${scaled}) < ${half} THEN ${scaled} * ${up} + coalesce(${small}, 0) WHEN abs(${scaled}) < ${up} THEN ${scaled} * ${up} ELSE ${infinite(scaled)} END)`;
}

function infinite(scaled: string): string {
  return `CASE WHEN ${scaled} = 'NaN' THEN 'NaN' WHEN ${scaled} > 0 THEN 'Infinity' ELSE '-Infinity' END::double precision`;
}

/** The sum over the number of values; where only the sum is beyond the largest float, the average is not. */
function floatingAverage(raw: RawAggregates, value: string): string {
  const { small, scaled } = floatingSums(raw, value);
  const count = `${gather(raw, `count(${value})`)}::double precision`;
  const beyond = `WHEN abs(${scaled}) >= 'Infinity' THEN ${infinite(scaled)} WHEN abs(${scaled}) >= ${half} THEN greatest(least(${scaled} / ${count}, ${belowUp}), -${belowUp}) * ${up}`;
  // PostgreSQL refuses quotients that round to zero.
  const smallest = "5e-324::double precision";
  const quotient = `CASE WHEN abs(f.s) >= 1e-290 THEN f.s / ${count} WHEN abs(f.s) * 2 <= ${count} * ${smallest} THEN 0 ELSE f.s / ${count} END`;
  const total = `CASE WHEN ${scaled} IS NULL THEN ${small} ELSE ${scaled} * ${up} + coalesce(${small}, 0) END`;
  return `(CASE ${beyond} ELSE (SELECT ${quotient} FROM (SELECT ${total} AS s) f) END)`;
}
