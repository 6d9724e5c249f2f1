/** The error of a scalar that refuses a value: names the scalar, the value and the remedy. */

import { GraphQLError } from "graphql";

/** A refusal in the words of graphql-js, which puts the argument's or the variable's name in front of it. */
export function refusal(scalar: string, value: unknown, remedy: string): GraphQLError {
  return new GraphQLError(`${scalar} cannot represent ${shown(value)}: ${remedy}.`, {
    extensions: { code: "BAD_USER_INPUT" },
  });
}

function shown(value: unknown): string {
  const text = typeof value === "bigint" ? `${value}n` : (JSON.stringify(value) ?? String(value));
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
