/** Model → the whole schema as SDL text. */

import type { CodecRegistry } from "../codec/registry.ts";
import type { EnumType, Model } from "../model/model.ts";
import { aggregateSdl } from "./schema-sdl-aggregate.ts";
import { codecSdl } from "./schema-sdl-codec.ts";
import { entitySdl } from "./schema-sdl-entity.ts";
import { inputSdl } from "./schema-sdl-input.ts";
import { jobsSdl } from "./schema-sdl-jobs.ts";
import { definition, enumFilter, field, joined } from "./schema-sdl-names.ts";
import { rootEntities, rootSdl } from "./schema-sdl-root.ts";
import { sharedSdl } from "./schema-sdl-shared.ts";

/** The codecs that a schema is made with. */
export type SchemaCodecs = Pick<CodecRegistry, "outputs" | "typeDefs" | "inputType">;

/** The SDL of the entity API of `model`. */
export function schemaSdl(model: Model, codecs: SchemaCodecs): string {
  return joined([
    rootSdl(model, codecs),
    ...rootEntities(model).flatMap((entity) => [
      entitySdl(model, entity),
      inputSdl(model, entity, codecs),
      aggregateSdl(model, entity, codecs.outputs),
    ]),
    ...model.enums.flatMap((type) => [enumSdl(type), enumFilterSdl(type)]),
    jobsSdl(model),
    codecSdl(codecs.outputs.values()),
    codecs.typeDefs,
    sharedSdl(listElements(model, codecs)),
  ]);
}

/** Scalars that are elements of lists, in columns or in what codecs tell. */
function listElements(model: Model, { outputs }: SchemaCodecs): ReadonlySet<string> {
  const columns = model.entities.flatMap((entity) =>
    entity.columns.flatMap(({ type }) => type.list?.element ?? []),
  );
  const told = [...outputs.values()].flatMap(({ fields }) => [...fields.values()]);
  return new Set([...columns, ...(told.some(({ filter }) => filter === "IntList") ? ["Int"] : [])]);
}

function enumSdl(type: EnumType): string {
  return definition(
    `enum ${type.name}`,
    type.values.map(({ name, description }) => field(name, description)),
    type.description,
  );
}

function enumFilterSdl(type: EnumType): string {
  const { name } = type;
  return definition(`input ${enumFilter(type)}`, [
    `eq: ${name}`,
    `neq: ${name}`,
    `in: [${name}!]`,
    `notIn: [${name}!]`,
    "isNull: Boolean",
  ]);
}
