/** Refuses variables and filters that would cost too much, before anything recursive looks at them. */

import {
  type GraphQLInputType,
  getNullableType,
  isInputObjectType,
  isListType,
  Kind,
  type TypeNode,
  type VariableDefinitionNode,
} from "graphql";
import { ServiceError } from "../errors.ts";
import { type ApiLimits, beyondLimit } from "./limits.ts";

/** Looks at what a request gives for its variables. @throws {LIMIT_EXCEEDED} naming the variable. */
export function guardVariables(
  definitions: readonly VariableDefinitionNode[],
  given: Readonly<Record<string, unknown>>,
  limits: ApiLimits,
): void {
  for (const { variable, type } of definitions) {
    const name = variable.name.value;
    const value = Object.hasOwn(given, name) ? given[name] : undefined;
    if (value === null || typeof value !== "object") continue;
    if (typeName(type).endsWith("Filter")) guardFilter(value, name, limits);
    else walk(value, (part) => checkDepth(part, name, limits));
  }
}

/** More fields than an input can have, which graphql-js would repeat as a whole for each that it does not know. */
const crowd = 1000;

/** The one scalar whose values are objects. */
const anyJson = "JSON";

/** @throws {BAD_USER_INPUT} for an object with far more fields than its type has. */
export function refuseCrowds(value: unknown, type: GraphQLInputType, place: string): void {
  if (value === null || typeof value !== "object") return;
  const inner = getNullableType(type);
  if (isListType(inner)) {
    const items: readonly unknown[] = Array.isArray(value) ? value : [value];
    for (const [index, item] of items.entries()) refuseCrowds(item, inner.ofType, `${place}.${index}`);
  }
  if (isListType(inner) || Array.isArray(value) || inner.name === anyJson) return;
  const fields = isInputObjectType(inner) ? inner.getFields() : {};
  const given = Object.keys(value);
  const unknown = given.length > crowd ? given.filter((name) => !Object.hasOwn(fields, name)) : [];
  if (unknown.length > crowd) {
    const first = JSON.stringify(unknown[0]?.slice(0, 100));
    throw new ServiceError(
      "BAD_USER_INPUT",
      `Variable "$${place}" has ${unknown.length} fields that ${inner.name} does not have, the first is ${first}.`,
      { details: { field: place } },
    );
  }
  for (const name of given) {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (field !== undefined) refuseCrowds(Reflect.get(value, name), field.type, `${place}.${name}`);
  }
}

/** Faults that graphql-js may tell of variables: each repeats the value that it is in, which takes as long as that is large. */
export function tellableFaults(given: Readonly<Record<string, unknown>>): number {
  let weight = 1;
  walk(given, ({ value }) => {
    for (const inner of Object.values(value))
      weight += typeof inner === "string" ? 1 + inner.length / charactersAsMember : 1;
  });
  return Math.min(Math.max(Math.floor(tellableMembers / weight), 1), mostFaults);
}

const mostFaults = 50;
/** Members of objects that all faults together repeat. */
const tellableMembers = 40_000;
const charactersAsMember = 200;

/** A message that repeats a large value, with its beginning and its end, where it tells what is wrong. */
export function shortened(message: string): string {
  if (message.length <= 2 * shownCharacters) return message;
  return `${message.slice(0, shownCharacters)} … ${message.slice(-shownCharacters)}`.toWellFormed();
}

const shownCharacters = 1000;

function typeName(type: TypeNode): string {
  return type.kind === Kind.NAMED_TYPE ? type.name.value : typeName(type.type);
}

/** Each condition is SQL of its own with a parameter of its own, of which PostgreSQL takes 65,535. @throws {LIMIT_EXCEEDED} */
export function guardFilter(filter: unknown, field: string, limits: ApiLimits): void {
  let conditions = 0;
  let values = 0;
  walk(filter, (part) => {
    checkDepth(part, field, limits);
    if (Array.isArray(part.value)) values += part.value.length;
    else conditions += Math.max(Object.keys(part.value).length, 1);
    if (conditions > limits.maxConditions) {
      throw beyondLimit(
        `${field} has more than ${limits.maxConditions} conditions`,
        "maxConditions",
        limits,
        {
          field,
          remedy: "Give values of one field as a list by in.",
        },
      );
    }
    if (values > limits.maxValues) {
      throw beyondLimit(`${field} has more than ${limits.maxValues} values in lists`, "maxValues", limits, {
        field,
        remedy: "Ask in several requests.",
      });
    }
  });
}

function checkDepth(part: Part, field: string, limits: ApiLimits): void {
  if (part.depth <= limits.maxVariableDepth) return;
  const at = [field, ...pathOf(part)].join(".");
  throw beyondLimit(
    `${at} is nested deeper than ${limits.maxVariableDepth} levels`,
    "maxVariableDepth",
    limits,
    { field: at },
  );
}

/** An object or a list somewhere in a value. */
interface Part {
  readonly value: object;
  readonly depth: number;
  readonly name?: string;
  readonly above?: Part;
}

/** The first steps tell which field it is. */
function pathOf(part: Part): readonly string[] {
  const path: string[] = [];
  for (let at: Part | undefined = part; at?.name !== undefined; at = at.above) path.push(at.name);
  return path.reverse().slice(0, 3);
}

/** Calls `look` for every object and list of `value`, on no stack but its own. */
function walk(value: unknown, look: (part: Part) => void): void {
  if (!isCompound(value)) return;
  const waiting: Part[] = [{ value, depth: 1 }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const part = next;
    look(part);
    const { value, depth } = part;
    const add = (name: string | number, inner: unknown): void => {
      if (isCompound(inner))
        waiting.push({ value: inner, depth: depth + 1, name: String(name), above: part });
    };
    if (Array.isArray(value)) for (const [index, inner] of value.entries()) add(index, inner);
    // A list of pairs would cost more than the look itself.
    else for (const name of Object.keys(value)) add(name, Reflect.get(value, name));
  }
}

function isCompound(value: unknown): value is object {
  return value !== null && typeof value === "object" && !(value instanceof Uint8Array);
}
