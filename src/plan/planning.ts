/** What the parts of planning share. */

import { type GraphQLObjectType, isObjectType } from "graphql";
import type { Model } from "../model/model.ts";
import type { CollectContext } from "./collect-fields.ts";
import type { Arguments } from "./expression.ts";

/** What planning stands on: the schema and fragments, the model, and the arguments found so far. */
export interface Planning extends CollectContext {
  readonly model: Model;
  readonly arguments: Arguments[];
}

/** Keeps a place's arguments and answers its number. */
export function addArguments(planning: Planning, planned: Arguments): number {
  return planning.arguments.push(planned) - 1;
}

/** The object type of a name that the schema surely has. */
export function objectType(planning: Planning, name: string): GraphQLObjectType {
  const type = planning.schema.getType(name);
  if (!isObjectType(type)) throw new TypeError(`The schema has no object type ${name}.`);
  return type;
}
