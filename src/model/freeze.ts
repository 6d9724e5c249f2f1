/** Finished parts → the frozen Model with its version. */

import { createHash } from "node:crypto";
import type { Entity, EnumType, Model, ModelContext } from "./model.ts";

interface ModelParts {
  readonly schema: string;
  readonly entities: readonly Entity[];
  readonly enums: readonly EnumType[];
}

/** Freezes a model, deeply, and gives it the hash of its content and of what it was checked against. */
export function freezeModel(parts: ModelParts, context: ModelContext): Model {
  const version = versionOf(parts, context);
  return deepFreeze({
    ...parts,
    entity: new Map(parts.entities.map((entity) => [entity.name, entity])),
    enum: new Map(parts.enums.map((type) => [type.name, type])),
    version,
  });
}

function versionOf(parts: ModelParts, context: ModelContext): string {
  const content = {
    parts,
    codecs: [...context.codecs.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
    typeNames: [...(context.typeNames ?? [])].sort(),
    stores: [...context.stores].sort(),
    defaultStore: context.defaultStore ?? null,
    filepathDefaultStore: context.filepathDefaultStore ?? null,
  };
  return createHash("sha256").update(canonicalJson(content)).digest("hex");
}

/** JSON with sorted keys and without places in files: moving a definition within its line changes nothing. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (key, item: unknown) => {
    if (key === "location") return undefined;
    if (typeof item !== "object" || item === null || Array.isArray(item)) return item;
    return Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  const parts: readonly unknown[] = value instanceof Map ? [...value.values()] : Object.values(value);
  for (const part of parts) deepFreeze(part);
  return Object.freeze(value);
}
