/** Places in an answer, and what an error at one of them does to those around it. */

import type { GraphQLError } from "graphql";
import { graphqlError } from "./graphql-error.ts";

/** A place in the answer's tree. */
export interface Slot {
  readonly container: Record<string, unknown> | unknown[];
  readonly key: string | number;
  readonly nullable: boolean;
  readonly parent: Slot | undefined;
}

/** The place `key` of the object or list that stands at `parent`. */
export function slotIn(
  container: Slot["container"],
  key: string | number,
  place: { readonly nullable: boolean; readonly parent: Slot | undefined },
): Slot {
  return { container, key, ...place };
}

/** Value at the place. */
export function valueAt({ container, key }: Slot): unknown {
  // Lists are indexed by number and objects by name; both are read alike.
  return (container as Record<string | number, unknown>)[key];
}

/** Puts a value at the place. */
export function putAt({ container, key }: Slot, value: unknown): void {
  (container as Record<string | number, unknown>)[key] = value; // as above
}

/** The places of a list's elements; none where there is no list. */
export function elements(slot: Slot, nullable: boolean): readonly Slot[] {
  const list = valueAt(slot);
  return Array.isArray(list) ? list.map((_, index) => slotIn(list, index, { nullable, parent: slot })) : [];
}

/** Whether a parsed value is an object, whose keys are the answer's. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/** The response path of a place; `prefix` leads to the tree's root. */
function pathOf(slot: Slot, prefix: readonly (string | number)[]): readonly (string | number)[] {
  const path: (string | number)[] = [];
  for (let at: Slot | undefined = slot; at !== undefined; at = at.parent) path.unshift(at.key);
  return [...prefix, ...path];
}

/**
 * Makes the place null, or where it may not be null the nearest place around it that may.
 * Answers false when there is none: then the whole tree is null.
 */
function nullify(slot: Slot): boolean {
  let at: Slot | undefined = slot;
  while (at !== undefined && !at.nullable) at = at.parent;
  if (at === undefined) return false;
  putAt(at, null);
  return true;
}

/** Errors of one answer, and whether they left anything of it. */
export class AnswerFaults {
  readonly errors: GraphQLError[] = [];
  isLost = false;
  readonly #prefix: readonly (string | number)[];

  constructor(prefix: readonly (string | number)[] = []) {
    this.#prefix = prefix;
  }

  /** Notes an error at a place and lets null spread from there, by GraphQL's rules. */
  add(slot: Slot, error: unknown): void {
    this.errors.push(graphqlError(error, { path: pathOf(slot, this.#prefix) }));
    if (!nullify(slot)) this.isLost = true;
  }
}
