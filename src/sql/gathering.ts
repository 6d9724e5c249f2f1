/** What is told of many rows, in the making: aggregates are gathered while the parts that show them are written. */

import type { Column, Entity } from "../model/model.ts";
import { literal } from "./quote.ts";
import { type Builder, columnOf, freshTable } from "./select-builder.ts";
import { codecTerm } from "./select-codec-term.ts";
import {
  type MeasureName,
  measureOf,
  type RawAggregates,
  rawAggregates,
  type Typed,
} from "./select-measure.ts";
import { orderable, parameterType } from "./select-type.ts";

/** The rows that are told of: those of `entity` that meet the condition. */
export interface Gathered {
  readonly builder: Builder;
  readonly entity: Entity;
  /** Condition on the rows of the named table. */
  readonly membership: (table: string) => string;
}

/** Aggregates of rows, in the making: `table` runs through the rows, `raw` gathers what is needed of them. */
export interface Gathering {
  readonly builder: Builder;
  readonly entity: Entity;
  readonly table: string;
  readonly raw: RawAggregates;
}

/** Begins to gather. */
export function begin({ builder, entity }: Gathered): Gathering {
  const table = freshTable(builder);
  return { builder, entity, table, raw: rawAggregates(`r${table}`) };
}

/** Where a value that is told of the rows is read from. */
export type Placed = (typed: Typed) => Typed;

/** A measure of what rows tell of a codec's values. */
export function codecMeasure(
  { builder, entity, table, raw }: Gathering,
  name: Exclude<MeasureName, "count">,
  { column, field }: { readonly column: Column; readonly field: string },
): Typed {
  const place = { entity: entity.name, column, sql: columnOf(table, column.name) };
  const term = codecTerm(builder, place, { name: field, verb: "aggregated" });
  return measureOf(raw, name, { sql: term.sql, type: term.kind === "list" ? "jsonb" : term.type });
}

/** A measure of a column's values, as values of the column where it is the smallest or the largest. */
export function columnMeasure(
  { builder, table, raw }: Gathering,
  name: Exclude<MeasureName, "count">,
  column: Column,
): Typed {
  const sql = columnOf(table, column.name);
  const type = parameterType(column.type);
  const enumType = column.type.enum === undefined ? undefined : builder.model.enum.get(column.type.enum);
  if (enumType === undefined) return measureOf(raw, name, { sql, type });
  const position = measureOf(raw, name, orderable(builder.model, column, sql));
  const stored = enumType.values.map((value) => literal(value.stored)).join(", ");
  return { sql: `(ARRAY[${stored}]::text[])[${position.sql}]`, type };
}
