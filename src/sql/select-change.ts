/**
 * Recorded changes → what subscribers are told: for each row of an entry its id, whether it fits the filter now, whether it did before,
 * and what is selected of it. One statement an entry, whatever the number of its rows.
 */

import type { Entity } from "../model/model.ts";
import type { RowSelection } from "../plan/plan.ts";
import { identifier, literal, qualified } from "./quote.ts";
import { newBuilder, type SelectContext, type SelectStatement } from "./select.ts";
import {
  type Argument,
  all,
  argumentOf,
  type Builder,
  columnOf,
  freshTable,
  jsonObject,
  parameter,
  tableOf,
} from "./select-builder.ts";
import { filterSql } from "./select-filter.ts";
import { idSql, rowEntries } from "./select-row.ts";

/** What the statement of an entry is made for. */
export interface ChangeShape {
  readonly entity: Entity;
  /** What is selected of the row, by the name under which the statement answers it. */
  readonly rows: readonly { readonly name: string; readonly selection: RowSelection }[];
  readonly operation: "INSERT" | "UPDATE" | "DELETE";
  /** Place of `where`, and the place whose `rows` is the entry's JSON: lists of key values and, behind them, the old row. */
  readonly where: number;
  readonly at: number;
  /** Where in those lists the key's columns are, in the order of {@link Entity.key}. */
  readonly positions: readonly number[];
  /** Where the old row is; absent where nothing is known of it. */
  readonly old: number | undefined;
}

/** Compiles an entry's statement: a JSON list of `{n, id, fits, …rows}` for the rows that subscribers are told of, `n` from 1. */
export function compileChange(shape: ChangeShape, context: SelectContext): SelectStatement {
  const builder = newBuilder(context);
  const where = argumentOf(builder, shape.where, "where");
  const entry = parameter(builder, argumentOf(builder, shape.at, "rows"), "jsonb");
  const { entity, rows, operation } = shape;
  const table = freshTable(builder);
  const there = columnOf(table, entity.key[0] ?? "");
  const present = operation === "DELETE" ? "false" : `${there} IS NOT NULL`;
  const filter = filterSql(builder, { entity, table }, where);
  const fits = filter === undefined ? present : `(${present} AND (${filter}) IS TRUE)`;
  const selected = rows.map(({ name, selection }) => {
    // What is not shown must not be compiled: a parameter that the text lacks has no type.
    if (operation === "DELETE") return [name, "NULL::json"] as const;
    const row = jsonObject(rowEntries(builder, { entity, table }, selection));
    return [name, `CASE WHEN ${present} THEN ${row} END`] as const;
  });
  const told = toldSql(builder, shape, { where, fits });
  const json = jsonObject([["n", "e.n"], ["id", idSql(entity, "k")], ["fits", "m.fits"], ...selected]);
  const join = entity.key.map((name) => `${columnOf(table, name)} = ${columnOf("k", name)}`).join(" AND ");
  const text = `SELECT coalesce(json_agg(x.j ORDER BY x.n), '[]'::json)::text AS data FROM (SELECT e.n, ${json} AS j
FROM jsonb_array_elements(${entry}) WITH ORDINALITY AS e(v, n)
CROSS JOIN LATERAL ${recordOf(entity, keyJson(shape))} AS k
LEFT JOIN ${tableOf(builder, entity)} ${identifier(table)} ON ${join}
CROSS JOIN LATERAL (SELECT ${fits} AS fits, ${told} AS told) AS m
WHERE m.told) AS x`;
  return { text, parameters: builder.parameters, completes: builder.completes, hasFloats: builder.hasFloats };
}

/** A row of the entity's table, out of JSON. */
function recordOf(entity: Entity, json: string): string {
  return `jsonb_populate_record(NULL::${qualified(entity.schema, entity.table)}, ${json})`;
}

function keyJson({ entity, positions }: ChangeShape): string {
  const pairs = entity.key.map((name, index) => `${literal(name)}, e.v -> ${positions[index] ?? index}`);
  return `jsonb_build_object(${pairs.join(", ")})`;
}

/** Whether subscribers are told: of rows that fit now, and of those that did before. */
function toldSql(
  builder: Builder,
  { entity, operation, old }: ChangeShape,
  { where, fits }: { readonly where: Argument; readonly fits: string },
): string {
  const isFiltered = where.value !== undefined && where.value !== null;
  const isRuled = builder.isRuled(entity);
  if (operation === "INSERT") return isFiltered || isRuled ? fits : "true";
  if (old === undefined) return fits;
  const table = freshTable(builder);
  const before = filterSql(builder, { entity, table }, where);
  if (before === undefined && !isRuled) return "true";
  const was = all([before, isRuled ? builder.rule(entity, table) : undefined]);
  const did = `EXISTS (SELECT FROM ${recordOf(entity, `e.v -> ${old}`)} AS ${identifier(table)} WHERE ${was})`;
  // A viewer is not told of a row because its old columns, which may have hidden it, are not known.
  if (isRuled) return `(${fits} OR ${did})`;
  const columns = [...ownColumns(entity, where.value)].map(literal);
  // What was not recorded cannot have been ruled out.
  const known =
    columns.length === 0 ? "true" : `jsonb_exists_all(e.v -> ${old}, ARRAY[${columns.join(", ")}])`;
  return `(${fits} OR NOT ${known} OR ${did})`;
}

/** Columns of the entity's own that a filter looks at. */
function ownColumns(entity: Entity, where: unknown, found = new Set<string>()): ReadonlySet<string> {
  for (const [name, part] of Object.entries(where ?? {})) {
    if (name === "and" || name === "or" || name === "not") {
      for (const inner of Array.isArray(part) ? part : [part]) ownColumns(entity, inner, found);
      continue;
    }
    const column = entity.columns.find(({ exposed, field }) => exposed && field === name);
    const reference = entity.references.find(({ field }) => field === name);
    const own = column === undefined ? (reference?.columns.map((pair) => pair.column) ?? []) : [column.name];
    for (const each of own) found.add(each);
  }
  return found;
}
