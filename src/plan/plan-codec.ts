/** What is selected of a codec value. */

import { type FieldNode, getNamedType, isNonNullType, isObjectType } from "graphql";
import { collectFields, selectionSets } from "./collect-fields.ts";
import { planArguments } from "./expression.ts";
import type { CodecPart, ShapeField } from "./plan.ts";
import { addPlace, objectType, type Planning } from "./planning.ts";

/** Plans the fields of the codec type `output` that `nodes` select. */
export function planCodec(
  planning: Planning,
  output: string,
  nodes: readonly FieldNode[],
): readonly CodecPart[] {
  const type = objectType(planning, output);
  return [...collectFields(planning, type, selectionSets(nodes))].map(([key, found]): CodecPart => {
    const name = found[0].name.value;
    const definition = type.getFields()[name];
    if (definition === undefined) return { kind: "typename", key, type: type.name };
    const at = addPlace(planning, planArguments(definition, found[0]));
    const nullable = !isNonNullType(definition.type);
    const inner = getNamedType(definition.type);
    const shape = isObjectType(inner) ? { shape: planShape(planning, inner.name, found) } : {};
    return {
      kind: "part",
      key,
      name,
      at,
      type: String(definition.type).replace(/!$/, ""),
      nullable,
      ...shape,
    };
  });
}

/** Plans what is selected of a plain object. */
function planShape(planning: Planning, name: string, nodes: readonly FieldNode[]): readonly ShapeField[] {
  const type = objectType(planning, name);
  return [...collectFields(planning, type, selectionSets(nodes))].map(([key, found]): ShapeField => {
    const field = type.getFields()[found[0].name.value];
    if (field === undefined) return { kind: "typename", key, type: name };
    const inner = getNamedType(field.type);
    const shape = isObjectType(inner) ? { shape: planShape(planning, inner.name, found) } : {};
    return { kind: "value", key, name: field.name, ...shape };
  });
}
