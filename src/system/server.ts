/** The system API as an Apollo server; `src/http` mounts it at `/system/graphql`. */

import { randomUUID } from "node:crypto";
import { ApolloServer } from "@apollo/server";
import { unwrapResolverError } from "@apollo/server/errors";
import { GraphQLError, type GraphQLFormattedError } from "graphql";
import { errorTable, isServiceError } from "../errors.ts";
import { createSystemSchema } from "./schema.ts";
import type { SystemContext, SystemServices } from "./services.ts";
import { type ShowError, subscriptionPlugin } from "./subscription-plugin.ts";

/** Longest operation, in tokens of GraphQL: ours have no need of more. */
const maxTokens = 2000;

/** Writes what the client is not shown. */
export type LogError = (error: unknown, errorId: string) => void;

/** Makes and starts the server. */
export async function createSystemServer(
  services: SystemServices,
  log: LogError,
): Promise<ApolloServer<SystemContext>> {
  const show: ShowError = (formatted, error) => shown(formatted, error, log);
  const server = new ApolloServer<SystemContext>({
    schema: await createSystemSchema(services),
    plugins: [subscriptionPlugin(services, show)],
    introspection: true,
    includeStacktraceInErrorResponses: false,
    parseOptions: { maxTokens },
    allowBatchedHttpRequests: false,
    // Reports go to nobody: Apollo's key in the environment must not turn them on.
    apollo: {},
    // Apollo would raise the signal again after stopping: that would be the second one, which means "at once".
    stopOnTerminationSignals: false,
    formatError: (formatted, error) => show(formatted, unwrapResolverError(error)),
  });
  await server.start();
  return server;
}

function shown(formatted: GraphQLFormattedError, error: unknown, log: LogError): GraphQLFormattedError {
  if (isServiceError(error) && errorTable[error.code].exposed) {
    const { code, message, details } = error;
    const extensions = { code, retryable: errorTable[code].retryable, ...details };
    return { ...formatted, message, extensions };
  }
  const foreign = requestFault(formatted, error);
  if (foreign !== undefined) return { ...formatted, ...foreign };
  // Errors of the request itself are Apollo's, and tell nothing of us.
  if (formatted.extensions?.["code"] !== "INTERNAL_SERVER_ERROR") return formatted;
  const errorId = randomUUID();
  log(error, errorId);
  return {
    ...formatted,
    message: `Something unforeseen happened; the log has it under ${errorId}.`,
    extensions: { code: "INTERNAL_SERVER_ERROR", retryable: false, errorId },
  };
}

/** What graphql-js finds wrong with a request and Apollo takes for something else. */
function requestFault(
  { message, extensions }: GraphQLFormattedError,
  error: unknown,
): Pick<GraphQLFormattedError, "message" | "extensions"> | undefined {
  const tokens = /Document contains more that (\d+) tokens/.exec(message)?.[1];
  if (extensions?.["code"] === "GRAPHQL_PARSE_FAILED" && tokens !== undefined) {
    return {
      message: `The document has more than ${tokens} tokens.`,
      extensions: { code: "LIMIT_EXCEEDED", retryable: false, limit: Number(tokens) },
    };
  }
  const isOurs =
    !(error instanceof GraphQLError) || error.originalError !== undefined || error.path !== undefined;
  if (isOurs || extensions?.["code"] !== "INTERNAL_SERVER_ERROR") return undefined;
  return { message, extensions: { code: "BAD_REQUEST", retryable: false } };
}
