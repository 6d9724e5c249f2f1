/** Subscriptions: Apollo answers an operation once, so their results go where the context wants a stream. */

import { type ApolloServerPlugin, type GraphQLResponse, HeaderMap } from "@apollo/server";
import { unwrapResolverError } from "@apollo/server/errors";
import { type ExecutionResult, GraphQLError, type GraphQLFormattedError, subscribe } from "graphql";
import { ServiceError } from "../errors.ts";
import type { SystemContext, SystemResult, SystemServices } from "./services.ts";

/** Makes of an error what the client is shown. */
export type ShowError = (formatted: GraphQLFormattedError, error: unknown) => GraphQLFormattedError;

/** Makes the plugin; queries and mutations are left to Apollo. Resolvers of subscriptions get the services as their source. */
export function subscriptionPlugin(
  services: SystemServices,
  show: ShowError,
): ApolloServerPlugin<SystemContext> {
  const shown = (error: unknown): GraphQLFormattedError => {
    const told =
      error instanceof GraphQLError ? error : new GraphQLError("", { originalError: asError(error) });
    return show(told.toJSON(), unwrapResolverError(error));
  };
  return {
    requestDidStart: async () => ({
      responseForOperation: async ({ operation, document, request, schema, contextValue }) => {
        const { live } = contextValue;
        // Of several operations none was named: Apollo tells it.
        if ((operation as typeof operation | undefined) === undefined) return null;
        if (operation.operation === "mutation" && live?.isGet === true)
          return refused([
            shown(new ServiceError("BAD_REQUEST", "A GET changes nothing: send mutations by POST.")),
          ]);
        if (operation.operation !== "subscription") return null;
        if (live === undefined) return refused([shown(onlyOneAnswer())]);
        const variableValues = request.variables ?? {};
        const operationName = request.operationName ?? null;
        const opened = await subscribe({
          schema,
          document,
          contextValue,
          variableValues,
          operationName,
          rootValue: services,
        });
        if (!(Symbol.asyncIterator in opened)) return refused((opened.errors ?? []).map(shown));
        live.stream = results(opened, shown);
        return { http: { headers: new HeaderMap() }, body: { kind: "single", singleResult: { data: null } } };
      },
    }),
  };
}

/** What cannot be told ends the stream as its last result. No generator: its end must not wait for the next result. */
function results(
  opened: AsyncGenerator<ExecutionResult>,
  shown: (error: unknown) => GraphQLFormattedError,
): AsyncIterableIterator<SystemResult, undefined> {
  let isOver = false;
  const over = { done: true, value: undefined } as const;
  const end = async () => {
    isOver = true;
    await opened.return(undefined);
    return over;
  };
  return {
    next: async () => {
      if (isOver) return over;
      try {
        const taken = await opened.next();
        if (taken.done === true) return over;
        const { data, errors } = taken.value;
        return {
          done: false,
          value: { data, ...(errors === undefined ? {} : { errors: errors.map(shown) }) },
        };
      } catch (error) {
        isOver = true;
        return { done: false, value: { data: null, errors: [shown(error)] } };
      }
    },
    return: end,
    throw: end,
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

function refused(errors: readonly GraphQLFormattedError[]): GraphQLResponse {
  return {
    http: { headers: new HeaderMap(), status: errors[0]?.extensions?.["code"] === "FORBIDDEN" ? 403 : 400 },
    body: { kind: "single", singleResult: { errors } },
  };
}

function onlyOneAnswer(): GraphQLError {
  return new GraphQLError(
    "A subscription has more than one answer: send it with Accept: text/event-stream, or over a WebSocket (graphql-transport-ws).",
    { extensions: { code: "GRAPHQL_VALIDATION_FAILED" } },
  );
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
