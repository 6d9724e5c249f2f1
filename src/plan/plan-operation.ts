/** A validated query → Plan. */

import {
  type FieldNode,
  isAbstractType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from "graphql";
import type { Model } from "../model/model.ts";
import { type CollectContext, collectFields, selectionSets } from "./collect-fields.ts";
import { planArguments } from "./expression.ts";
import type { Place, Plan, RootField, RowSelection } from "./plan.ts";
import { planList, planRow } from "./plan-row.ts";
import { planUser, userNeeds } from "./plan-user.ts";
import { addPlace, type Planning } from "./planning.ts";

/** Root fields that no statement of a plan answers: their arguments are asked for where they are answered. */
type ToldApart = "upload" | "jobs" | "jobProgress";

/** What a root field does, as the schema's builder wrote it into the field's `extensions.read`. */
export type ReadField =
  | { readonly kind: "node" | "nodes" | "changeCursor" | ToldApart }
  | { readonly kind: "list"; readonly entity: string }
  | { readonly kind: "row"; readonly entity: string; readonly columns: readonly string[] };

/** Plans a query. `context.variables` need hold only those of @skip and @include. */
export function planOperation(
  context: CollectContext & { readonly model: Model },
  operation: OperationDefinitionNode,
): Plan {
  const planning: Planning = { ...context, places: [] };
  const query = context.schema.getQueryType();
  const collected = query ? collectFields(context, query, [operation.selectionSet]) : new Map();
  const roots = query ? [...collected].map(([key, nodes]) => planRoot(planning, key, nodes)) : [];
  return Object.freeze({ roots, places: planning.places });
}

/** Plans the rows of one entity, outside a query: what a mutation's payload selects. */
export function planRows(
  context: CollectContext & { readonly model: Model },
  entity: string,
  nodes: readonly FieldNode[],
): { readonly selection: RowSelection; readonly places: readonly Place[] } {
  const planning: Planning = { ...context, places: [] };
  // Place 0 is that of the keys.
  addPlace(planning, {}, { kind: "ids" });
  return { selection: planRow(planning, entity, selectionSets(nodes)), places: planning.places };
}

function planRoot(planning: Planning, key: string, nodes: readonly [FieldNode, ...FieldNode[]]): RootField {
  const name = nodes[0].name.value;
  if (name === "__typename") return { kind: "typename", key, type: "Query" };
  if (name === "__schema" || name === "__type") return { kind: "introspection", key };
  const definition = planning.schema.getQueryType()?.getFields()[name];
  // The schema's builder puts a ReadField there, nothing else does.
  const does = definition?.extensions["read"] as ReadField | undefined;
  if (definition !== undefined && userNeeds(definition) !== undefined)
    return { kind: "user", ...planUser(planning, definition, { key, nodes, type: "Query" }) };
  if (definition === undefined || does === undefined)
    throw new TypeError(`The query field ${name} has no plan.`);
  if (does.kind === "upload" || does.kind === "jobs" || does.kind === "jobProgress")
    return { kind: does.kind, key, nodes };
  const planned = planArguments(definition, nodes[0]);
  const sets = selectionSets(nodes);
  switch (does.kind) {
    case "changeCursor":
      return { kind: "changeCursor", key };
    case "node":
    case "nodes": {
      const at = addPlace(planning, planned, { kind: "ids" });
      return { kind: does.kind, key, at, types: planTypes(planning, sets) };
    }
    case "row": {
      const { entity, columns } = does;
      const at = addPlace(planning, planned);
      return { kind: "row", key, at, entity, columns, selection: planRow(planning, entity, sets) };
    }
    case "list":
      return { kind: "list", ...planList(planning, { key, entity: does.entity, planned, sets }) };
  }
}

function planTypes(planning: Planning, sets: readonly SelectionSetNode[]): Record<string, RowSelection> {
  const entities = planning.model.entities.filter(({ listOf }) => listOf === undefined);
  const named = namedTypes(planning, sets);
  const other = entities.find(({ name }) => !named.has(name));
  // What no fragment names has the fields of the interface only: planned once, however many types there are.
  const shared = other === undefined ? [] : planRow(planning, other.name, sets);
  const selectionOf = (name: string): RowSelection =>
    named.has(name)
      ? planRow(planning, name, sets)
      : shared.map((field) => (field.kind === "typename" ? { ...field, type: name } : field));
  return Object.fromEntries(entities.map(({ name }) => [name, selectionOf(name)]));
}

/** The types that fragments among `sets` name, themselves or by an interface of theirs that is not all types' own. */
function namedTypes(planning: Planning, sets: readonly SelectionSetNode[]): ReadonlySet<string> {
  const named = new Set<string>();
  const seen = new Set<string>();
  const waiting = [...sets];
  for (let set = waiting.pop(); set !== undefined; set = waiting.pop()) {
    for (const selection of set.selections) {
      planning.budget?.spend();
      if (selection.kind === Kind.FIELD) continue;
      const name = selection.kind === Kind.FRAGMENT_SPREAD ? selection.name.value : undefined;
      const fragment =
        selection.kind === Kind.FRAGMENT_SPREAD ? planning.fragments[selection.name.value] : selection;
      if (fragment === undefined || (name !== undefined && seen.has(name))) continue;
      if (name !== undefined) seen.add(name);
      for (const type of typesOf(planning, fragment.typeCondition?.name.value)) named.add(type);
      waiting.push(fragment.selectionSet);
    }
  }
  return named;
}

function typesOf({ schema }: Planning, condition: string | undefined): readonly string[] {
  if (condition === undefined || condition === "Node") return [];
  const type = schema.getType(condition);
  return isAbstractType(type) ? schema.getPossibleTypes(type).map(({ name }) => name) : [condition];
}
