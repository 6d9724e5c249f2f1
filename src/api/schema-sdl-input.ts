/** Input types of one entity: filter, order, key, create inputs, patch. */

import type { CodecRegistry } from "../codec/registry.ts";
import type { CodecList, Column, Entity, Model } from "../model/model.ts";
import { isOrderable } from "./schema-sdl-aggregate.ts";
import { codecOrder } from "./schema-sdl-codec.ts";
import { type FieldStep, fieldSteps, listElement, visibleChildren } from "./schema-sdl-entity.ts";
import { columnFilter, columnType, definition, field, joined, typeNames } from "./schema-sdl-names.ts";
import { keyName, uniqueNames } from "./unique-names.ts";

/** The codecs by name. */
export interface CodecNames {
  /** GraphQL input type of a codec's values. */
  inputType(name: string): string | undefined;
}

/** Filter keys with a meaning of their own; a field of such a name cannot be filtered. */
const filterWords = new Set(["and", "or", "not"]);

/** SDL of the input types of `entity`. */
export function inputSdl(
  model: Model,
  entity: Entity,
  codecs: CodecNames & Pick<CodecRegistry, "outputs">,
): string {
  const names = typeNames(entity);
  const create = createFields(model, entity, { codecs, child: false });
  const createChild =
    entity.references.length === 0 ? [] : createFields(model, entity, { codecs, child: true });
  return joined([
    definition(`input ${names.filter}`, filterFields(model, entity)),
    definition(`input ${names.listFilter}`, [
      field(`some: ${names.filter}`, "At least one row fits."),
      field(`every: ${names.filter}`, "No row fails to fit."),
      field(`none: ${names.filter}`, "No row fits."),
    ]),
    definition(`input ${names.orderBy} @oneOf`, orderFields(model, entity, codecs.outputs)),
    definition(`input ${names.key}`, keyColumns(entity).map(keyArgument)),
    definition(
      `enum ${names.unique}`,
      [field(keyName, "The primary key."), ...uniqueNames(entity).keys()],
      `What tells upsert${entity.name} that a row is there already.`,
    ),
    definition(`input ${names.create}`, create),
    definition(
      `input ${names.createChild}`,
      createChild,
      "As one row of its parent, whose key is taken from there.",
    ),
    definition(`input ${names.reference} @oneOf`, [`key: ${names.key}`, `create: ${names.create}`]),
    definition(`input ${names.patch}`, patchFields(model, entity, codecs)),
  ]);
}

/** Columns of the primary key, in key order. */
export function keyColumns(entity: Entity): readonly Column[] {
  return entity.key.flatMap((name) => entity.columns.filter((column) => column.name === name));
}

/** A key column as an argument or key field. */
export function keyArgument(column: Column): string {
  return `${column.field}: ${column.type.graphql}!`;
}

function filterFields(model: Model, entity: Entity): readonly string[] {
  const own = fieldSteps(entity).flatMap((step) => {
    if (step.kind === "column") return [`${step.column.field}: ${columnFilter(step.column)}`];
    if (step.kind === "reference") return [`${step.reference.field}: ${step.reference.target}Filter`];
    return [];
  });
  const back = visibleChildren(model, entity).map((child) => {
    const names = typeNames(child.target);
    return `${child.field}: ${child.unique ? names.filter : names.listFilter}`;
  });
  const { filter } = typeNames(entity);
  const usable = [...own, ...back].filter((text) => !filterWords.has(text.split(":")[0] ?? ""));
  return [...usable, `and: [${filter}!]`, `or: [${filter}!]`, `not: ${filter}`];
}

function orderFields(model: Model, entity: Entity, outputs: CodecRegistry["outputs"]): readonly string[] {
  const own = fieldSteps(entity).flatMap((step) => {
    if (step.kind === "reference") return [`${step.reference.field}: ${step.reference.target}OrderBy`];
    if (step.kind !== "column") return [];
    const { codec, graphql } = step.column.type;
    const byCodec = codec === undefined ? undefined : codecOrder(outputs.get(graphql));
    if (byCodec !== undefined) return [`${step.column.field}: ${byCodec}`];
    if (!isOrderable(step.column, model)) return [];
    return [`${step.column.field}: OrderDirection`];
  });
  const back = visibleChildren(model, entity).flatMap((child) =>
    child.unique ? [] : [`${child.field}: ${typeNames(child.target).aggregateOrderBy}`],
  );
  return [...own, ...back];
}

function createFields(
  model: Model,
  entity: Entity,
  options: { readonly codecs: CodecNames; readonly child: boolean },
): readonly string[] {
  const own = fieldSteps(entity).flatMap((step) => createField(model, step, options));
  const back = visibleChildren(model, entity).map((child) => {
    const { createChild } = typeNames(child.target);
    return `${child.field}: ${child.unique ? createChild : `[${createChild}!]`}`;
  });
  return [...own, ...back];
}

function createField(
  model: Model,
  step: FieldStep,
  options: { readonly codecs: CodecNames; readonly child: boolean },
): readonly string[] {
  if (step.kind === "column") return columnInput(step.column, options.codecs, "create");
  if (step.kind === "reference") {
    const { reference } = step;
    const optional = options.child || reference.nullable;
    return [
      field(
        `${reference.field}: ${reference.target}ReferenceInput${optional ? "" : "!"}`,
        reference.description,
      ),
    ];
  }
  return listInput(model, step.list, options.codecs);
}

function listInput(model: Model, list: CodecList, codecs: CodecNames): readonly string[] {
  const element = listElement(model, list.entity)?.type.codec;
  const input = element === undefined ? undefined : codecs.inputType(element.name);
  return input === undefined ? [] : [field(`${list.field}: [${input}!]`, list.description)];
}

function columnInput(column: Column, codecs: CodecNames, use: "create" | "patch"): readonly string[] {
  if (column.origin === "reference") return [];
  const { codec } = column.type;
  const base = codec === undefined ? columnType(column).replace(/!$/, "") : codecs.inputType(codec.name);
  if (base === undefined) return [];
  const required = use === "create" && !column.nullable && column.default === undefined;
  return [field(`${column.field}: ${base}${required ? "!" : ""}`, column.description)];
}

function patchFields(model: Model, entity: Entity, codecs: CodecNames): readonly string[] {
  return fieldSteps(entity).flatMap((step) => {
    if (step.kind === "column") return step.column.inKey ? [] : columnInput(step.column, codecs, "patch");
    if (step.kind === "list") return listInput(model, step.list, codecs);
    if (step.reference.inKey) return [];
    return [`${step.reference.field}: ${step.reference.target}ReferenceInput`];
  });
}

/** Whether rows of `entity` have anything that an update could set. */
export function isUpdatable(model: Model, entity: Entity, codecs: CodecNames): boolean {
  return patchFields(model, entity, codecs).length > 0;
}
