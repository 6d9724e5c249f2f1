/** What can be told of many rows of an entity at once: which columns are summed, and by what rows are grouped. */

import type { Column, Entity } from "../model/model.ts";

/** A period that a time lies in, told by its beginning. */
export type Period = "year" | "month" | "week" | "day" | "hour";

/** Something by which rows are grouped: a column's value, or the period that it lies in. */
export interface GroupKey {
  /** Value of the enum of group keys: `STARTED_AT__DAY`. */
  readonly name: string;
  /** Field of a group's key: `startedAt__day`. */
  readonly field: string;
  readonly column: Column;
  readonly period?: Period;
  /** GraphQL type of the key's value. */
  readonly type: string;
}

const periods: Readonly<Record<string, readonly Period[]>> = {
  Date: ["year", "month", "week"],
  DateTime: ["year", "month", "week", "day", "hour"],
};

/** Every group key of `entity`, in table order. Columns under a reference's own name are keys too. */
export function groupKeys(entity: Entity): readonly GroupKey[] {
  const names = new Set<string>();
  const fields = new Set<string>();
  return entity.columns
    .filter(isGroupable)
    .flatMap(columnKeys)
    .map((key) => ({ ...key, name: untaken(key.name, names), field: untaken(key.field, fields) }));
}

function isGroupable({ type }: Column): boolean {
  return type.list === undefined && type.codec === undefined && type.graphql !== "JSON";
}

function columnKeys(column: Column): readonly GroupKey[] {
  const { field, type } = column;
  const name = constantCase(field);
  const each = (periods[type.graphql] ?? []).map((period) => ({
    name: `${name}__${period.toUpperCase()}`,
    field: `${field}__${period}`,
    column,
    period,
    type: period === "hour" ? "DateTime" : "Date",
  }));
  return [{ name, field, column, type: type.graphql }, ...each];
}

/** `startedAt` → `STARTED_AT`. */
function constantCase(field: string): string {
  return field.replace(/(?<=.)(?=[A-Z])(?<!_)/g, "_").toUpperCase();
}

/** Fields such as `aB` and `a_b` would share a name: the later one is told by a number. */
function untaken(name: string, taken: Set<string>): string {
  let free = name;
  for (let count = 2; taken.has(free); count++) free = `${name}_${count}`;
  taken.add(free);
  return free;
}

const sumTypes: Readonly<Record<string, "Decimal" | "Float64">> = {
  Int: "Decimal",
  BigInt: "Decimal",
  Decimal: "Decimal",
  Float: "Float64",
  Float32: "Float64",
  Float64: "Float64",
};

/** GraphQL type of sums and averages of the column; absent where it holds no numbers. */
export function sumType({ type }: Column): "Decimal" | "Float64" | undefined {
  if (type.list !== undefined || type.codec !== undefined) return undefined;
  return sumTypes[type.graphql];
}
