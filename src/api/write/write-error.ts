import { GraphQLError } from "graphql";
import { errorTable, isServiceError } from "../../errors.ts";
import type { MutationField } from "./write-plan.ts";

/** A fault with the mutation field that met it. */
export class FieldFault extends Error {
  readonly field: Pick<MutationField, "responseName" | "nodes">;
  readonly fault: unknown;

  constructor(field: FieldFault["field"], fault: unknown) {
    super("A mutation field failed.", { cause: fault });
    this.field = field;
    this.fault = fault;
  }
}

/** The error as the client sees it. What is not ours keeps its cause as `originalError`, for whoever masks and logs it. */
export function toGraphQLError(error: unknown): GraphQLError {
  const fault = error instanceof FieldFault ? error.fault : error;
  const place =
    error instanceof FieldFault ? { nodes: error.field.nodes, path: [error.field.responseName] } : {};
  if (fault instanceof GraphQLError) {
    return new GraphQLError(fault.message, {
      ...(fault.nodes === undefined ? {} : { nodes: fault.nodes }),
      ...place,
      extensions: { code: "BAD_USER_INPUT", ...fault.extensions },
    });
  }
  const original = fault instanceof Error ? { originalError: fault } : {};
  if (!isServiceError(fault)) {
    return new GraphQLError("Something unforeseen.", {
      ...place,
      ...original,
      extensions: { code: "INTERNAL_SERVER_ERROR" },
    });
  }
  const { retryable } = errorTable[fault.code];
  return new GraphQLError(fault.message, {
    ...place,
    ...original,
    extensions: { ...fault.details, code: fault.code, retryable, committed: false },
  });
}
