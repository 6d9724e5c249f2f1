/** Fields of a selection set as GraphQL collects them, and plain values in the shape of a selection. */

import {
  type FieldNode,
  GraphQLIncludeDirective,
  GraphQLSkipDirective,
  getDirectiveValues,
  type SelectionNode,
  type SelectionSetNode,
} from "graphql";
import type { OperationRequest } from "./contract.ts";

/** Fields by response name, in order, each with the nodes whose selections are merged; fragments on other types are left out. */
export function collectFields(
  request: OperationRequest,
  sets: readonly (SelectionSetNode | undefined)[],
  typeName: string,
): ReadonlyMap<string, readonly FieldNode[]> {
  const fields = new Map<string, FieldNode[]>();
  const visited = new Set<string>();
  const visit = (selections: readonly SelectionNode[]): void => {
    for (const selection of selections) {
      if (!isIncluded(request, selection)) continue;
      if (selection.kind === "Field") {
        const name = selection.alias?.value ?? selection.name.value;
        fields.set(name, [...(fields.get(name) ?? []), selection]);
        continue;
      }
      const fragment = fragmentOf(request, selection, visited);
      const condition = fragment?.typeCondition?.name.value ?? typeName;
      if (fragment !== undefined && condition === typeName) visit(fragment.selectionSet.selections);
    }
  };
  for (const set of sets) visit(set?.selections ?? []);
  return fields;
}

function fragmentOf(
  request: OperationRequest,
  selection: Exclude<SelectionNode, FieldNode>,
  visited: Set<string>,
) {
  if (selection.kind === "InlineFragment") return selection;
  const name = selection.name.value;
  if (visited.has(name)) return undefined;
  visited.add(name);
  return request.fragments[name];
}

function isIncluded(request: OperationRequest, selection: SelectionNode): boolean {
  const skip = getDirectiveValues(GraphQLSkipDirective, selection, request.variables);
  const include = getDirectiveValues(GraphQLIncludeDirective, selection, request.variables);
  return skip?.["if"] !== true && include?.["if"] !== false;
}

/** A plain object, list or leaf in the shape that the nodes select. Types have the names that `__typename` of the values gives. */
export function shapeValue(request: OperationRequest, value: unknown, nodes: readonly FieldNode[]): unknown {
  if (Array.isArray(value)) return value.map((one: unknown) => shapeValue(request, one, nodes));
  if (typeof value !== "object" || value === null) return value;
  // Objects here are our own, with string keys.
  const object = value as Readonly<Record<string, unknown>>;
  const sets = nodes.map((node) => node.selectionSet);
  const shaped: Record<string, unknown> = Object.create(null);
  for (const [name, inner] of collectFields(request, sets, String(object["__typename"]))) {
    const field = inner[0]?.name.value;
    if (field !== undefined) shaped[name] = shapeValue(request, object[field] ?? null, inner);
  }
  return shaped;
}
