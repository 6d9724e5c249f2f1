/**
 * Pages that begin at a cursor, as conditions that an index can serve. PostgreSQL looks up neither an OR nor what may be null in one go, so
 * what lies beyond a cursor is told as alternatives: each a range of the order, none with a row of another.
 */

import type { Entity } from "../model/model.ts";
import { wantedIndexes } from "./indexes.ts";
import type { OrderTerm } from "./order-term.ts";
import { identifier } from "./quote.ts";
import { type Argument, type Builder, columnOf, freshTable, parameter, partOf } from "./select-builder.ts";
import { ownColumn, termSql } from "./select-order.ts";
import { orderable } from "./select-type.ts";

/** The order of a list. */
export interface Order {
  readonly entity: Entity;
  readonly terms: readonly OrderTerm[];
  readonly table: string;
  /** Columns that are equal in all rows of the list, and the parent's columns that they equal. */
  readonly fixed: ReadonlyMap<string, string>;
}

/** A side of a cursor, or the whole list where there is none. */
export interface Side extends Order {
  /** Before the cursor, not after it. */
  readonly reversed: boolean;
  /** Whether the cursor's own row belongs to it. */
  readonly inclusive: boolean;
  readonly cursor: Argument | undefined;
}

/** A term of the order and the cursor's value of it. */
interface Part {
  readonly sql: string;
  /** A parameter; absent where the cursor's value is null. */
  readonly value: string | undefined;
  readonly sign: "<" | ">";
  /** Where nulls lie, seen from values in the direction that is read. */
  readonly nulls: "none" | "ahead" | "behind";
  /** Whether it is a column of the row itself. */
  readonly isOwn: boolean;
  /** Whether an index leads to its nulls and to its values, but not in the list's order. */
  readonly splits: boolean;
  /** The parent's expression that it equals in all rows of the list. */
  readonly fixed: string | undefined;
}

/** What lies on a side of a cursor: alternatives that exclude each other, in the order in which they are read. May be empty. */
export function sideSql(builder: Builder, side: Side): readonly string[] {
  const { cursor } = side;
  const split = splitTerm(side);
  if (cursor === undefined && split === undefined) return ["true"];
  const parts = side.terms.map((one, index): Part => {
    const { sql, type } = termSql(builder, side.table, one);
    const value = cursor && partOf(cursor, index);
    const isNull = value?.value === null || value?.value === undefined;
    const own = ownColumn(one);
    const parent = own === undefined ? undefined : side.fixed.get(own);
    return {
      sql,
      value: isNull ? undefined : parameter(builder, value, type),
      sign: one.descending !== side.reversed ? "<" : ">",
      nulls: nullsOf(one, side.reversed),
      isOwn: own !== undefined && !isEnum(one),
      splits: one === split,
      fixed: parent === undefined ? undefined : orderableAs(builder, one, parent),
    };
  });
  return cursor === undefined ? whole(parts) : alternatives(parts, side.inclusive);
}

/** The order as each alternative of {@link sideSql} is to be sorted by: where nulls and values come apart, the index's own order. */
export function alternativeTerms(order: Order): readonly OrderTerm[] {
  const split = splitTerm(order);
  return order.terms.map((one) => (one === split ? { ...one, nullable: false } : one));
}

/** The leading term, where an index has its nulls at the other end than the list. */
function splitTerm(order: Order): OrderTerm | undefined {
  const leading = leadingTerm(order);
  if (leading?.nullable !== true || leading.nullsFirst === leading.descending) return undefined;
  return indexedColumn(order) === undefined ? undefined : leading;
}

function leadingTerm({ terms, fixed }: Order): OrderTerm | undefined {
  return terms.find((one) => !fixed.has(ownColumn(one) ?? ""));
}

function nullsOf({ nullable, nullsFirst }: OrderTerm, reversed: boolean): Part["nulls"] {
  if (!nullable) return "none";
  return nullsFirst === reversed ? "ahead" : "behind";
}

/** Enums are ordered by their place in the schema file, which no index has. */
function isEnum({ of }: OrderTerm): boolean {
  return of.kind === "column" && of.column.type.enum !== undefined;
}

function orderableAs(builder: Builder, { of }: OrderTerm, sql: string): string | undefined {
  return of.kind === "column" ? orderable(builder.model, of.column, sql).sql : undefined;
}

function whole(parts: readonly Part[]): readonly string[] {
  const split = parts.find(({ splits }) => splits);
  if (split === undefined) return ["true"];
  const zones = [`${split.sql} IS NOT NULL`, `${split.sql} IS NULL`];
  return split.nulls === "ahead" ? zones : zones.reverse();
}

function alternatives(parts: readonly Part[], inclusive: boolean): readonly string[] {
  const [first, ...rest] = parts;
  if (first === undefined) return inclusive ? ["true"] : [];
  const { sql, value, sign, nulls, fixed } = first;
  if (fixed !== undefined && value !== undefined) {
    // A row comparison with a fixed column in front would be looked up from that column's first row on.
    const equal = alternatives(rest, inclusive).map((one) => `${fixed} = ${value} AND ${one}`);
    return [...equal, ...whole(rest).map((one) => `${fixed} ${sign} ${value} AND ${one}`)];
  }
  if (nulls === "none" || !first.isOwn) return [range(parts, inclusive)];
  if (value === undefined) {
    const equal = alternatives(rest, inclusive).map((one) => `${sql} IS NULL AND ${one}`);
    return nulls === "ahead" ? equal : [...equal, `${sql} IS NOT NULL`];
  }
  const values = range([{ ...first, nulls: "none" }, ...rest], inclusive);
  return nulls === "ahead" ? [values, `${sql} IS NULL`] : [values];
}

/** One condition; it may be unknown where it is not true. */
function range(parts: readonly Part[], inclusive: boolean): string {
  const run = comparable(parts);
  if (run.length === parts.length) return comparison(run, inclusive);
  const tree = parts.reduceRight((rest, part) => step(part, rest), inclusive ? "true" : "false");
  const other = run.findIndex(({ isOwn }) => !isOwn);
  const bound = other === -1 ? run : run.slice(0, other);
  // True wherever the tree is: for the index, which cannot serve an OR.
  return bound.length === 0 ? tree : `${comparison(bound, true)} AND ${tree}`;
}

/** The first parts, as far as PostgreSQL's comparison of rows orders as the list does. */
function comparable(parts: readonly Part[]): readonly Part[] {
  const fits = ({ value, nulls, sign }: Part): boolean =>
    value !== undefined && nulls !== "ahead" && sign === parts[0]?.sign;
  const end = parts.findIndex((part) => !fits(part));
  return end === -1 ? parts : parts.slice(0, end);
}

function comparison(parts: readonly Part[], inclusive: boolean): string {
  const operator = `${parts[0]?.sign ?? ">"}${inclusive ? "=" : ""}`;
  return `(${parts.map(({ sql }) => sql).join(", ")}) ${operator} (${parts.map(({ value }) => value).join(", ")})`;
}

function step({ sql, value, sign, nulls }: Part, rest: string): string {
  const equal = value === undefined ? `${sql} IS NULL` : `${sql} = ${value}`;
  const beyond =
    value === undefined
      ? nulls === "behind" && `${sql} IS NOT NULL`
      : `${sql} ${sign} ${value}${nulls === "ahead" ? ` OR ${sql} IS NULL` : ""}`;
  if (rest === "true" && value !== undefined && nulls !== "ahead") return `${sql} ${sign}= ${value}`;
  const possible = [beyond, rest !== "false" && (rest === "true" ? equal : `(${equal} AND ${rest})`)];
  return `(${possible.filter((one) => one !== false).join(" OR ") || "false"})`;
}

/**
 * The first rows of several alternatives together, `select` giving those of each in order; the later ones are looked up where the earlier
 * ones have too few.
 */
export function firstRows(
  builder: Builder,
  conditions: readonly string[],
  how: {
    readonly select: (condition: string) => string;
    readonly limit: string;
    /** Empty for none. */
    readonly offset: string;
    readonly order: string;
  },
): string {
  const { select, limit, offset, order } = how;
  const end = `LIMIT ${limit}${offset === "" ? "" : ` OFFSET ${offset}`}`;
  const [only = "false", ...more] = conditions;
  if (more.length === 0) return `${select(only)} ${end}`;
  const enough = offset === "" ? limit : `(${limit} + ${offset})`;
  const names = conditions.map(() => identifier(`~${freshTable(builder)}`));
  const queries = conditions.map((condition, index) => {
    const found = names.slice(0, index).map((name) => `(SELECT count(*) FROM ${name})`);
    const gate = found.length === 0 ? "" : `${found.join(" + ")} < ${enough} AND `;
    return `${names[index]} AS MATERIALIZED (${select(`${gate}${condition}`)} LIMIT ${enough})`;
  });
  const united = names.map((name) => `SELECT * FROM ${name}`).join(" UNION ALL ");
  return `SELECT * FROM (WITH ${queries.join(", ")} ${united}) u ORDER BY ${order} ${end}`;
}

/**
 * The column by which an index finds the list's rows in order, where there is one. PostgreSQL guesses that a row on a side of a cursor is
 * found at once anywhere in the table, which is wrong near the ends; ordered by this column, one row is looked up.
 */
export function indexedColumn(order: Order): string | undefined {
  const leading = leadingTerm(order);
  const column = leading === undefined || isEnum(leading) ? undefined : ownColumn(leading);
  const { entity, fixed } = order;
  const indexes = [entity.key, ...wantedIndexes(entity).map(({ columns }) => columns)];
  return indexes.some((columns) => columns.find((name) => !fixed.has(name)) === column) ? column : undefined;
}

/** Columns that are the same in all rows of a list, as the parent has them. */
export function fixedColumns(
  links: readonly { readonly own: string; readonly other: string }[],
  parent: string,
): ReadonlyMap<string, string> {
  return new Map(links.map(({ own, other }) => [other, columnOf(parent, own)]));
}
