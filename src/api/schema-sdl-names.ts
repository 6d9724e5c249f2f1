/** Names of the types that are generated for one entity, and how SDL text is put together. */

import type { Column, Entity, EnumType } from "../model/model.ts";

/** The generated type names of one entity; at most 25, those of later rooms included. */
export function typeNames(entity: Entity) {
  const name = entity.name;
  const many = upperFirst(entity.plural);
  return {
    object: name,
    connection: `${name}Connection`,
    edge: `${name}Edge`,
    filter: `${name}Filter`,
    listFilter: `${name}ListFilter`,
    orderBy: `${name}OrderBy`,
    key: `${name}Key`,
    create: `Create${name}Input`,
    createChild: `Create${name}ChildInput`,
    reference: `${name}ReferenceInput`,
    unique: `${name}Unique`,
    patch: `${name}Patch`,
    payload: `${name}Payload`,
    // Where singular and plural are one word the list is called `speciesList`, so this cannot be the name above.
    manyPayload: `${many}Payload`,
    aggregate: `${name}Aggregate`,
    sums: `${name}Sums`,
    extremes: `${name}Extremes`,
    group: `${name}Group`,
    groupKey: `${name}GroupKey`,
    groupValues: `${name}GroupValues`,
    having: `${name}Having`,
    sumsHaving: `${name}SumsHaving`,
    extremesHaving: `${name}ExtremesHaving`,
    aggregateOrderBy: `${name}AggregateOrderBy`,
    change: `${name}Change`,
  };
}

/** Name of the root field that finds one row by a unique: `subjectByName`. */
export function byUniqueName(entity: Entity, fields: readonly string[]): string {
  return `${entity.singular}By${[...new Set(fields)].map(upperFirst).join("And")}`;
}

/** `subjectId` → `SubjectId`. */
function upperFirst(name: string): string {
  return name.slice(0, 1).toUpperCase() + name.slice(1);
}

/** Name of the filter type of a column's values; absent where none can be made. */
export function columnFilter(column: Column): string {
  if (column.type.list !== undefined) return `${column.type.list.element}ListFilter`;
  return `${column.type.graphql}Filter`;
}

/** Name of an enum's filter type. */
export function enumFilter(type: EnumType): string {
  return `${type.name}Filter`;
}

/** GraphQL output type of a column, with its list and null marks. */
export function columnType(column: Column): string {
  const list = column.type.list;
  const base =
    list === undefined ? column.type.graphql : `[${list.element}${list.elementNullable ? "" : "!"}]`;
  return column.nullable || column.type.codec?.unloaded === true ? base : `${base}!`;
}

/** A description as it stands above a definition; nothing for an empty one. */
function describe(description: string, indent = ""): string {
  return description === "" ? "" : `${indent}${JSON.stringify(description)}\n`;
}

/** A definition with its fields, or nothing when it has none. */
export function definition(head: string, fields: readonly string[], description = ""): string {
  if (fields.length === 0) return "";
  return `${describe(description)}${head} {\n${fields.map((field) => `  ${field}`).join("\n")}\n}\n`;
}

/** Definitions one after the other, with one blank line between them. */
export function joined(definitions: readonly string[]): string {
  return definitions.filter((part) => part !== "").join("\n");
}

/** One field line with its description. */
export function field(text: string, description = ""): string {
  return description === "" ? text : `${JSON.stringify(description)}\n  ${text}`;
}
