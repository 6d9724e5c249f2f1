/** Filters of JSON: near what the documents hold at paths of theirs. */

import { type GraphQLInputObjectType, getNamedType, isInputObjectType } from "graphql";
import type { Random } from "../../property/random.ts";
import type { Inputs } from "./inputs.ts";

type Input = Readonly<Record<string, unknown>>;

const operators = new Set([
  ...["eq", "neq", "in", "notIn", "lt", "lte", "gt", "gte", "contains", "containedBy"],
  ...["hasKey", "hasKeys", "hasAnyKey", "exists", "isNull", "number", "text", "length"],
  ...["some", "every", "none", "at", "and", "or", "not"],
]);
const scalars = [0, 1, -1.5, true, false, "", "a", "null", "1"];
const strangeSteps = ["", "a", "0", "-1", "1", "007", "1.0", "9999999999", "b", "__proto__"];

interface At {
  /** Values of documents at this place. */
  readonly pool: readonly unknown[];
  /** How many filters may lie in each other. */
  readonly depth: number;
}

/** A filter of JSON values of which some are in the pool. `type` is JSONFilter or JSONPathFilter. */
export function jsonFilter(inputs: Inputs, type: GraphQLInputObjectType, at: At): Input {
  const { random } = inputs;
  const names = Object.keys(type.getFields()).filter((name) => name !== "path");
  for (const name of names) if (!operators.has(name)) inputs.skipped.add(`operator ${type.name}.${name}`);
  const known = names.filter((name) => operators.has(name) && (at.depth > 0 || !nested.has(name)));
  const filter: Record<string, unknown> = {};
  for (let left = random.pick([1, 1, 1, 2]); left > 0; left--) {
    // Paths are what documents are asked for most.
    const name = at.depth > 0 && random.chance(0.2) ? "at" : random.pick(known);
    const value = operatorValue(inputs, type, { name, ...at });
    if (value !== undefined) filter[name] = value;
  }
  return filter;
}

const nested = new Set(["some", "every", "none", "at", "and", "or", "not"]);

function operatorValue(
  inputs: Inputs,
  type: GraphQLInputObjectType,
  at: At & { readonly name: string },
): unknown {
  const { random } = inputs;
  const { name, pool, depth } = at;
  const field = type.getFields()[name];
  const inner = field === undefined ? undefined : getNamedType(field.type);
  const deeper = (from: readonly unknown[]): Input =>
    isInputObjectType(inner) ? jsonFilter(inputs, inner, { pool: from, depth: depth - 1 }) : {};
  switch (name) {
    case "number":
    case "text":
    case "length":
      return isInputObjectType(inner) ? (inputs.operators(inner, typedPool(name, pool)) ?? {}) : {};
    case "lt":
    case "lte":
    case "gt":
    case "gte":
      return ordered(random, pool);
    case "in":
    case "notIn":
      return random.list(3, () => document(random, pool));
    case "hasKey":
      return random.pick(keysOf(pool));
    case "hasKeys":
    case "hasAnyKey":
      return random.list(2, () => random.pick(keysOf(pool)));
    case "exists":
    case "isNull":
      return random.chance(0.5);
    case "some":
    case "every":
    case "none":
      return deeper(pool.flatMap((one) => (Array.isArray(one) ? one : [])));
    case "and":
    case "or":
      return random.list(2, () => deeper(pool));
    case "not":
      return deeper(pool);
    case "at":
      return random.list(2, () => {
        const path = pathInto(random, pool);
        const found = pool.flatMap((one) => {
          const value = path.reduce<unknown>((inside, step) => insideOf(inside, step), one);
          return value === undefined ? [] : [value];
        });
        return { path, ...deeper(found) };
      });
    default:
      return document(random, pool, name === "contains");
  }
}

function typedPool(name: "number" | "text" | "length", pool: readonly unknown[]): readonly unknown[] {
  if (name === "text") return pool.filter((one) => typeof one === "string");
  if (name === "length") return pool.flatMap((one) => (Array.isArray(one) ? [one.length] : []));
  const numbers = pool.flatMap((one) => (typeof one === "number" ? [String(one)] : []));
  return [...numbers, "9007199254740993", "9007199254740992", "1e400", "9.9e399"];
}

/** An operand with an order; seldom one without. */
function ordered(random: Random, pool: readonly unknown[]): unknown {
  if (random.chance(0.02)) return random.pick([true, [], { a: 1 }]);
  const fitting = pool.filter((one) => typeof one === "string" || typeof one === "number");
  return fitting.length > 0 && random.chance(0.7) ? random.pick(fitting) : random.pick([0, 1, -1.5, "", "a"]);
}

/** A document of the pool, whole or some of it; not null, which is no operand. */
function document(random: Random, pool: readonly unknown[], isPart = false): unknown {
  const one = pool.length > 0 && random.chance(0.75) ? random.pick(pool) : random.pick(scalars);
  const kept = random.chance(isPart ? 0.7 : 0.15) ? part(random, one) : one;
  return kept ?? random.pick(scalars);
}

function part(random: Random, value: unknown): unknown {
  if (Array.isArray(value)) {
    const some = value.filter(() => random.chance(0.5));
    return some.length === 1 && random.chance(0.3) ? some[0] : some.reverse();
  }
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) =>
      random.chance(0.6) ? [[key, random.chance(0.3) ? part(random, inner) : inner]] : [],
    ),
  );
}

function keysOf(pool: readonly unknown[]): readonly string[] {
  const keys = pool.flatMap((one) =>
    typeof one === "object" && one !== null && !Array.isArray(one) ? Object.keys(one) : [],
  );
  return [...keys, "a", ""];
}

function insideOf(value: unknown, step: string): unknown {
  if (Array.isArray(value)) return value.at(Number(step));
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[step]; // an object, as just seen
}

function pathInto(random: Random, pool: readonly unknown[]): readonly string[] {
  const path: string[] = [];
  let inside: unknown = pool.length > 0 ? random.pick(pool) : undefined;
  for (let left = random.below(4); left > 0; left--) {
    const steps = Array.isArray(inside)
      ? inside.map((_, index) => String(random.chance(0.3) ? index - (inside as unknown[]).length : index))
      : keysOf([inside]);
    const step = steps.length > 0 && random.chance(0.9) ? random.pick(steps) : random.pick(strangeSteps);
    path.push(step);
    inside = insideOf(inside, step);
  }
  return path;
}
