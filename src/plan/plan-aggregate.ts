/** What is selected of aggregates and groups. */

import type { FieldNode, SelectionSetNode } from "graphql";
import { collectFields, selectionSets } from "./collect-fields.ts";
import { planArguments } from "./expression.ts";
import type {
  AggregateField,
  CodecMeasureField,
  ConnectionField,
  GroupField,
  GroupValueField,
  MeasureField,
} from "./plan.ts";
import { addPlace, objectType, type Planning } from "./planning.ts";

/** Plans the fields of an aggregate of rows of `entity`. */
export function planAggregate(
  planning: Planning,
  entity: string,
  sets: readonly SelectionSetNode[],
): readonly AggregateField[] {
  const type = objectType(planning, `${entity}Aggregate`);
  return [...collectFields(planning, type, sets)].map(([key, nodes]): AggregateField => {
    const kind = nodes[0].name.value;
    const inner = selectionSets(nodes);
    switch (kind) {
      case "count":
        return { kind, key };
      case "sum":
      case "avg":
        return { kind, key, selection: planMeasures(planning, { entity, suffix: "Sums" }, inner) };
      case "min":
      case "max":
        return { kind, key, selection: planMeasures(planning, { entity, suffix: "Extremes" }, inner) };
      default:
        return { kind: "typename", key, type: type.name };
    }
  });
}

function planMeasures(
  planning: Planning,
  { entity, suffix }: { readonly entity: string; readonly suffix: string },
  sets: readonly SelectionSetNode[],
): readonly MeasureField[] {
  const type = objectType(planning, `${entity}${suffix}`);
  const columns = planning.model.entity.get(entity)?.columns ?? [];
  return [...collectFields(planning, type, sets)].map(([key, nodes]): MeasureField => {
    const name = nodes[0].name.value;
    const column = columns.find(({ exposed, field }) => exposed && field === name);
    if (column === undefined) return { kind: "typename", key, type: type.name };
    const at = { key, column: column.name };
    if (column.type.codec === undefined) return { kind: "measure", ...at };
    const selection = planCodecMeasures(planning, `${column.type.graphql}${suffix}`, selectionSets(nodes));
    return { kind: "codecMeasure", ...at, selection };
  });
}

function planCodecMeasures(
  planning: Planning,
  typeName: string,
  sets: readonly SelectionSetNode[],
): readonly CodecMeasureField[] {
  const type = objectType(planning, typeName);
  return [...collectFields(planning, type, sets)].map(([key, nodes]): CodecMeasureField => {
    const name = nodes[0].name.value;
    const field = type.getFields()[name];
    if (field === undefined) return { kind: "typename", key, type: type.name };
    return { kind: "field", key, name, type: String(field.type) };
  });
}

/** Plans the groups of a list: their arguments and what is selected of each. */
export function planGroups(
  planning: Planning,
  entity: string,
  { key, nodes }: { readonly key: string; readonly nodes: readonly [FieldNode, ...FieldNode[]] },
): ConnectionField {
  const definition = objectType(planning, `${entity}Connection`).getFields()[nodes[0].name.value];
  const planned = definition === undefined ? {} : planArguments(definition, nodes[0]);
  const at = addPlace(planning, planned, { kind: "groups", entity });
  const type = objectType(planning, `${entity}Group`);
  const fields = collectFields(planning, type, selectionSets(nodes));
  const selection = [...fields].map(([name, found]): GroupField => {
    const inner = selectionSets(found);
    switch (found[0].name.value) {
      case "key":
        return { kind: "key", key: name, selection: planValues(planning, entity, inner) };
      case "aggregate":
        return { kind: "aggregate", key: name, selection: planAggregate(planning, entity, inner) };
      default:
        return { kind: "typename", key: name, type: type.name };
    }
  });
  return { kind: "groupBy", key, at, selection };
}

function planValues(
  planning: Planning,
  entity: string,
  sets: readonly SelectionSetNode[],
): readonly GroupValueField[] {
  const type = objectType(planning, `${entity}GroupValues`);
  return [...collectFields(planning, type, sets)].map(([key, nodes]): GroupValueField => {
    const field = nodes[0].name.value;
    return field === "__typename"
      ? { kind: "typename", key, type: type.name }
      : { kind: "value", key, field };
  });
}
