/** Errors as clients see them: code, whether a retry may help, the field; everything unforeseen masked with an id that the log has. */

import { randomUUID } from "node:crypto";
import { GraphQLError, type GraphQLFormattedError } from "graphql";
import { type ErrorDetails, errorTable, isServiceError } from "../errors.ts";
import { limitSettings } from "./limits.ts";

/** Where faults are written that clients do not see. */
export interface ErrorLog {
  error(details: object, message: string): void;
}

/** A ServiceError at a place of the answer; other errors keep their cause, for {@link formatError}. */
export function graphqlError(
  error: unknown,
  place: { readonly path?: readonly (string | number)[] } = {},
): GraphQLError {
  const path = place.path === undefined ? {} : { path: place.path };
  if (error instanceof GraphQLError) {
    const { nodes, extensions } = error;
    return new GraphQLError(error.message, {
      ...(nodes === undefined ? {} : { nodes }),
      ...path,
      extensions: { code: "BAD_USER_INPUT", ...extensions },
    });
  }
  const originalError = error instanceof Error ? { originalError: error } : {};
  if (!isServiceError(error)) {
    return new GraphQLError("Something unforeseen.", {
      ...path,
      ...originalError,
      extensions: { code: "INTERNAL_SERVER_ERROR" },
    });
  }
  const { retryable } = errorTable[error.code];
  const extensions = { ...shown(error.details), code: error.code, retryable };
  return new GraphQLError(error.message, { ...path, ...originalError, extensions });
}

/** The details that clients are shown; values are not repeated, the message has them shortened. */
function shown(details: ErrorDetails): Record<string, unknown> {
  const { field, constraint, limit, remedy, setting, problems } = details;
  const { missingParts, wrongParts } = details;
  const all = { field, constraint, limit, remedy, setting, problems, missingParts, wrongParts };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** Apollo's last look at every error: masks what is not meant for clients. */
export function formatError(
  log: ErrorLog,
): (formatted: GraphQLFormattedError, error: unknown) => GraphQLFormattedError {
  return (formatted, error) => {
    const original = error instanceof GraphQLError ? (error.originalError ?? error) : error;
    const code = formatted.extensions?.["code"];
    if (code === "GRAPHQL_PARSE_FAILED") return parseFault(formatted);
    if (formatted.extensions?.["validationErrorCode"] === "INTROSPECTION_DISABLED") return hidden(formatted);
    if (isServiceError(original) && errorTable[original.code].exposed) return formatted;
    if (code !== "INTERNAL_SERVER_ERROR") return formatted;
    const id = randomUUID();
    log.error({ id, err: original, path: formatted.path }, "A request met something unforeseen.");
    const { locations, path } = formatted;
    // Whether to send the write again is no secret.
    const committed = formatted.extensions?.["committed"] === true ? { committed: true } : {};
    return {
      message: `Something unforeseen. The log has it under ${id}.`,
      ...(locations === undefined ? {} : { locations }),
      ...(path === undefined ? {} : { path }),
      extensions: { code: "INTERNAL_SERVER_ERROR", id, retryable: false, ...committed },
    };
  };
}

/** Apollo tells how to change its own options, which nobody here can. */
function hidden(formatted: GraphQLFormattedError): GraphQLFormattedError {
  const setting = "HOLDFAST_INTROSPECTION";
  return {
    ...formatted,
    message: `This server does not tell its schema: __schema and __type are switched off (${setting}).`,
    extensions: { ...formatted.extensions, setting, retryable: false },
  };
}

/** graphql-js refuses too many tokens as a syntax error, which it is not. */
function parseFault(formatted: GraphQLFormattedError): GraphQLFormattedError {
  const tokens = /Document contains more that (\d+) tokens/.exec(formatted.message)?.[1];
  if (tokens === undefined) return formatted;
  return {
    ...formatted,
    message: `The document has more than ${tokens} tokens (${limitSettings.maxTokens}).`,
    extensions: {
      code: "LIMIT_EXCEEDED",
      limit: Number(tokens),
      setting: limitSettings.maxTokens,
      retryable: false,
    },
  };
}
