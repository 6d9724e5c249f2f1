/** Fields that an extension answers: planned as far as the statement and the limits are concerned. */

import type { FieldNode, GraphQLField, SelectionSetNode } from "graphql";
import { planArguments } from "./expression.ts";
import type { RootField } from "./plan.ts";
import { addPlace, type Planning } from "./planning.ts";

/** What the schema's builder wrote into the `extensions.user` of a field that an extension answers. */
export interface UserNeeds {
  /** Selection of the row's own fields; absent: its key. */
  readonly needs?: SelectionSetNode | undefined;
}

/** Whether an extension answers a field, and what it needs. */
export function userNeeds(definition: GraphQLField<unknown, unknown>): UserNeeds | undefined {
  // The schema's builder puts a UserNeeds there, nothing else does.
  return definition.extensions["user"] as UserNeeds | undefined;
}

/** The part that rows and roots have in common. */
export function planUser(
  planning: Planning,
  definition: GraphQLField<unknown, unknown>,
  at: { readonly key: string; readonly nodes: readonly [FieldNode, ...FieldNode[]]; readonly type: string },
): Omit<RootField & { readonly kind: "user" }, "kind"> {
  const { key, nodes, type } = at;
  countSelections(planning, nodes);
  return {
    key,
    field: `${type}.${definition.name}`,
    at: addPlace(planning, planArguments(definition, nodes[0])),
    nodes,
  };
}

/** What is selected of the value is planned when the value is there; it counts now, fragments wherever they are spread. */
function countSelections(planning: Planning, nodes: readonly FieldNode[]): void {
  const waiting = nodes.flatMap(({ selectionSet }) => selectionSet ?? []);
  for (let set = waiting.pop(); set !== undefined; set = waiting.pop()) {
    for (const selection of set.selections) {
      planning.budget?.spend();
      const inner =
        selection.kind === "FragmentSpread"
          ? planning.fragments[selection.name.value]?.selectionSet
          : selection.selectionSet;
      if (inner !== undefined) waiting.push(inner);
    }
  }
}
