/** Output types of one entity: the object, its connection, its payloads, its changes. */

import type { Child, Column, Entity, Model } from "../model/model.ts";
import { isOptional } from "../model/reference.ts";
import { aggregateFields } from "./schema-sdl-aggregate.ts";
import { columnType, definition, field, typeNames } from "./schema-sdl-names.ts";

/** Arguments of every list. */
export function listArguments(entity: Entity): string {
  const names = typeNames(entity);
  return `first: Int, after: String, last: Int, before: String, offset: Int, where: ${names.filter}, orderBy: [${names.orderBy}!]`;
}

/** One step through an entity's fields in the order of the schema file. */
export type FieldStep =
  | { readonly kind: "column"; readonly column: Column }
  | { readonly kind: "reference"; readonly reference: Entity["references"][number] }
  | { readonly kind: "list"; readonly list: Entity["lists"][number] };

/** The fields in the order of the file; scalars made by a reference come right before it, each column once. */
export function fieldSteps(entity: Entity): readonly FieldStep[] {
  const seen = new Set<string>();
  return entity.fields.flatMap((entry): FieldStep[] => {
    if (entry.kind === "list") {
      const list = entity.lists.find(({ field }) => field === entry.name);
      return list === undefined ? [] : [{ kind: "list", list }];
    }
    if (entry.kind === "column") return columnSteps(entity, [entry.column], seen);
    const reference = entity.references.find(({ field }) => field === entry.name);
    if (reference === undefined) return [];
    const columns = reference.columns.map(({ column }) => column);
    return [...columnSteps(entity, columns, seen), { kind: "reference", reference }];
  });
}

function columnSteps(entity: Entity, names: readonly string[], seen: Set<string>): FieldStep[] {
  return names.flatMap((name) => {
    const column = entity.columns.find((candidate) => candidate.name === name);
    if (column === undefined || !column.exposed || seen.has(name)) return [];
    seen.add(name);
    return [{ kind: "column", column }];
  });
}

/** The entity's children that have a type of their own; lists of codec values are fields of their master instead. */
export function visibleChildren(
  model: Model,
  entity: Entity,
): readonly (Child & { readonly target: Entity })[] {
  return entity.children.flatMap((child) => {
    const target = model.entity.get(child.entity);
    return target === undefined || target.listOf !== undefined ? [] : [{ ...child, target }];
  });
}

/** GraphQL type of the elements of a codec list. */
export function listElement(model: Model, part: string): Column | undefined {
  return model.entity.get(part)?.columns.find(({ type }) => type.codec !== undefined);
}

/** SDL of the output types of `entity`. */
export function entitySdl(model: Model, entity: Entity): string {
  const names = typeNames(entity);
  const own = fieldSteps(entity).map((step) => stepField(model, step));
  const back = visibleChildren(model, entity).map((child) =>
    child.unique
      ? `${child.field}: ${child.target.name}`
      : `${child.field}(${listArguments(child.target)}): ${typeNames(child.target).connection}!`,
  );
  const id = [
    "id: ID!",
    field("rowVersion: String!", "Changes with every transaction that updates the row."),
  ];
  return [
    definition(`type ${names.object} implements Node`, [...id, ...own, ...back], entity.description),
    definition(`type ${names.connection}`, [
      `nodes: [${names.object}!]!`,
      `edges: [${names.edge}!]!`,
      "pageInfo: PageInfo!",
      field("totalCount: Int!", "Rows that the filter leaves, on all pages."),
      ...aggregateFields(entity),
    ]),
    definition(`type ${names.edge}`, ["cursor: String!", `node: ${names.object}!`]),
    definition(`type ${names.payload}`, [`${entity.singular}: ${names.object}`, "affected: [TableCount!]!"]),
    definition(`type ${names.manyPayload}`, [
      `${entity.plural}: [${names.object}!]!`,
      "count: Int!",
      "skipped: Int!",
      "affected: [TableCount!]!",
    ]),
    definition(`type ${names.change}`, [
      "kind: ChangeKind!",
      field("id: ID!", "Of the row, also where it is gone."),
      field(`${changedRow(entity)}: ${names.object}`, "The row as it is now; null where it is gone."),
      field("at: DateTime!", "When the statement changed it."),
      field("cursor: String!", "A subscription `after` this tells everything behind it."),
      field(
        "matches: Boolean!",
        "Whether the row is there and fits `where` now; false tells a list to drop it.",
      ),
    ]),
  ].join("\n");
}

/** Name of the row in its change: its singular, unless a field of every change has that name. */
function changedRow({ singular }: Entity): string {
  return ["kind", "id", "at", "cursor", "matches"].includes(singular) ? `${singular}Row` : singular;
}

function stepField(model: Model, step: FieldStep): string {
  switch (step.kind) {
    case "column":
      return field(`${step.column.field}: ${columnType(step.column)}`, step.column.description);
    case "reference": {
      const { reference } = step;
      return field(
        `${reference.field}: ${reference.target}${isOptional(reference) ? "" : "!"}`,
        reference.description,
      );
    }
    case "list": {
      const type = listElement(model, step.list.entity)?.type;
      const element = `${type?.graphql ?? "Opaque"}${type?.codec?.unloaded === true ? "" : "!"}`;
      return field(`${step.list.field}: [${element}]!`, step.list.description);
    }
  }
}
