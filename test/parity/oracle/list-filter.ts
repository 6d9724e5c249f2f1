/** Filters of lists of scalars. */

import { type Json, jsonFrom, NumberText, sortedJson } from "../json.ts";
import type { Features } from "./features.ts";
import { compare, type Kind, kindOfType, readOperand, type Value } from "./kinds.ts";
import { given, holds } from "./operators.ts";
import { badInput } from "./refused.ts";

const lengths: Kind = { name: "exact", scalar: "Int" };

/** Whether all operators of a list's filter hold. */
export function holdsList(
  features: Features,
  { kind, value }: { readonly kind: Kind; readonly value: Value | null },
  filter: unknown,
): boolean {
  const list = Array.isArray(value) ? (value as readonly Json[]) : null; // of the kind "list"
  const element = kind.names === undefined ? kind.scalar : "enum";
  return Object.entries(given(filter, "list")).every(([name, operand]) => {
    features.meet(`filter list ${name}`);
    features.meet(`filter list of ${element}`);
    if (operand === null || operand === undefined) throw badInput(`${name} is null.`);
    return operator(features, { kind, list }, { name, operand });
  });
}

function operator(
  features: Features,
  { kind, list }: { readonly kind: Kind; readonly list: readonly Json[] | null },
  { name, operand }: { readonly name: string; readonly operand: unknown },
): boolean {
  const equal = (a: Json, b: unknown): boolean => isSame(kind, a, b);
  const has = (one: unknown): boolean => list?.some((item) => equal(item, one)) === true;
  const isEqual = (): boolean => {
    const wanted = operand as readonly unknown[]; // the schema makes it a list
    return list?.length === wanted.length && list.every((item, index) => equal(item, wanted[index]));
  };
  switch (name) {
    case "eq":
      return isEqual();
    case "neq":
      return !isEqual();
    case "has":
      return has(operand);
    case "hasEvery":
      return list !== null && (operand as readonly unknown[]).every(has); // a list, as above
    case "hasSome":
      return (operand as readonly unknown[]).some(has); // a list, as above
    case "length":
      return holds(
        features,
        { kind: lengths, value: list === null ? null : readOperand(lengths, list.length) },
        operand,
      );
    case "isEmpty":
      return list !== null && (list.length === 0) === operand;
    case "isNull":
      return (list === null) === operand;
    default:
      throw new TypeError(`The oracle knows no operator ${name} of lists.`);
  }
}

/** Whether a stored element is equal to an operand, as values of their scalar. */
function isSame({ scalar, names }: Kind, item: Json, operand: unknown): boolean {
  if (scalar === "JSON") return sortedJson(item) === sortedJson(jsonFrom(JSON.stringify(operand)));
  if (item === null || operand === null || operand === undefined)
    return item === null && (operand ?? null) === null;
  if (names !== undefined) return names.some(({ name, stored }) => stored === item && name === operand);
  const known = kindOfType(scalar);
  if (known === undefined) throw new TypeError(`The oracle knows no lists of ${scalar}.`);
  const kind: Kind = scalar === "Float32" ? { ...known, name: "single" } : known;
  const stored = item instanceof NumberText ? item.text : item;
  return compare(kind, readOperand(kind, stored), readOperand(kind, operand)) === 0;
}
