/** SDL text → GraphQLSchema, with scalars implemented and each root field saying what it does. */

import { buildSchema, type GraphQLSchema } from "graphql";
import { ServiceError } from "../errors.ts";
import type { Model } from "../model/model.ts";
import { implementScalars } from "./scalar/scalars.ts";
import { type SchemaCodecs, schemaSdl } from "./schema-sdl.ts";
import { mutationFields, queryFields, subscriptionFields } from "./schema-sdl-root.ts";

/** The schema of the entity API and its text. */
export interface EntitySchema {
  readonly schema: GraphQLSchema;
  readonly sdl: string;
}

/** Builds the schema of `model`. @throws {SCHEMA_INVALID} when generated names collide. */
export function buildEntitySchema(model: Model, codecs: SchemaCodecs): EntitySchema {
  const sdl = schemaSdl(model, codecs);
  const schema = build(sdl);
  implementScalars(schema);
  const query = schema.getQueryType()?.getFields() ?? {};
  for (const { name, does } of queryFields(model)) {
    const target = query[name];
    if (target !== undefined) target.extensions = { ...target.extensions, read: does };
  }
  const mutation = schema.getMutationType()?.getFields() ?? {};
  for (const { name, does } of mutationFields(model, codecs)) {
    const target = mutation[name];
    if (target !== undefined) target.extensions = { ...target.extensions, write: does };
  }
  const subscription = schema.getSubscriptionType()?.getFields() ?? {};
  for (const { name, does } of subscriptionFields(model)) {
    const target = subscription[name];
    if (target !== undefined) target.extensions = { ...target.extensions, change: does };
  }
  return { schema, sdl };
}

function build(sdl: string): GraphQLSchema {
  try {
    return buildSchema(sdl);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new ServiceError(
      "SCHEMA_INVALID",
      `The API's types do not fit together: ${message} Rename the type or field that has the same name as a generated one.`,
      { cause: error },
    );
  }
}
