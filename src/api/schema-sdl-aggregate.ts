/** Types of one entity's aggregates and groups. */

import type { CodecRegistry } from "../codec/registry.ts";
import type { Column, Entity, Model } from "../model/model.ts";
import { type GroupKey, groupKeys, sumType } from "../plan/group-key.ts";
import { type CodecMeasures, codecMeasures } from "./schema-sdl-codec-measure.ts";
import { columnFilter, definition, field, joined, typeNames } from "./schema-sdl-names.ts";
import { isOrdered } from "./schema-sdl-shared.ts";

/** The connection's fields that tell of all its rows at once. */
export function aggregateFields(entity: Entity): readonly string[] {
  const names = typeNames(entity);
  const groups = `groupBy(by: [${names.groupKey}!]!, having: ${names.having}, orderBy: [${names.aggregateOrderBy}!], first: Int): [${names.group}!]!`;
  return [
    field(`aggregate: ${names.aggregate}!`, "All rows that the filter leaves, told together."),
    ...(groupKeys(entity).length === 0
      ? []
      : [field(groups, "The rows that the filter leaves, by what they share; in the order of the keys.")]),
  ];
}

/** Whether the column's values have an order that lists can follow. */
export function isOrderable({ type }: Column, model: Model): boolean {
  const { list, codec, graphql } = type;
  return list === undefined && codec === undefined && (isOrdered(graphql) || model.enum.has(graphql));
}

/** SDL of the aggregates and groups of `entity`. */
export function aggregateSdl(model: Model, entity: Entity, outputs: CodecRegistry["outputs"]): string {
  const names = typeNames(entity);
  const exposed = entity.columns.filter((column) => column.exposed);
  const told = (suffix: CodecMeasures) => exposed.flatMap(codecMeasures(outputs, suffix));
  const summed = exposed.filter((column) => sumType(column) !== undefined);
  const ordered = exposed.filter((column) => isOrderable(column, model));
  const summable = summed.length + told("Sums").length > 0;
  const comparable = ordered.length + told("Extremes").length > 0;
  const measures = (sums: string, extremes: string) => [
    ...(!summable ? [] : [`sum: ${sums}`, `avg: ${sums}`]),
    ...(!comparable ? [] : [`min: ${extremes}`, `max: ${extremes}`]),
  ];
  return joined([
    definition(`type ${names.aggregate}`, ["count: Int!", ...measures(names.sums, names.extremes)]),
    definition(`type ${names.sums}`, [
      ...summed.map((column) => `${column.field}: ${sumType(column)}`),
      ...told("Sums"),
    ]),
    definition(`type ${names.extremes}`, [
      ...ordered.map((column) => `${column.field}: ${column.type.graphql}`),
      ...told("Extremes"),
    ]),
    groupSdl(entity),
    definition(`input ${names.having}`, [
      "count: IntFilter",
      ...measures(names.sumsHaving, names.extremesHaving),
      `and: [${names.having}!]`,
      `or: [${names.having}!]`,
      `not: ${names.having}`,
    ]),
    definition(`input ${names.sumsHaving}`, [
      ...summed.map((column) => `${column.field}: ${sumType(column)}Filter`),
      ...told("SumsHaving"),
    ]),
    definition(`input ${names.extremesHaving}`, [
      ...ordered.map((column) => `${column.field}: ${columnFilter(column)}`),
      ...told("ExtremesHaving"),
    ]),
    definition(`input ${names.aggregateOrderBy} @oneOf`, [
      "count: OrderDirection",
      ...measures(names.orderBy, names.orderBy),
    ]),
  ]);
}

function groupSdl(entity: Entity): string {
  const names = typeNames(entity);
  const keys = groupKeys(entity);
  if (keys.length === 0) return "";
  return joined([
    definition(`type ${names.group}`, [`key: ${names.groupValues}!`, `aggregate: ${names.aggregate}!`]),
    definition(
      `enum ${names.groupKey}`,
      keys.map((key) => field(key.name, periodDescription(key))),
    ),
    definition(
      `type ${names.groupValues}`,
      keys.map((key) => `${key.field}: ${key.type}`),
      "What the rows of a group share; null for what they were not grouped by.",
    ),
  ]);
}

function periodDescription({ period, column, type }: GroupKey): string {
  if (period === undefined) return "";
  const zone = column.type.graphql === "DateTime" ? ", in UTC" : "";
  const monday = period === "week" ? " (weeks begin on Monday)" : "";
  return `The ${period} of ${column.field}${zone}${monday}: the ${type} that it begins with.`;
}
