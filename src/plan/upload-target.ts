/** What an upload is for: type, field and key of the API → place in a store. Used by both endpoints. */

import type { UploadSide } from "../codec/contract.ts";
import { ServiceError } from "../errors.ts";
import type { Column, Entity, Model } from "../model/model.ts";
import { columnValue } from "./column-value.ts";
import { pathText } from "./path-text.ts";

/** How a codec use is placed; `src/codec/chain.ts` answers for it. */
export interface UploadCodec {
  readonly addressing: "hash" | "schema" | "external" | undefined;
  readonly upload: UploadSide | undefined;
  readonly acceptsTree: boolean;
}

/** As callers name a target. */
export interface UploadTargetInput {
  readonly type: string;
  readonly field: string;
  readonly key?: Readonly<Record<string, unknown>> | null | undefined;
}

/** The part of a `StageRequest` that the target decides. */
export interface UploadTarget {
  readonly store: string;
  readonly addressing: "hash" | "schema";
  readonly schema: string;
  readonly table: string;
  readonly column: string;
  readonly key: readonly (readonly [string, string])[];
  readonly ext?: string;
  /** Put before the content. */
  readonly prefix?: Uint8Array;
  /** `Recording.traces`. */
  readonly field: string;
}

/**
 * Resolves a target. `codecOf` tells how a column's codec is placed.
 * @throws {BAD_USER_INPUT} when type, field or key do not fit, or the field takes no uploads of this kind.
 */
export function uploadTarget(
  model: Model,
  at: {
    readonly target: UploadTargetInput;
    readonly filename: string;
    readonly isTree: boolean;
    readonly codecOf: (use: NonNullable<Column["type"]["codec"]>) => UploadCodec;
  },
): UploadTarget {
  const { target, filename, isTree } = at;
  const named = `${target.type}.${target.field}`;
  const { entity, column } = placeOf(model, target);
  const use = column.type.codec;
  const codec = use === undefined ? undefined : at.codecOf(use);
  const addressing = codec?.addressing;
  if (
    use?.store === undefined ||
    codec?.upload === undefined ||
    (addressing !== "hash" && addressing !== "schema")
  )
    throw refused(
      "field",
      target.field,
      `${named} takes no uploads`,
      "Send the value itself in the mutation.",
    );
  if (isTree && !codec.acceptsTree)
    throw refused("kind", "TREE", `${named} takes no folders`, "Upload one file: kind FILE.");
  const { ext, prefix } = codec.upload.begin({ filename, isTree });
  return {
    store: use.store,
    addressing,
    schema: entity.schema,
    table: entity.table,
    column: column.name,
    key: keyParts(model, entity, target),
    field: named,
    ...(ext === undefined ? {} : { ext }),
    ...(prefix === undefined ? {} : { prefix }),
  };
}

function placeOf(model: Model, target: UploadTargetInput): { entity: Entity; column: Column } {
  const owner = model.entity.get(target.type);
  if (owner === undefined || owner.listOf !== undefined)
    throw refused("type", target.type, `There is no type ${target.type}`, `Use one of ${typeNames(model)}.`);
  const list = owner.lists.find(({ field }) => field === target.field);
  const entity = list === undefined ? owner : model.entity.get(list.entity);
  const wanted = list === undefined ? target.field : "value";
  const column = entity?.columns.find(({ field, name }) => (list === undefined ? field : name) === wanted);
  if (entity === undefined || column === undefined)
    throw refused(
      "field",
      target.field,
      `${target.type} has no field ${target.field}`,
      "Name a field with @codec.",
    );
  return { entity, column };
}

function typeNames(model: Model): string {
  return model.entities.flatMap((entity) => (entity.listOf === undefined ? [entity.name] : [])).join(", ");
}

/** Of an element of a list the owner's key is known; its place in the list is not yet. */
function keyParts(model: Model, entity: Entity, target: UploadTargetInput): (readonly [string, string])[] {
  const { key } = target;
  if (key === undefined || key === null) return [];
  const columns = entity.key.flatMap((name) => entity.columns.filter((column) => column.name === name));
  const isList = entity.listOf !== undefined;
  const owner = model.entity.get(target.type);
  for (const name of Object.keys(key))
    if (owner?.columns.some((column) => column.field === name && column.inKey) !== true)
      throw refused(
        `key.${name}`,
        name,
        `${name} is not in the key of ${target.type}`,
        `Its key is ${owner?.key.join(", ")}.`,
      );
  return columns.flatMap((column) => {
    if (isList && column.name === "idx") return [];
    const field = `target.key.${column.field}`;
    const given = key[keyField(model, entity, { column, type: target.type })];
    if (given === undefined || given === null)
      throw refused(field, null, `${column.field} is missing in the key`, "Give the whole key, or none.");
    const value = columnValue(column, given, { field, enums: model.enum });
    return [[column.name, pathText(column, value.kind === "text" ? value.text : value.json)] as const];
  });
}

/** Name of a key column on the type that the caller named: a list's part table has its own names for its owner's key. */
function keyField(model: Model, entity: Entity, at: { column: Column; type: string }): string {
  if (entity.listOf === undefined) return at.column.field;
  const pair = entity.references
    .flatMap((one) => one.columns)
    .find(({ column }) => column === at.column.name);
  const owner = model.entity.get(at.type)?.columns.find(({ name }) => name === pair?.target);
  return owner?.field ?? at.column.field;
}

function refused(field: string, value: unknown, fault: string, remedy: string): ServiceError {
  return new ServiceError("BAD_USER_INPUT", `${fault}. ${remedy}`, { details: { field, value, remedy } });
}
