/** Rows found by key, by unique, and by global ids. */

import type { Entity } from "../model/model.ts";
import type { RootField, RowSelection } from "../plan/plan.ts";
import { identifier } from "./quote.ts";
import {
  type Argument,
  argumentOf,
  type Builder,
  columnOf,
  entityOf,
  freshTable,
  jsonObject,
  jsonObjectFrom,
  modelColumn,
  parameter,
  partOf,
  tableOf,
} from "./select-builder.ts";
import { equalsSql } from "./select-compare.ts";
import { rowEntries } from "./select-row.ts";
import { comparable, parameterType } from "./select-type.ts";

/** Ids of one type among those that were asked for: positions, and for each key column the values as text. */
export interface IdGroup {
  readonly entity: string;
  readonly positions: readonly number[];
  readonly keys: readonly (readonly string[])[];
}

/** One row by columns that determine it; the arguments are named by the columns' fields. */
export function rowByColumns(builder: Builder, root: RootField & { readonly kind: "row" }): string {
  const entity = entityOf(builder.model, root.entity);
  const table = freshTable(builder);
  const conditions = root.columns.map((name) => {
    const column = modelColumn(entity, name);
    const argument = argumentOf(builder, root.at, column.field);
    return equalsSql(builder, { column, sql: columnOf(table, name) }, argument);
  });
  const from = ` FROM ${tableOf(builder, entity)} ${identifier(table)} WHERE ${conditions.join(" AND ")}`;
  return jsonObjectFrom(rowEntries(builder, { entity, table }, root.selection), from);
}

/** The row of one global id; `groups` of its arguments holds one group, or none for an id that names nothing. */
export function rowById(builder: Builder, root: RootField & { readonly kind: "node" | "nodes" }): string {
  const [group] = idGroups(builder, root.at);
  const selection = group === undefined ? undefined : root.types[group.entity];
  if (group === undefined || selection === undefined) return "NULL::json";
  const entity = entityOf(builder.model, group.entity);
  const table = freshTable(builder);
  const keys = keyArguments(builder, root.at, 0);
  const conditions = entity.key.map((name, index) => {
    const key = partOf(partOf(keys, index), 0);
    return keyEquals(entity, { table, name }, parameter(builder, key, keyType(entity, name)));
  });
  const from = ` FROM ${tableOf(builder, entity)} ${identifier(table)} WHERE ${conditions.join(" AND ")}`;
  return jsonObjectFrom(rowEntries(builder, { entity, table }, selection), from);
}

/** The rows of many global ids, in their order, null for those that are not there: `count` of the arguments tells how many. */
export function rowsByIds(builder: Builder, root: RootField & { readonly kind: "node" | "nodes" }): string {
  const found = idGroups(builder, root.at).map((group, index) =>
    groupRows(
      builder,
      { group, selection: root.types[group.entity] ?? [] },
      keyArguments(builder, root.at, index),
    ),
  );
  return positioned(builder, found, argumentOf(builder, root.at, "count"));
}

/** Rows of one entity by key, in the order of the keys: `positions`, `keys` and `count` of place 0. */
export function rowsByKeys(builder: Builder, entity: string, selection: RowSelection): string {
  const [group] = idGroups(builder, 0);
  const found =
    group === undefined
      ? []
      : [groupRows(builder, { group: { ...group, entity }, selection }, keyArguments(builder, 0, 0))];
  return positioned(builder, found, argumentOf(builder, 0, "count"));
}

function positioned(builder: Builder, found: readonly string[], count: Argument): string {
  const positions = `generate_series(1, ${parameter(builder, count, "integer")}) AS "~i"(i)`;
  if (found.length === 0) return `(SELECT coalesce(json_agg(NULL::json), '[]'::json) FROM ${positions})`;
  return `(SELECT coalesce(json_agg(r.j ORDER BY i), '[]'::json) FROM ${positions} LEFT JOIN (${found.join(" UNION ALL ")}) r(i, j) USING (i))`;
}

function idGroups(builder: Builder, at: number): readonly IdGroup[] {
  // The API resolved this place's arguments by resolveIds.
  return (builder.resolved[at]?.["groups"] ?? []) as readonly IdGroup[];
}

function keyArguments(builder: Builder, at: number, group: number): Argument {
  return partOf(partOf(argumentOf(builder, at, "groups"), group), "keys");
}

function groupRows(
  builder: Builder,
  { group, selection }: { readonly group: IdGroup; readonly selection: RowSelection },
  keys: Argument,
): string {
  const entity = entityOf(builder.model, group.entity);
  const table = freshTable(builder);
  const asked = `k${table}`;
  const positions = { value: undefined, path: [...keys.path.slice(0, -1), "positions"] };
  const lists = entity.key.map((name, index) =>
    parameter(builder, partOf(keys, index), `${keyType(entity, name)}[]`),
  );
  const names = ["p", ...entity.key.map((_, index) => `k${index}`)];
  const from = `unnest(${[parameter(builder, positions, "integer[]"), ...lists].join(", ")}) AS ${asked}(${names.join(", ")})`;
  const conditions = entity.key.map((name, index) =>
    keyEquals(entity, { table, name }, `${asked}.k${index}`),
  );
  return `SELECT ${asked}.p, ${jsonObject(rowEntries(builder, { entity, table }, selection))} FROM ${from} JOIN ${tableOf(builder, entity)} ${identifier(table)} ON ${conditions.join(" AND ")}`;
}

function keyType(entity: Entity, name: string): string {
  return parameterType(modelColumn(entity, name).type);
}

function keyEquals(
  entity: Entity,
  { table, name }: { readonly table: string; readonly name: string },
  value: string,
): string {
  return `${comparable(modelColumn(entity, name), columnOf(table, name))} = ${value}`;
}
