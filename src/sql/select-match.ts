/** The rows that a filter finds, for who wants to change them: locked in the order of their keys, so that what is counted is what is changed. */

import type { Entity } from "../model/model.ts";
import { identifier, qualified } from "./quote.ts";
import { newBuilder, type SelectContext } from "./select.ts";
import {
  all,
  argumentOf,
  type Builder,
  columnOf,
  freshTable,
  lockedTable,
  type Parameter,
  parameter,
} from "./select-builder.ts";
import { filterSql } from "./select-filter.ts";

/** A statement and where its parameters lie in the arguments. */
export interface MatchStatement {
  readonly text: string;
  readonly parameters: readonly Parameter[];
}

/** Locks at most `limit` rows that fit `where`, both arguments of place 0; answers one row `key`, texts of its columns, for each. */
export function compileMatch(
  entity: Entity,
  context: SelectContext,
  strength: "UPDATE" | "NO KEY UPDATE",
): MatchStatement {
  const builder = newBuilder(context);
  const { table, from } = fromWhere(builder, entity);
  const key = entity.key.map((name) => columnOf(table, name));
  const limit = parameter(builder, argumentOf(builder, 0, "limit"), "bigint");
  const texts = key.map((sql) => `${sql}::text`);
  const text = `SELECT ARRAY[${texts.join(", ")}] AS key ${from} ORDER BY ${key.join(", ")} LIMIT ${limit} FOR ${strength} OF ${identifier(table)}`;
  return { text, parameters: builder.parameters };
}

/**
 * Locks the row whose key is in the JSON object `key` of place 0, if the viewer sees it: one row `key`, texts of its columns, and `version`.
 */
export function compileLock(
  entity: Entity,
  context: SelectContext,
  strength: "UPDATE" | "NO KEY UPDATE",
): MatchStatement {
  const builder = newBuilder(context);
  const table = freshTable(builder);
  const given = parameter(builder, argumentOf(builder, 0, "key"), "json");
  const record = `json_populate_record(NULL::${qualified(entity.schema, entity.table)}, ${given}) AS u`;
  const same = entity.key.map((name) => `${columnOf(table, name)} = ${columnOf("u", name)}`);
  const texts = entity.key.map((name) => `${columnOf(table, name)}::text`);
  const { from, visible } = lockedTable(builder, entity, table);
  const text = `SELECT ARRAY[${texts.join(", ")}] AS key, ${columnOf(table, "xmin")}::text AS version FROM ${from}, ${record} WHERE ${all([...same, visible])} FOR ${strength} OF ${identifier(table)}`;
  return { text, parameters: builder.parameters };
}

/** Counts the rows that fit `where` of place 0: one row `count`. */
export function compileCount(entity: Entity, context: SelectContext): MatchStatement {
  const builder = newBuilder(context);
  const { from } = fromWhere(builder, entity);
  return { text: `SELECT count(*)::text AS count ${from}`, parameters: builder.parameters };
}

function fromWhere(builder: Builder, entity: Entity): { readonly table: string; readonly from: string } {
  const table = freshTable(builder);
  const where = filterSql(builder, { entity, table }, argumentOf(builder, 0, "where"));
  const { from, visible } = lockedTable(builder, entity, table);
  return { table, from: `FROM ${from} WHERE ${all([where, visible])}` };
}
