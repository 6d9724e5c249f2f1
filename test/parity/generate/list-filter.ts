/** Filters of lists of scalars. */

import { type GraphQLInputObjectType, getNamedType, isEnumType, isInputObjectType } from "graphql";
import type { Inputs } from "./inputs.ts";
import { operand } from "./values.ts";

type Input = Readonly<Record<string, unknown>>;

const operators = ["eq", "neq", "has", "hasEvery", "hasSome", "length", "isEmpty", "isNull"];

/** A filter of lists near those of the pool. */
export function listFilter(inputs: Inputs, type: GraphQLInputObjectType, pool: readonly unknown[]): Input {
  const { random } = inputs;
  const fields = type.getFields();
  for (const name of Object.keys(fields))
    if (!operators.includes(name)) inputs.skipped.add(`operator ${type.name}.${name}`);
  const lists = pool.filter((one) => Array.isArray(one)) as readonly (readonly unknown[])[];
  const scalar = fields["has"] === undefined ? undefined : getNamedType(fields["has"].type);
  const lengths = fields["length"] === undefined ? undefined : getNamedType(fields["length"].type);
  const items = lists.flat().filter((item) => item !== null);
  const item = (): unknown =>
    isEnumType(scalar) ? random.pick(scalar.getValues()).name : operand(random, scalar?.name ?? "", items);
  const whole = (): readonly unknown[] => {
    if (lists.length === 0 || random.chance(0.15)) return random.list(3, item);
    const list = random.pick(lists);
    if (random.chance(0.7)) return list;
    return random.chance(0.5) ? [...list].reverse() : list.slice(1);
  };
  const some = (): readonly unknown[] => {
    const list = whole().filter((one) => one !== null);
    return random.chance(0.5) ? list.slice(0, 1 + random.below(2)) : [...list, ...random.list(1, item)];
  };
  const filter: Record<string, unknown> = {};
  for (let left = random.pick([1, 1, 1, 2]); left > 0; left--) {
    const name = random.pick(Object.keys(fields).filter((one) => operators.includes(one)));
    if (name === "eq" || name === "neq") filter[name] = whole();
    else if (name === "has") filter[name] = item();
    else if (name === "hasEvery" || name === "hasSome") filter[name] = random.chance(0.1) ? [] : some();
    else if (name === "length" && isInputObjectType(lengths))
      filter[name] = inputs.operators(lengths, [0, 1, 2, 3, 4]) ?? {};
    else filter[name] = random.chance(0.5);
  }
  return filter;
}
