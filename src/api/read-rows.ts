/** Rows by key as a selection shows them, in one statement: what payloads and extensions read. */

import type { FieldNode, FragmentDefinitionNode } from "graphql";
import type { Queryable } from "../db/contract.ts";
import type { Entity } from "../model/model.ts";
import type { RowSelection } from "../plan/plan.ts";
import { planRows } from "../plan/plan-operation.ts";
import { compileRows } from "../sql/select.ts";
import { parameterValues } from "../sql/select-builder.ts";
import { codecSql } from "./codec-sql.ts";
import type { ReadServices } from "./execute-query.ts";
import { parseExact } from "./json-text.ts";
import { groupKeys } from "./node-id.ts";
import { planningBudget } from "./planning-budget.ts";
import { type ResolvedArguments, resolveArguments } from "./resolve-arguments.ts";
import { withRules } from "./row-rules.ts";
import type { WriteContext } from "./write/contract.ts";

/** Which rows, and what of them. */
export interface RowsRequest {
  readonly entity: Entity;
  /** For each row the PostgreSQL text of its key columns, in the order of `entity.key`. */
  readonly keys: readonly (readonly string[])[];
  /** Field nodes of one response name: their selection sets are merged. */
  readonly nodes: readonly FieldNode[];
  readonly fragments: Readonly<Record<string, FragmentDefinitionNode>>;
  readonly variables: Readonly<Record<string, unknown>>;
  /** Who asks. */
  readonly context: WriteContext;
  readonly signal?: AbortSignal | undefined;
}

/** Rows as the statement answers them, and what completing them takes. */
export interface ReadRows {
  /** In the order of the keys; null where there is no row, or none that who asks may see. */
  readonly rows: unknown[];
  readonly selection: RowSelection;
  readonly resolved: ResolvedArguments;
}

/** Reads rows. @throws {BAD_USER_INPUT | LIMIT_EXCEEDED} naming the argument. */
export async function readRows(
  services: Omit<ReadServices, "db" | "users">,
  queryable: Queryable,
  { entity, keys, nodes, fragments, variables, context: viewer, signal }: RowsRequest,
): Promise<ReadRows> {
  const { model, schema, registry, limits } = services;
  const context = { schema, model, fragments, variables, budget: planningBudget(limits) };
  const plan = planRows(context, entity.name, nodes);
  const [, ...others] = resolveArguments(plan.places, variables, { model, limits, times: keys.length });
  const given = [groupKeys(entity, keys), ...others];
  const { resolved, rules } = withRules(given, services.rules?.of(viewer));
  const codecs = codecSql(registry);
  const statement = compileRows(entity.name, plan.selection, { model, codecs, resolved, rules });
  const values = parameterValues(statement.parameters, resolved);
  const found = await queryable.query<{ data: string }>(statement.text, values, { signal });
  // The statement answers a list with one element for each key.
  const rows = parseExact(found.rows[0]?.data ?? "[]") as unknown[];
  return { rows, selection: plan.selection, resolved };
}
