/** GraphQL literals as JSON, for `@codec(args:)` and defaults. */

import { type ConstValueNode, Kind } from "graphql";

/** Deeper literals are refused: they would be beyond what readers of JSON take. */
const maxDepth = 64;

/** JSON of a literal; `undefined` when it holds what JSON has not (an enum value, a number beyond doubles), or nests too deep. */
export function jsonOf(node: ConstValueNode, depth = 0): unknown {
  if (depth > maxDepth) return undefined;
  if (node.kind === Kind.NULL) return null;
  if (node.kind === Kind.STRING || node.kind === Kind.BOOLEAN) return node.value;
  if (node.kind === Kind.INT || node.kind === Kind.FLOAT) return exactNumber(node.value);
  if (node.kind === Kind.LIST) {
    const items = node.values.map((item) => jsonOf(item, depth + 1));
    return items.includes(undefined) ? undefined : items;
  }
  if (node.kind !== Kind.OBJECT) return undefined;
  const entries = node.fields.map((field) => [field.name.value, jsonOf(field.value, depth + 1)] as const);
  if (entries.some(([, value]) => value === undefined)) return undefined;
  return Object.fromEntries(entries);
}

function exactNumber(text: string): number | undefined {
  const value = Number(text);
  if (!Number.isFinite(value)) return undefined;
  const isInteger = /^-?\d+$/.test(text);
  return isInteger && !Number.isSafeInteger(value) ? undefined : value;
}
