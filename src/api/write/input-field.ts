/** What the fields of create inputs, patches and keys mean. */

import { ServiceError } from "../../errors.ts";
import type { Child, CodecList, Column, Entity, Model, Reference } from "../../model/model.ts";
import { columnValue } from "../../plan/column-value.ts";
import { refuseValue } from "../../plan/refuse-value.ts";
import { columnOf } from "./row-draft.ts";

/** A coerced input object of GraphQL. */
export type Input = Readonly<Record<string, unknown>>;

/** What a field of a create input or a patch is. */
export type InputField =
  | { readonly kind: "column"; readonly column: Column }
  | { readonly kind: "reference"; readonly reference: Reference }
  | { readonly kind: "list"; readonly list: CodecList }
  | { readonly kind: "child"; readonly child: Child };

const fieldTables = new WeakMap<Entity, ReadonlyMap<string, InputField>>();

/** The fields that inputs of `entity` may have, by GraphQL name. References win over columns of the same name. */
function inputFields(entity: Entity): ReadonlyMap<string, InputField> {
  let table = fieldTables.get(entity);
  if (table === undefined) {
    table = new Map<string, InputField>([
      ...entity.columns.map((column) => [column.field, { kind: "column", column }] as const),
      ...entity.children.map((child) => [child.field, { kind: "child", child }] as const),
      ...entity.lists.map((list) => [list.field, { kind: "list", list }] as const),
      ...entity.references.map((reference) => [reference.field, { kind: "reference", reference }] as const),
    ]);
    // A cache of a pure function: the model is frozen.
    fieldTables.set(entity, table);
  }
  return table;
}

/** What `name` is in inputs of `entity`. @throws {BAD_USER_INPUT} when it is nothing. */
export function fieldOf(entity: Entity, name: string, place: string): InputField {
  const known = inputFields(entity).get(name);
  if (known !== undefined) return known;
  throw new ServiceError("BAD_USER_INPUT", `${place}: ${entity.name} has no field ${name}.`, {
    details: { field: `${place}.${name}`, remedy: `Use ${[...inputFields(entity).keys()].join(", ")}.` },
  });
}

/** Texts of a key given as flat input object, by stored column name. @throws {BAD_USER_INPUT} for missing and wrong parts. */
export function keyValues(
  book: { readonly model: Model },
  entity: Entity,
  given: { key: Input; place: string },
): Map<string, string> {
  return new Map(
    entity.key.map((name) => {
      const column = columnOf(entity, name);
      const place = `${given.place}.${column.field}`;
      const value = given.key[column.field];
      if (value === undefined || value === null)
        return refuseValue(
          place,
          null,
          "is missing",
          `The key of ${entity.name} is ${entity.key.join(", ")}.`,
        );
      const cell = columnValue(column, value, { field: place, enums: book.model.enum });
      return [name, cell.kind === "text" ? cell.text : cell.json] as const;
    }),
  );
}

/** A value that is an input object. @throws {BAD_USER_INPUT} when it is something else. */
export function inputObject(value: unknown, place: string): Input {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return refuseValue(place, value, "is no input object", "Write { … }.");
  // Checked above; GraphQL has checked the fields.
  return value as Input;
}
