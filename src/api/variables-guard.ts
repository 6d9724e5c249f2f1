/** Refuses variables and filters that would cost too much, before anything recursive looks at them. */

import { Kind, type TypeNode, type VariableDefinitionNode } from "graphql";
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
    if (typeName(type).endsWith("Filter")) guardFilter(value, `Variable "$${name}"`, limits);
    else walk(value, (_, depth) => checkDepth(depth, `Variable "$${name}"`, limits));
  }
}

function typeName(type: TypeNode): string {
  return type.kind === Kind.NAMED_TYPE ? type.name.value : typeName(type.type);
}

/** Each condition is SQL of its own with a parameter of its own, of which PostgreSQL takes 65,535. @throws {LIMIT_EXCEEDED} */
export function guardFilter(filter: unknown, field: string, limits: ApiLimits): void {
  let conditions = 0;
  let values = 0;
  walk(filter, (part, depth) => {
    checkDepth(depth, field, limits);
    if (Array.isArray(part)) values += part.length;
    else conditions += Math.max(Object.keys(part).length, 1);
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

function checkDepth(depth: number, field: string, limits: ApiLimits): void {
  if (depth <= limits.maxVariableDepth) return;
  const what = `${field} is nested deeper than ${limits.maxVariableDepth} levels`;
  throw beyondLimit(what, "maxVariableDepth", limits, { field });
}

/** Calls `look` for every object and list of `value`, level by level: on no stack but its own. */
function walk(value: unknown, look: (part: object, depth: number) => void): void {
  let level: readonly unknown[] = [value];
  for (let depth = 1; level.length > 0; depth++) {
    const next: unknown[] = [];
    for (const part of level) {
      if (part === null || typeof part !== "object" || part instanceof Uint8Array) continue;
      look(part, depth);
      for (const inner of Array.isArray(part) ? part : Object.values(part))
        if (inner !== null && typeof inner === "object") next.push(inner);
    }
    level = next;
  }
}
