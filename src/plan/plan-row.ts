/** What is selected of one entity's rows. */

import { type FieldNode, isNonNullType, type SelectionSetNode } from "graphql";
import { columnOfField } from "../model/find-column.ts";
import type { Child, CodecList, CodecUse, Column, Entity, Reference } from "../model/model.ts";
import { isOptional } from "../model/reference.ts";
import { collectFields, selectionSets } from "./collect-fields.ts";
import { type Arguments, planArguments } from "./expression.ts";
import type {
  ConnectionField,
  EdgeField,
  Links,
  ListPlan,
  PageInfoField,
  RowField,
  RowSelection,
} from "./plan.ts";
import { planAggregate, planGroups } from "./plan-aggregate.ts";
import { planCodec } from "./plan-codec.ts";
import { planUser, userNeeds } from "./plan-user.ts";
import { addPlace, objectType, type Planning } from "./planning.ts";

type Nodes = readonly [FieldNode, ...FieldNode[]];

/** Plans the fields of `name` that `sets` select. */
export function planRow(planning: Planning, name: string, sets: readonly SelectionSetNode[]): RowSelection {
  const entity = entityOf(planning, name);
  const fields = collectFields(planning, objectType(planning, name), sets);
  return [...fields].map(([key, nodes]) => planField(planning, entity, { key, nodes }));
}

function entityOf(planning: Planning, name: string): Entity {
  const entity = planning.model.entity.get(name);
  if (entity === undefined) throw new TypeError(`The model has no entity ${name}.`);
  return entity;
}

function planField(
  planning: Planning,
  entity: Entity,
  { key, nodes }: { readonly key: string; readonly nodes: Nodes },
): RowField {
  const name = nodes[0].name.value;
  if (name === "__typename") return { kind: "typename", key, type: entity.name };
  if (name === "id" || name === "rowVersion") return { kind: name, key };
  const column = columnOfField(entity, name);
  if (column !== undefined) return planColumn(planning, entity, { key, nodes, column });
  const reference = entity.references.find(({ field }) => field === name);
  if (reference !== undefined) return planReference(planning, reference, { key, nodes });
  const list = entity.lists.find(({ field }) => field === name);
  if (list !== undefined) return planCodecList(planning, entity, { key, nodes, list });
  const child = entity.children.find(({ field }) => field === name);
  if (child !== undefined) return planChild(planning, entity, { key, nodes, child });
  return planUserField(planning, entity, { key, nodes });
}

function planUserField(
  planning: Planning,
  entity: Entity,
  { key, nodes }: { readonly key: string; readonly nodes: Nodes },
): RowField {
  const { name } = entity;
  const definition = objectType(planning, name).getFields()[nodes[0].name.value];
  const user = definition === undefined ? undefined : userNeeds(definition);
  if (definition === undefined || user === undefined)
    throw new TypeError(`The type ${name} has a field ${nodes[0].name.value} that the model does not have.`);
  const needs = user.needs === undefined ? keyFields(entity) : planRow(planning, name, [user.needs]);
  const nullable = !isNonNullType(definition.type);
  return { kind: "user", ...planUser(planning, definition, { key, nodes, type: name }), nullable, needs };
}

/** The key as it stands in key inputs. */
function keyFields(entity: Entity): RowSelection {
  return entity.columns.flatMap(({ name, field, inKey }) =>
    inKey ? [{ kind: "column", key: field, column: name, nullable: false } as const] : [],
  );
}

function planColumn(
  planning: Planning,
  entity: Entity,
  { key, nodes, column }: { readonly key: string; readonly nodes: Nodes; readonly column: Column },
): RowField {
  const { codec, graphql } = column.type;
  if (codec === undefined) return { kind: "column", key, column: column.name, nullable: column.nullable };
  const field = `${entity.name}.${column.field}`;
  const selection = planCodec(planning, graphql, nodes);
  const nullable = column.nullable || codec.unloaded === true;
  return { kind: "codec", key, field, column: column.name, use: codec, nullable, selection };
}

function planReference(
  planning: Planning,
  reference: Reference,
  { key, nodes }: { readonly key: string; readonly nodes: Nodes },
): RowField {
  const links = reference.columns.map(({ column, target }) => ({ own: column, other: target }));
  const selection = planRow(planning, reference.target, selectionSets(nodes));
  return { kind: "one", key, entity: reference.target, links, nullable: isOptional(reference), selection };
}

function planChild(
  planning: Planning,
  entity: Entity,
  { key, nodes, child }: { readonly key: string; readonly nodes: Nodes; readonly child: Child },
): RowField {
  const target = entityOf(planning, child.entity);
  const links = linksToParent(target, child.reference);
  const sets = selectionSets(nodes);
  if (child.unique) {
    const selection = planRow(planning, target.name, sets);
    return { kind: "one", key, entity: target.name, links, nullable: true, selection };
  }
  const definition = objectType(planning, entity.name).getFields()[nodes[0].name.value];
  const planned = definition === undefined ? {} : planArguments(definition, nodes[0]);
  return { kind: "many", links, ...planList(planning, { key, entity: target.name, planned, sets }) };
}

/** The columns by which rows of `target` point to their parent through the reference `field`. */
function linksToParent(target: Entity, field: string): Links {
  const reference = target.references.find((candidate) => candidate.field === field);
  return (reference?.columns ?? []).map(({ column, target: own }) => ({ own, other: column }));
}

function planCodecList(
  planning: Planning,
  entity: Entity,
  { key, nodes, list }: { readonly key: string; readonly nodes: Nodes; readonly list: CodecList },
): RowField {
  const part = entityOf(planning, list.entity);
  const column = part.columns.find(({ type }) => type.codec !== undefined);
  const reference = part.references.find(({ target }) => target === entity.name);
  const use: CodecUse | undefined = column?.type.codec;
  if (column === undefined || use === undefined || reference === undefined) {
    throw new TypeError(`The table ${part.name} is no list of codec values of ${entity.name}.`);
  }
  const field = `${entity.name}.${list.field}`;
  const links = linksToParent(part, reference.field);
  const selection = planCodec(planning, column.type.graphql, nodes);
  return { kind: "codecList", key, field, column: column.name, use, part: part.name, links, selection };
}

/** Plans a list: its page and what is selected of it. */
export function planList(
  planning: Planning,
  list: {
    readonly key: string;
    readonly entity: string;
    readonly planned: Arguments;
    readonly sets: readonly SelectionSetNode[];
  },
): ListPlan {
  const { key, entity, planned, sets } = list;
  const at = addPlace(planning, planned, { kind: "list", entity });
  return { key, at, entity, selection: planConnection({ ...planning, within: at }, entity, sets) };
}

function planConnection(
  planning: Planning,
  entity: string,
  sets: readonly SelectionSetNode[],
): readonly ConnectionField[] {
  const type = objectType(planning, `${entity}Connection`);
  return [...collectFields(planning, type, sets)].map(([key, nodes]): ConnectionField => {
    const inner = selectionSets(nodes);
    switch (nodes[0].name.value) {
      case "nodes":
        return { kind: "nodes", key, selection: planRow(planning, entity, inner) };
      case "edges":
        return { kind: "edges", key, selection: planEdges(planning, entity, inner) };
      case "pageInfo":
        return { kind: "pageInfo", key, selection: planPageInfo(planning, inner) };
      case "totalCount":
        return { kind: "totalCount", key };
      case "aggregate":
        return { kind: "aggregate", key, selection: planAggregate(planning, entity, inner) };
      case "groupBy":
        return planGroups(planning, entity, { key, nodes });
      default:
        return { kind: "typename", key, type: type.name };
    }
  });
}

function planEdges(
  planning: Planning,
  entity: string,
  sets: readonly SelectionSetNode[],
): readonly EdgeField[] {
  const type = objectType(planning, `${entity}Edge`);
  return [...collectFields(planning, type, sets)].map(([key, nodes]): EdgeField => {
    const name = nodes[0].name.value;
    if (name === "node")
      return { kind: "node", key, selection: planRow(planning, entity, selectionSets(nodes)) };
    return name === "cursor" ? { kind: "cursor", key } : { kind: "typename", key, type: type.name };
  });
}

function planPageInfo(planning: Planning, sets: readonly SelectionSetNode[]): readonly PageInfoField[] {
  const type = objectType(planning, "PageInfo");
  return [...collectFields(planning, type, sets)].map(([key, nodes]): PageInfoField => {
    const kind = nodes[0].name.value;
    switch (kind) {
      case "hasNextPage":
      case "hasPreviousPage":
      case "startCursor":
      case "endCursor":
        return { kind, key };
      default:
        return { kind: "typename", key, type: type.name };
    }
  });
}
