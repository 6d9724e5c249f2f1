/** Aggregates of a list's rows, whole or in groups, as JSON. */

import type { Column } from "../model/model.ts";
import { type GroupKey, groupKeys, sumType } from "../plan/group-key.ts";
import type { AggregateField, ConnectionField, GroupField, MeasureField } from "../plan/plan.ts";
import {
  begin,
  codecMeasure,
  columnMeasure,
  type Gathered,
  type Gathering,
  type Placed,
} from "./gathering.ts";
import type { Groups } from "./groups.ts";
import { identifier, literal } from "./quote.ts";
import {
  argumentOf,
  columnOf,
  freshTable,
  jsonObject,
  modelColumn,
  parameter,
  tableOf,
} from "./select-builder.ts";
import { havingSql } from "./select-having.ts";
import { countOf, type MeasureName, rawList, withoutSign } from "./select-measure.ts";
import { measuredSql, orderSql } from "./select-order.ts";
import { asJson, groupsMark, orderable, parameterType, scalarJson } from "./select-type.ts";

/** All rows together. */
export function aggregateJson(gathered: Gathered, selection: readonly AggregateField[]): string {
  const gathering = begin(gathered);
  const object = aggregateObject(gathering, selection, (typed) => typed);
  const { builder, table, raw, entity } = gathering;
  // A SELECT without aggregates would answer a row for each row.
  if (raw.columns.size === 0) return `(SELECT ${object})`;
  const from = `${tableOf(builder, entity)} ${identifier(table)} WHERE ${gathered.membership(table)}`;
  return `(SELECT ${object} FROM (SELECT ${rawList(raw).join(", ")} FROM ${from}) ${raw.table})`;
}

function aggregateObject(gathering: Gathering, selection: readonly AggregateField[], placed: Placed): string {
  const entries = selection.map((field) => {
    if (field.kind === "typename") return [field.key, `${literal(field.type)}::text`] as const;
    if (field.kind === "count") return [field.key, placed(countOf(gathering.raw)).sql] as const;
    const parts = field.selection.map(
      (part) => [part.key, measureJson(gathering, { name: field.kind, part }, placed)] as const,
    );
    return [field.key, jsonObject(parts)] as const;
  });
  return jsonObject(entries);
}

interface NamedMeasure {
  readonly name: Exclude<MeasureName, "count">;
  readonly part: MeasureField;
}

function measureJson(gathering: Gathering, { name, part }: NamedMeasure, placed: Placed): string {
  if (part.kind === "typename") return `${literal(part.type)}::text`;
  const column = modelColumn(gathering.entity, part.column);
  if (part.kind === "codecMeasure") {
    const parts = part.selection.map((field) => {
      if (field.kind === "typename") return [field.key, `${literal(field.type)}::text`] as const;
      const typed = placed(codecMeasure(gathering, name, { column, field: field.name }));
      return [field.key, scalarJson(field.type, typed.sql, typed.type)] as const;
    });
    return jsonObject(parts);
  }
  const { sql } = placed(columnMeasure(gathering, name, column));
  if (name === "min" || name === "max") return asJson(gathering.builder, column, sql);
  return scalarJson(sumType(column) ?? "Decimal", sql);
}

/** The groups of a list, in the order that is asked for, then by their keys. */
export function groupsJson(gathered: Gathered, plan: ConnectionField & { readonly kind: "groupBy" }): string {
  const { builder, entity } = gathered;
  // The API resolved this place's arguments by resolveGroups.
  const groups = builder.resolved[plan.at] as Groups;
  const gathering = begin(gathered);
  const known = groupKeys(entity);
  const keys = groups.by.flatMap((name) => known.filter((key) => key.name === name));
  const inner = freshTable(builder);
  const shown = freshTable(builder);
  const told = new Map<string, string>();
  const placed = keep(told, shown);
  const object = jsonObject(
    plan.selection.map((field) => [field.key, groupJson(gathering, { field, keys, table: shown }, placed)]),
  );
  const having = havingSql(gathering, argumentOf(builder, plan.at, "having"), keep(told, inner));
  const order = groupOrder(gathering, { groups, keys, table: inner }, keep(told, inner));
  const fetch = parameter(builder, argumentOf(builder, plan.at, "fetch"), "bigint");
  const rows = groupRows(gathered, gathering, { keys, told });
  const numbered = `SELECT ${inner}.*, row_number() OVER (ORDER BY ${order}) AS "~n" FROM (${rows}) ${inner} WHERE ${having} ORDER BY "~n" LIMIT ${fetch}`;
  const cap = parameter(builder, argumentOf(builder, plan.at, "cap"), "bigint");
  return `(SELECT CASE WHEN count(*) > ${cap} THEN ${groupsMark(cap)} ELSE coalesce(json_agg(${object} ORDER BY ${shown}."~n"), '[]'::json) END FROM (${numbered}) ${shown})`;
}

/** Gives what is told of the rows a name in the rows of groups. */
function keep(told: Map<string, string>, table: string): Placed {
  return ({ sql, type }) => {
    const name = told.get(sql) ?? `~m${told.size}`;
    told.set(sql, name);
    return { sql: columnOf(table, name), type };
  };
}

/** One row for each group: its keys `~k0`…, and what is told of its rows. */
function groupRows(
  { membership }: Gathered,
  { builder, entity, table, raw }: Gathering,
  { keys, told }: { readonly keys: readonly GroupKey[]; readonly told: ReadonlyMap<string, string> },
): string {
  const names = keys.map((_, index) => identifier(`~k${index}`));
  const values = keys.map((key, index) => `${keySql(key, table)} AS ${names[index]}`);
  const positions = keys.map((_, index) => index + 1).join(", ");
  const grouped = `SELECT ${[...values, ...rawList(raw)].join(", ")} FROM ${tableOf(builder, entity)} ${identifier(table)} WHERE ${membership(table)} GROUP BY ${positions}`;
  const measures = [...told].map(([sql, name]) => `${sql} AS ${identifier(name)}`);
  const shown = names.map((name) => `${raw.table}.${name}`);
  return `SELECT ${[...shown, ...measures].join(", ")} FROM (${grouped}) ${raw.table}`;
}

function keySql({ column, period }: GroupKey, table: string): string {
  const sql = columnOf(table, column.name);
  const type = parameterType(column.type);
  if (period === undefined) return withoutSign({ sql, type });
  const instant = isZoned(column) ? `${sql} AT TIME ZONE 'UTC'` : `${sql}::timestamp`;
  const begin = `date_trunc(${literal(period)}, ${instant})`;
  return period === "hour" ? begin : `${begin}::date`;
}

function isZoned({ type }: Column): boolean {
  return /with time zone|timestamptz/i.test(type.sql);
}

function groupOrder(
  { builder, table, raw }: Gathering,
  { groups, keys, table: inner }: { groups: Groups; keys: readonly GroupKey[]; table: string },
  placed: Placed,
): string {
  const told = groups.terms.map((term) => ({ ...term, nullable: term.measure !== "count" }));
  const measures = groups.terms.map((term) => placed(measuredSql(builder, raw, { ...term, table })).sql);
  const byKey = keys.map(({ column, period }, index) => {
    const sql = columnOf(inner, `~k${index}`);
    return period === undefined ? orderable(builder.model, column, sql).sql : sql;
  });
  return [orderSql(told, measures, false), ...byKey].filter((sql) => sql !== "").join(", ");
}

interface Shown {
  readonly field: GroupField;
  readonly keys: readonly GroupKey[];
  readonly table: string;
}

function groupJson(gathering: Gathering, { field, keys, table }: Shown, placed: Placed): string {
  if (field.kind === "typename") return `${literal(field.type)}::text`;
  if (field.kind === "aggregate") return aggregateObject(gathering, field.selection, placed);
  return jsonObject(
    field.selection.map((part) => {
      if (part.kind === "typename") return [part.key, `${literal(part.type)}::text`] as const;
      const index = keys.findIndex((key) => key.field === part.field);
      const key = keys[index];
      const value = columnOf(table, `~k${index}`);
      return [part.key, key === undefined ? "NULL::text" : keyJson(gathering, key, value)] as const;
    }),
  );
}

function keyJson({ builder }: Gathering, { column, period, type }: GroupKey, sql: string): string {
  return period === undefined ? asJson(builder, column, sql) : scalarJson(type, sql);
}
