/** Plan → one SELECT that answers the whole query as JSON text. */

import type { Entity, Model } from "../model/model.ts";
import type { Plan, RootField, RowSelection } from "../plan/plan.ts";
import { changeCursor } from "./change-cursor.ts";
import { literal } from "./quote.ts";
import { argumentOf, type Builder, type CodecSql, jsonText, type Parameter } from "./select-builder.ts";
import { filterSql } from "./select-filter.ts";
import { rowByColumns, rowById, rowsByIds, rowsByKeys } from "./select-node.ts";
import { listJson } from "./select-row.ts";

/** A statement whose text serves every request with arguments of the same shape. */
export interface SelectStatement {
  /** Answers one row with one column, `data`: the JSON text. */
  readonly text: string;
  readonly parameters: readonly Parameter[];
  /** Whether JavaScript must complete the answer. */
  readonly completes: boolean;
  /** Whether a string may stand where a number was asked for. */
  readonly hasFloats: boolean;
}

/** What a SELECT is compiled with. */
export interface SelectContext {
  readonly model: Model;
  readonly codecs: CodecSql;
  /** Arguments of each place of the plan: pages as `resolvePage` gives them, ids grouped by type, the rest as they are. */
  readonly resolved: readonly Readonly<Record<string, unknown>>[];
  /** Place of the viewer's rules among the arguments: filters by the name of the entity. Absent where there are none. */
  readonly rules: number | undefined;
}

/** Root fields that other statements answer, or none. */
export const toldApart: ReadonlySet<string> = new Set([
  "introspection",
  "user",
  "upload",
  "jobs",
  "jobProgress",
]);

/** Compiles a query. `undefined` when nothing of it is in the database. */
export function compileSelect(plan: Plan, context: SelectContext): SelectStatement | undefined {
  const builder = newBuilder(context);
  const stored = plan.roots.filter(({ kind }) => !toldApart.has(kind));
  if (stored.every(({ kind }) => kind === "typename")) return undefined;
  const data = jsonText(stored.map((root) => [root.key, rootJson(builder, root)]));
  return finish(builder, data);
}

/** Compiles the rows of `entity` by key, in the order of the keys, as a JSON list. */
export function compileRows(
  entity: string,
  selection: RowSelection,
  context: SelectContext,
): SelectStatement {
  const builder = newBuilder(context);
  return finish(builder, `SELECT ${rowsByKeys(builder, entity, selection)}::text AS data`);
}

/** A statement in the making, with nothing in it yet. */
export function newBuilder({ model, codecs, resolved, rules }: SelectContext): Builder {
  let isRule = false;
  const ruleOf = ({ name }: Entity) => (rules === undefined ? undefined : argumentOf(builder, rules, name));
  const builder: Builder = {
    model,
    codecs,
    resolved,
    parameters: [],
    tables: 0,
    completes: false,
    hasFloats: false,
    isRuled: (entity) => !isRule && ruleOf(entity)?.value !== undefined,
    rule: (entity, table) => {
      const where = ruleOf(entity);
      isRule = true;
      const condition = where === undefined ? undefined : filterSql(builder, { entity, table }, where);
      isRule = false;
      return condition ?? "false";
    },
  };
  return builder;
}

function finish({ parameters, completes, hasFloats }: Builder, text: string): SelectStatement {
  return { text, parameters, completes, hasFloats };
}

function rootJson(builder: Builder, root: RootField): string {
  switch (root.kind) {
    case "typename":
      return `${literal(root.type)}::text`;
    case "row":
      return rowByColumns(builder, root);
    case "list":
      return listJson(builder, root);
    case "node":
      return rowById(builder, root);
    case "nodes":
      return rowsByIds(builder, root);
    case "changeCursor":
      return changeCursor;
    case "introspection":
    case "user":
    case "upload":
    case "jobs":
    case "jobProgress":
      return "NULL::json";
  }
}
