/** A validated query → Plan. */

import type { FieldNode, OperationDefinitionNode, SelectionSetNode } from "graphql";
import type { Model } from "../model/model.ts";
import { type CollectContext, collectFields, selectionSets } from "./collect-fields.ts";
import { type Arguments, planArguments } from "./expression.ts";
import type { Plan, RootField, RowSelection } from "./plan.ts";
import { planConnection, planRow } from "./plan-row.ts";
import { addArguments, type Planning } from "./planning.ts";

/** What a root field does, as the schema's builder wrote it into the field's `extensions.read`. */
export type ReadField =
  | { readonly kind: "node" | "nodes" }
  | { readonly kind: "list"; readonly entity: string }
  | { readonly kind: "row"; readonly entity: string; readonly columns: readonly string[] };

/** Plans a query. `context.variables` need hold only those of @skip and @include. */
export function planOperation(
  context: CollectContext & { readonly model: Model },
  operation: OperationDefinitionNode,
): Plan {
  const planning: Planning = { ...context, arguments: [] };
  const query = context.schema.getQueryType();
  const collected = query ? collectFields(context, query, [operation.selectionSet]) : new Map();
  const roots = query ? [...collected].map(([key, nodes]) => planRoot(planning, key, nodes)) : [];
  return Object.freeze({ roots, arguments: planning.arguments });
}

/** Plans the rows of one entity, outside a query: what a mutation's payload selects. */
export function planRows(
  context: CollectContext & { readonly model: Model },
  entity: string,
  nodes: readonly FieldNode[],
): { readonly selection: RowSelection; readonly arguments: readonly Arguments[] } {
  const planning: Planning = { ...context, arguments: [] };
  return { selection: planRow(planning, entity, selectionSets(nodes)), arguments: planning.arguments };
}

function planRoot(planning: Planning, key: string, nodes: readonly [FieldNode, ...FieldNode[]]): RootField {
  const name = nodes[0].name.value;
  if (name === "__typename") return { kind: "typename", key, type: "Query" };
  if (name === "__schema" || name === "__type") return { kind: "introspection", key };
  const definition = planning.schema.getQueryType()?.getFields()[name];
  // The schema's builder puts a ReadField there, nothing else does.
  const does = definition?.extensions["read"] as ReadField | undefined;
  if (definition === undefined || does === undefined)
    throw new TypeError(`The query field ${name} has no plan.`);
  const at = addArguments(planning, planArguments(definition, nodes[0]));
  const sets = selectionSets(nodes);
  switch (does.kind) {
    case "node":
    case "nodes":
      return { kind: does.kind, key, at, types: planTypes(planning, sets) };
    case "row": {
      const { entity, columns } = does;
      return { kind: "row", key, at, entity, columns, selection: planRow(planning, entity, sets) };
    }
    case "list":
      return {
        kind: "list",
        key,
        at,
        entity: does.entity,
        selection: planConnection(planning, does.entity, sets),
      };
  }
}

function planTypes(planning: Planning, sets: readonly SelectionSetNode[]): Record<string, RowSelection> {
  const entities = planning.model.entities.filter(({ listOf }) => listOf === undefined);
  return Object.fromEntries(entities.map(({ name }) => [name, planRow(planning, name, sets)]));
}
