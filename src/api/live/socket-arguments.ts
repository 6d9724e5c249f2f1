/** What a library that wants to execute by graphql-js is given, where the answer is there already. */

import {
  type ExecutionArgs,
  type FormattedExecutionResult,
  type GraphQLError,
  type GraphQLFormattedError,
  GraphQLSchema,
  parse,
} from "graphql";
import { StreamFailure } from "./live.ts";

const schema = new GraphQLSchema({});
const single = parse("{ __typename }");
const many = parse("subscription { __typename }");

/** Arguments that say one result or many, and carry the answer as `contextValue`. */
export function carrying(answer: unknown, isStream: boolean): ExecutionArgs {
  return { schema, document: isStream ? many : single, contextValue: answer };
}

/** Errors as clients see them, from those that the library made of what was thrown. */
export function shownErrors(errors: readonly GraphQLError[]): readonly GraphQLFormattedError[] {
  const original = errors[0]?.originalError;
  if (original instanceof StreamFailure) return original.errors;
  return [
    { message: "Something unforeseen.", extensions: { code: "INTERNAL_SERVER_ERROR", retryable: false } },
  ];
}

/** A result without what is for other transports; its errors are as clients see them already. */
export function shownResult(result: object): FormattedExecutionResult {
  const { cursor: _, ...shown } = { cursor: undefined, ...result };
  // as: what was given to the library is a result; it takes it for one of graphql-js's own.
  return shown as FormattedExecutionResult;
}
