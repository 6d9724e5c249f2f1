/** Orders of lists: terms from `orderBy`, a unique tie-breaker, cursors, and the conditions that begin a page at a cursor. */

import { createHash } from "node:crypto";
import { ServiceError } from "../errors.ts";
import type { Column, Entity, Model, Reference } from "../model/model.ts";
import { identifier } from "./quote.ts";
import {
  type Argument,
  type Builder,
  columnOf,
  entityOf,
  freshTable,
  linked,
  modelColumn,
  parameter,
  partOf,
  tableOf,
} from "./select-builder.ts";
import { orderable } from "./select-type.ts";

/** One term of an order: a column, reached through references. */
export interface OrderTerm {
  readonly path: readonly Reference[];
  readonly column: Column;
  readonly descending: boolean;
  readonly nullsFirst: boolean;
  readonly nullable: boolean;
}

/** The terms of `orderBy`, with the key appended where it is needed to tell all rows apart. */
export function orderTerms(model: Model, entity: Entity, orderBy: unknown): readonly OrderTerm[] {
  const given = Array.isArray(orderBy) ? orderBy.map((entry) => term(model, entity, entry)) : [];
  const own = new Set(given.filter(({ path }) => path.length === 0).map(({ column }) => column.name));
  const key = entity.key.filter((name) => !own.has(name));
  const breakers = key.map((name) => ({
    path: [],
    column: modelColumn(entity, name),
    descending: false,
    nullsFirst: false,
    nullable: false,
  }));
  return [...given, ...breakers];
}

function term(model: Model, entity: Entity, entry: unknown): OrderTerm {
  const path: Reference[] = [];
  let at = entity;
  let value: unknown = entry;
  for (;;) {
    const [name, inner] = Object.entries(value ?? {})[0] ?? ["", undefined];
    const reference = at.references.find(({ field }) => field === name);
    const column = at.columns.find(({ exposed, field }) => exposed && field === name);
    if (column !== undefined && typeof inner === "string") return directed(path, column, inner);
    if (reference === undefined || inner === null || inner === undefined) {
      throw new ServiceError("BAD_USER_INPUT", `orderBy: give exactly one field of ${at.name}.`, {
        details: { field: "orderBy" },
      });
    }
    path.push(reference);
    at = entityOf(model, reference.target);
    value = inner;
  }
}

function directed(path: readonly Reference[], column: Column, direction: string): OrderTerm {
  const descending = direction.startsWith("DESC");
  const nullsFirst = direction.endsWith("NULLS_FIRST") || (descending && !direction.endsWith("NULLS_LAST"));
  const nullable = column.nullable || path.some((reference) => reference.nullable);
  return { path, column, descending, nullsFirst, nullable };
}

/** What a cursor must have been made with to be used again: the list's type and order. */
export function orderSignature(entity: Entity, terms: readonly OrderTerm[]): string {
  const text = terms.map((one) =>
    [...one.path.map(({ field }) => field), one.column.name, one.descending, one.nullsFirst].join("."),
  );
  return createHash("sha256")
    .update(`${entity.name}:${text.join(",")}`)
    .digest("base64url")
    .slice(0, 8);
}

/** The term's value for the row `table`. */
export function termSql(
  builder: Builder,
  table: string,
  one: OrderTerm,
): { readonly sql: string; readonly type: string } {
  const sql = reach(builder, { path: one.path, table, column: one.column.name });
  return orderable(builder.model, one.column, sql);
}

function reach(
  builder: Builder,
  {
    path,
    table,
    column,
  }: { readonly path: readonly Reference[]; readonly table: string; readonly column: string },
): string {
  const [first, ...rest] = path;
  if (first === undefined) return columnOf(table, column);
  // A key column of the target is our own foreign key column: no need to look there.
  const own = rest.length === 0 ? first.columns.find(({ target }) => target === column) : undefined;
  if (own !== undefined) return columnOf(table, own.column);
  const target = freshTable(builder);
  const links = first.columns.map((pair) => ({ own: pair.column, other: pair.target }));
  const inner = reach(builder, { path: rest, table: target, column });
  const from = tableOf(entityOf(builder.model, first.target));
  return `(SELECT ${inner} FROM ${from} ${identifier(target)} WHERE ${linked(links, table, target)})`;
}

/** `ORDER BY` terms over given expressions, reversed when a page is read from its end. */
export function orderSql(
  terms: readonly OrderTerm[],
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

/** Whether a row lies strictly after the cursor (or before it, `reversed`), as a condition that is never unknown. */
export function beyondSql(
  builder: Builder,
  {
    terms,
    table,
    reversed,
  }: { readonly terms: readonly OrderTerm[]; readonly table: string; readonly reversed: boolean },
  cursor: Argument,
): string {
  const parts = terms.map((one, index) => {
    const { sql, type } = termSql(builder, table, one);
    const value = partOf(cursor, index);
    const isNull = value.value === null || value.value === undefined;
    return { one, sql, isNull, value: isNull ? "NULL" : parameter(builder, value, type) };
  });
  const first = parts[0]?.one.descending;
  const uniform = parts.every(({ one }) => !one.nullable && one.descending === first);
  if (uniform) {
    const sign = (first === true) !== reversed ? "<" : ">";
    return `(${parts.map(({ sql }) => sql).join(", ")}) ${sign} (${parts.map(({ value }) => value).join(", ")})`;
  }
  return parts.reduceRight<string>((rest, part) => {
    const equal = part.isNull ? `${part.sql} IS NULL` : `${part.sql} = ${part.value}`;
    const beyond = strictly(part, reversed);
    return rest === "" ? beyond : `(${beyond} OR (${equal} AND ${rest}))`;
  }, "");
}

function strictly(
  {
    one,
    sql,
    isNull,
    value,
  }: { readonly one: OrderTerm; readonly sql: string; readonly isNull: boolean; readonly value: string },
  reversed: boolean,
): string {
  const nullsFirst = one.nullsFirst !== reversed;
  if (isNull) return nullsFirst ? `${sql} IS NOT NULL` : "false";
  const sign = one.descending !== reversed ? "<" : ">";
  if (!one.nullable) return `${sql} ${sign} ${value}`;
  return nullsFirst
    ? `coalesce(${sql} ${sign} ${value}, false)`
    : `(${sql} ${sign} ${value} OR ${sql} IS NULL)`;
}
