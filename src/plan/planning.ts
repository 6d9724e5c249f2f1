/** What the parts of planning share. */

import { type GraphQLObjectType, isObjectType } from "graphql";
import type { Model } from "../model/model.ts";
import type { CollectContext } from "./collect-fields.ts";
import type { Arguments } from "./expression.ts";
import type { Place } from "./plan.ts";

/** What planning stands on: the schema and fragments, the model, and the places found so far. */
export interface Planning extends CollectContext {
  readonly model: Model;
  readonly places: Place[];
  /** Number of the list that is being planned; absent outside lists. */
  readonly within?: number;
}

/** Keeps a place's arguments and answers its number. */
export function addPlace(
  planning: Planning,
  planned: Arguments,
  use: Place["use"] = { kind: "plain" },
): number {
  const within = planning.within === undefined ? {} : { within: planning.within };
  return planning.places.push({ arguments: planned, use, ...within }) - 1;
}

/** The object type of a name that the schema surely has. */
export function objectType(planning: Planning, name: string): GraphQLObjectType {
  const type = planning.schema.getType(name);
  if (!isObjectType(type)) throw new TypeError(`The schema has no object type ${name}.`);
  return type;
}
