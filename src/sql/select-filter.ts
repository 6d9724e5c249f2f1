/**
 * Filters → SQL conditions. `not`, `neq` and `notIn` are true complements: they also take rows without a value. Values are
 * parameters, always.
 */

import { ServiceError } from "../errors.ts";
import type { Child, Column, Entity } from "../model/model.ts";
import { identifier } from "./quote.ts";
import {
  type Argument,
  all,
  type Builder,
  columnOf,
  entityOf,
  freshTable,
  linked,
  partOf,
  tableOf,
} from "./select-builder.ts";
import { compareColumn, compareScalar, operatorsOf } from "./select-compare.ts";

/** A row to be filtered. */
interface Row {
  readonly entity: Entity;
  readonly table: string;
}

/** The condition that `where` puts on the rows of `table`; nothing for an absent filter. */
export function filterSql(builder: Builder, row: Row, where: Argument): string | undefined {
  if (where.value === undefined || where.value === null) return undefined;
  return conditions(builder, row, where);
}

function conditions(builder: Builder, row: Row, where: Argument): string {
  const names = operatorsOf(where);
  return all(names.map((name) => `(${condition(builder, row, { name, part: partOf(where, name) })})`));
}

interface Named {
  readonly name: string;
  readonly part: Argument;
}

function condition(builder: Builder, row: Row, { name, part }: Named): string {
  if (part.value === null || part.value === undefined) throw nullFilter(part);
  if (name === "and" || name === "or") {
    const items = Array.isArray(part.value) ? part.value : [];
    const each = items.map((_, index) => `(${conditions(builder, row, partOf(part, index))})`);
    if (each.length === 0) return name === "and" ? "true" : "false";
    return each.join(name === "and" ? " AND " : " OR ");
  }
  if (name === "not") return `(${conditions(builder, row, part)}) IS NOT TRUE`;
  const { entity, table } = row;
  const column = entity.columns.find(({ exposed, field }) => exposed && field === name);
  if (column !== undefined) return columnCondition(builder, { row, column }, part);
  const reference = entity.references.find(({ field }) => field === name);
  if (reference !== undefined) {
    const links = reference.columns.map((pair) => ({ own: pair.column, other: pair.target }));
    return related(builder, { entity: reference.target, links, own: table }, part);
  }
  const child = entity.children.find(({ field }) => field === name);
  if (child !== undefined) return childCondition(builder, { row, child }, part);
  throw new ServiceError("BAD_USER_INPUT", `${entity.name} cannot be filtered by ${name}.`);
}

function columnCondition(
  builder: Builder,
  { row, column }: { readonly row: Row; readonly column: Column },
  part: Argument,
): string {
  const sql = columnOf(row.table, column.name);
  if (column.type.codec === undefined) return compareColumn(builder, { column, sql }, part);
  return all(
    operatorsOf(part).map((name) =>
      codecCondition(builder, { row, column, sql }, { name, part: partOf(part, name) }),
    ),
  );
}

function codecCondition(
  builder: Builder,
  { row, column, sql }: { readonly row: Row; readonly column: Column; readonly sql: string },
  { name, part }: Named,
): string {
  if (part.value === null || part.value === undefined) throw nullFilter(part);
  if (name === "isNull") return `${sql} IS ${part.value === true ? "" : "NOT "}NULL`;
  const { codec } = column.type;
  const known = codec === undefined ? undefined : builder.codecs(codec, name);
  if (known?.sql === undefined || known.filter === undefined) {
    const where = codec?.store === undefined ? "in the row" : "in a store";
    throw new ServiceError(
      "BAD_USER_INPUT",
      `${row.entity.name}.${column.field} cannot be filtered by ${name}: the codec "${codec?.name}" tells it only from the bytes, where values lie ${where}.`,
      { details: { field: `${column.field}.${name}`, remedy: "Filter by another field, or by isNull." } },
    );
  }
  // Codecs tell what a value says; of a row without one nothing is told, not even a default.
  const told = `(CASE WHEN ${sql} IS NOT NULL THEN ${known.sql(sql)} END)`;
  return compareScalar(builder, { scalar: known.filter, sql: told }, part);
}

interface Related {
  readonly entity: string;
  readonly links: readonly { readonly own: string; readonly other: string }[];
  /** Table name of the row at hand. */
  readonly own: string;
}

/** True when a related row fits. */
function related(builder: Builder, { entity, links, own }: Related, where: Argument): string {
  const target = entityOf(builder.model, entity);
  const table = freshTable(builder);
  const fits = conditions(builder, { entity: target, table }, where);
  return exists(target, table, all([linked(links, own, table), fits]));
}

function exists(target: Entity, table: string, condition: string): string {
  return `EXISTS (SELECT 1 FROM ${tableOf(target)} ${identifier(table)} WHERE ${condition})`;
}

function childCondition(
  builder: Builder,
  { row, child }: { readonly row: Row; readonly child: Child },
  part: Argument,
): string {
  const target = entityOf(builder.model, child.entity);
  const reference = target.references.find(({ field }) => field === child.reference);
  const links = (reference?.columns ?? []).map(({ column, target: own }) => ({ own, other: column }));
  if (child.unique) return related(builder, { entity: target.name, links, own: row.table }, part);
  const quantified = operatorsOf(part).map((name) => {
    const inner = partOf(part, name);
    if (inner.value === null || inner.value === undefined) throw nullFilter(inner);
    const table = freshTable(builder);
    const fits = conditions(builder, { entity: target, table }, inner);
    const link = linked(links, row.table, table);
    if (name === "every") return `NOT ${exists(target, table, all([link, `(${fits}) IS NOT TRUE`]))}`;
    return `${name === "none" ? "NOT " : ""}${exists(target, table, all([link, fits]))}`;
  });
  return all(quantified);
}

function nullFilter(part: Argument): ServiceError {
  const field = part.path.slice(1).join(".");
  return new ServiceError(
    "BAD_USER_INPUT",
    `The filter ${field} is null. Leave it out, or ask for rows without a value by isNull: true.`,
    { details: { field } },
  );
}
