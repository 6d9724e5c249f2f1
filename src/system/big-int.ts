/** Whole numbers beyond 2^53 as decimal text, as in the entity API: a JSON number would lose digits. */

import { GraphQLError, GraphQLScalarType, Kind } from "graphql";

export const BigIntScalar = new GraphQLScalarType<bigint, string>({
  name: "BigInt",
  description: "A whole number as decimal text; in inputs also a number.",
  serialize: (value) => String(value),
  parseValue: wholeNumber,
  parseLiteral: (node) =>
    wholeNumber(node.kind === Kind.INT || node.kind === Kind.STRING ? node.value : undefined),
});

function wholeNumber(value: unknown): bigint {
  if (typeof value === "number" && Number.isSafeInteger(value)) return BigInt(value);
  if (typeof value === "string" && /^-?\d{1,19}$/.test(value)) return BigInt(value);
  throw new GraphQLError(`${JSON.stringify(value)} is no BigInt; write a whole number, as text beyond 2^53.`);
}
