import { type FieldNode, type GraphQLOutputType, getNamedType, isObjectType } from "graphql";
import { type CollectContext, collectFields, selectionSets } from "../../plan/collect-fields.ts";

/** A plain object, list or leaf of `type` in the shape that the nodes select. */
export function shapeValue(
  request: CollectContext,
  at: { readonly value: unknown; readonly type: GraphQLOutputType; readonly nodes: readonly FieldNode[] },
): unknown {
  const { value, nodes } = at;
  const type = getNamedType(at.type);
  if (Array.isArray(value))
    return value.map((one: unknown) => shapeValue(request, { value: one, type, nodes }));
  if (typeof value !== "object" || value === null || !isObjectType(type)) return value;
  // Objects here are our own, with string keys.
  const object = value as Readonly<Record<string, unknown>>;
  const shaped: Record<string, unknown> = Object.create(null);
  for (const [name, inner] of collectFields(request, type, selectionSets(nodes))) {
    const field = inner[0].name.value;
    const inside = type.getFields()[field];
    shaped[name] =
      inside === undefined
        ? type.name
        : shapeValue(request, { value: object[field] ?? null, type: inside.type, nodes: inner });
  }
  return shaped;
}
