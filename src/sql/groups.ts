/** What a request asks of the groups of a list: by which keys, in which order, how many. */

import { ServiceError } from "../errors.ts";
import type { Entity, Model } from "../model/model.ts";
import { type AggregateTerm, aggregateSignature, aggregateTerm } from "./order-term.ts";
import { count } from "./select-page.ts";

/** Limits of groups. */
export interface GroupLimits {
  /** Groups that one list may answer with. */
  readonly maxGroups: number;
}

/** The arguments of `groupBy`, checked; takes their place for SQL. */
export interface Groups {
  readonly [argument: string]: unknown;
  /** Names of group keys, each once. */
  readonly by: readonly string[];
  readonly having: unknown;
  readonly terms: readonly AggregateTerm[];
  /** Groups that the request is taken to expect. */
  readonly asked: number;
  /** Groups to ask for: where no number is given one more than there may be. */
  readonly fetch: number;
  readonly cap: number;
  /** What the SQL depends on, the shape of `having` aside. */
  readonly groupSignature: string;
}

/** Groups where the request gives no number, for the estimate of an answer's size. */
const usualGroups = 10;

/** Checks the arguments of `groupBy`. @throws {BAD_USER_INPUT | LIMIT_EXCEEDED} naming the argument. */
export function resolveGroups(
  model: Model,
  entity: Entity,
  options: { readonly given: Readonly<Record<string, unknown>>; readonly limits: GroupLimits },
): Groups {
  const { given, limits } = options;
  // The schema makes `by` a list of names.
  const by = [...new Set((given["by"] ?? []) as readonly string[])];
  if (by.length === 0) {
    throw new ServiceError(
      "BAD_USER_INPUT",
      "by: name at least one key; for all rows together use aggregate.",
      {
        details: { field: "by" },
      },
    );
  }
  const first = count("first", given["first"]);
  if (first !== undefined && first > limits.maxGroups)
    throw tooMany(`first: ${first} groups are more than`, limits);
  const orders = Array.isArray(given["orderBy"]) ? given["orderBy"] : [];
  const terms = orders.map((entry) => aggregateTerm(model, entity, entry));
  return {
    by,
    having: given["having"],
    terms,
    asked: first ?? Math.min(usualGroups, limits.maxGroups),
    fetch: first ?? limits.maxGroups + 1,
    cap: limits.maxGroups,
    groupSignature: `${by.join(",")};${aggregateSignature(entity, terms)}`,
  };
}

/** The refusal of a list of more groups than one may have. */
export function tooManyGroups(limits: GroupLimits): ServiceError {
  return tooMany("There are more groups than", limits);
}

function tooMany(subject: string, { maxGroups }: GroupLimits): ServiceError {
  return new ServiceError(
    "LIMIT_EXCEEDED",
    `${subject} one list may have, ${maxGroups} (HOLDFAST_MAX_GROUPS). Group by less, filter by where or having, or give a smaller first.`,
    { details: { field: "groupBy", limit: maxGroups, setting: "HOLDFAST_MAX_GROUPS" } },
  );
}
