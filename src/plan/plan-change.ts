/** A validated subscription → ChangePlan. */

import type { OperationDefinitionNode } from "graphql";
import type { Model } from "../model/model.ts";
import { type CollectContext, collectFields, selectionSets } from "./collect-fields.ts";
import { planArguments } from "./expression.ts";
import type { Place, RowSelection, TypeName } from "./plan.ts";
import { planRow } from "./plan-row.ts";
import { addPlace, objectType, type Planning } from "./planning.ts";

/** What a field of type Subscription tells of, as the schema's builder wrote it into the field's `extensions.change`. */
export interface ChangeFieldUse {
  readonly entity: string;
}

/** A subscription, compiled against the model: `where` and `after` are the arguments of place 0. */
export interface ChangePlan {
  readonly key: string;
  readonly entity: string;
  readonly selection: readonly ChangeField[];
  readonly places: readonly Place[];
}

/** A field of one change. */
export type ChangeField =
  | TypeName
  | { readonly kind: "kind" | "id" | "at" | "cursor" | "matches"; readonly key: string }
  | { readonly kind: "row"; readonly key: string; readonly selection: RowSelection };

/** Plans a subscription; nothing where @skip or @include leave no field of it. Validation has seen to it that there is one at most. */
export function planChange(
  context: CollectContext & { readonly model: Model },
  operation: OperationDefinitionNode,
): ChangePlan | undefined {
  const planning: Planning = { ...context, places: [] };
  const root = context.schema.getSubscriptionType();
  const [first] = root ? collectFields(context, root, [operation.selectionSet]) : [];
  if (first === undefined || !root) return undefined;
  const [key, nodes] = first;
  const definition = root.getFields()[nodes[0].name.value];
  // The schema's builder puts it there, nothing else does.
  const does = definition?.extensions["change"] as ChangeFieldUse | undefined;
  if (definition === undefined || does === undefined)
    throw new TypeError(`The subscription field ${nodes[0].name.value} has no plan.`);
  addPlace(planning, planArguments(definition, nodes[0]));
  const type = objectType(planning, `${does.entity}Change`);
  const fields = [...collectFields(planning, type, selectionSets(nodes))];
  const selection = fields.map(([name, inner]): ChangeField => {
    const field = inner[0].name.value;
    switch (field) {
      case "__typename":
        return { kind: "typename", key: name, type: type.name };
      case "kind":
      case "id":
      case "at":
      case "cursor":
      case "matches":
        return { kind: field, key: name };
      default:
        return { kind: "row", key: name, selection: planRow(planning, does.entity, selectionSets(inner)) };
    }
  });
  return { key, entity: does.entity, selection, places: planning.places };
}
