/** Orders of lists in SQL: values to order by. */

import type { Reference } from "../model/model.ts";
import {
  type Direction,
  notNumeric,
  type Ordered,
  type OrderedMeasure,
  type OrderTerm,
} from "./order-term.ts";
import { identifier } from "./quote.ts";
import { type Builder, columnOf, entityOf, freshTable, linked, tableOf } from "./select-builder.ts";
import { codecTerm } from "./select-codec-term.ts";
import {
  countOf,
  measureOf,
  type RawAggregates,
  rawAggregates,
  rawList,
  type Typed,
} from "./select-measure.ts";
import { orderable } from "./select-type.ts";

/** The term's value for the row `table`. */
export function termSql(builder: Builder, table: string, one: OrderTerm): Typed {
  const { path, of } = one;
  if (of.kind === "column") {
    const sql = reachColumn(builder, { path, table, column: of.column.name });
    return orderable(builder.model, of.column, sql);
  }
  let type = "";
  const sql = reach(builder, { path, table }, (reached) => {
    const told = of.kind === "codec" ? codecSql(builder, reached, of) : childrenSql(builder, reached, of);
    type = told.type;
    return told.sql;
  });
  return { sql, type };
}

function codecSql(builder: Builder, own: string, of: Ordered & { readonly kind: "codec" }): Typed {
  const place = { entity: of.entity, column: of.column, sql: columnOf(own, of.column.name) };
  const told = codecTerm(builder, place, { name: of.field, verb: "ordered" });
  return { sql: told.sql, type: told.kind === "list" ? "jsonb" : told.type };
}

/** The column of the row itself that the term orders by; a key column of a target is the row's own foreign key column. */
export function ownColumn({ path, of }: OrderTerm): string | undefined {
  if (of.kind !== "column") return undefined;
  const [reference, ...more] = path;
  if (reference === undefined) return of.column.name;
  if (more.length > 0 || reference.hideable === true) return undefined;
  return ownKey(reference, of.column.name);
}

function ownKey({ columns }: Reference, key: string): string | undefined {
  return columns.find(({ target }) => target === key)?.column;
}

function reachColumn(
  builder: Builder,
  {
    path,
    table,
    column,
  }: { readonly path: readonly Reference[]; readonly table: string; readonly column: string },
): string {
  // A key column of the target is our own foreign key column: no need to look there, unless the target may be hidden.
  const last = path.at(-1);
  const own = last?.hideable === true ? undefined : last && ownKey(last, column);
  const short = own === undefined ? path : path.slice(0, -1);
  return reach(builder, { path: short, table }, (reached) => columnOf(reached, own ?? column));
}

/** What `leaf` tells of the row that the references lead to. */
function reach(
  builder: Builder,
  { path, table }: { readonly path: readonly Reference[]; readonly table: string },
  leaf: (table: string) => string,
): string {
  const [first, ...rest] = path;
  if (first === undefined) return leaf(table);
  const target = freshTable(builder);
  const links = first.columns.map((pair) => ({ own: pair.column, other: pair.target }));
  const inner = reach(builder, { path: rest, table: target }, leaf);
  const from = tableOf(builder, entityOf(builder.model, first.target));
  return `(SELECT ${inner} FROM ${from} ${identifier(target)} WHERE ${linked(links, table, target)})`;
}

/** What is told of the children of the row `own`. Cursors need sums that are the same each time. */
function childrenSql(builder: Builder, own: string, of: Ordered & { readonly kind: "children" }): Typed {
  const target = entityOf(builder.model, of.child.entity);
  const reference = target.references.find(({ field }) => field === of.child.reference);
  const links = (reference?.columns ?? []).map((pair) => ({ own: pair.target, other: pair.column }));
  const table = freshTable(builder);
  const raw = rawAggregates(`r${table}`, true);
  const { sql, type } = measuredSql(builder, raw, { ...of, table });
  const inner = `SELECT ${rawList(raw).join(", ")} FROM ${tableOf(builder, target)} ${identifier(table)} WHERE ${linked(links, own, table)}`;
  return { sql: `(SELECT ${sql} FROM (${inner}) ${raw.table})`, type };
}

/** What is told of the rows that `table` runs through, as lists are ordered by it. */
export function measuredSql(
  builder: Builder,
  raw: RawAggregates,
  { measure, value, table }: OrderedMeasure & { readonly table: string },
): Typed {
  if (measure === "count" || value === undefined) return countOf(raw);
  const told = termSql(builder, table, value);
  const sums = measure === "sum" || measure === "avg";
  if (sums && value.of.kind === "codec" && !numeric.has(told.type))
    throw notNumeric(measure, value, value.of.entity);
  return measureOf(raw, measure, told);
}

/** Types of codec fields that can be summed. */
const numeric: ReadonlySet<string> = new Set(["bigint", "double precision"]);

/** `ORDER BY` terms over given expressions, reversed when a page is read from its end. */
export function orderSql(
  terms: readonly (Direction & { readonly nullable: boolean })[],
  expressions: readonly string[],
  reversed: boolean,
): string {
  return terms
    .map((one, index) => {
      const descending = one.descending !== reversed;
      const nullsFirst = one.nullsFirst !== reversed;
      const nulls =
        one.nullable && nullsFirst !== descending ? ` NULLS ${nullsFirst ? "FIRST" : "LAST"}` : "";
      return `${expressions[index]}${descending ? " DESC" : ""}${nulls}`;
    })
    .join(", ");
}
