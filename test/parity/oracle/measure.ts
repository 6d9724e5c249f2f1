/** What is told of many values at once. */

import { addExact, divideExact, type Exact, trimmed, whole } from "./exact.ts";
import type { Features } from "./features.ts";

import { Approximate, averageFloats, sumFloats } from "./floats.ts";
import { compare, type Kind, numberOf, type Value } from "./kinds.ts";
import { doubt, slackOf } from "./operators.ts";

export type MeasureName = "sum" | "avg" | "min" | "max";

const isFloating = ({ name }: Kind): boolean => ["float", "single", "approximate"].includes(name);

/** Whether values of the kind have sums. */
export function isNumber(kind: Kind): boolean {
  return kind.name === "exact" || isFloating(kind);
}

/** The kind of a measure of values of a kind. */
export function measureKind(kind: Kind, name: MeasureName): Kind {
  if (name === "min" || name === "max") return kind;
  return isFloating(kind) ? { name: "approximate", scalar: "Float64" } : { name: "exact", scalar: "Decimal" };
}

/** The measure of those values that are there; null where there is none. */
export function measure(
  features: Features,
  { kind, name }: { readonly kind: Kind; readonly name: MeasureName },
  values: readonly (Value | null)[],
): Value | null {
  const there = values.filter((value) => value !== null);
  if (there.length === 0) return null;
  if (name === "min" || name === "max") return extreme(features, { kind, name }, there);
  if (isFloating(kind)) return floating(kind, name, there);
  const numbers = there as readonly Exact[]; // of the kind "exact"
  const sum = numbers.reduce(addExact);
  return name === "sum" ? sum : trimmed(divideExact(sum, whole(there.length)));
}

function extreme(
  features: Features,
  { kind, name }: { readonly kind: Kind; readonly name: "min" | "max" },
  values: readonly Value[],
): Value {
  const found = values.reduce((best, value) => {
    doubt(features, best, value);
    const sign = compare(kind, value, best);
    return (name === "min" ? sign < 0 : sign > 0) ? value : best;
  });
  return withoutSign(kind, found);
}

/** Zero has no sign where many rows are told of together. */
export function withoutSign(kind: Kind, value: Value): Value {
  return kind.name === "float" || kind.name === "single" ? Number(value) + 0 : value;
}

function floating(kind: Kind, name: "sum" | "avg", values: readonly Value[]): Approximate {
  const numbers = values.map((value) =>
    kind.name === "single" ? Math.fround(Number(value)) : numberOf(value),
  );
  const told = name === "sum" ? sumFloats(numbers) : averageFloats(numbers);
  const slack = values.reduce((total: number, value) => total + slackOf(value), told.slack);
  return new Approximate(told.value, slack);
}
