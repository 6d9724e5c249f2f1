/** The Apollo plugin through which every operation is answered: queries by their compiled plan, mutations by the write side, subscriptions by the live one. */

import {
  type ApolloServerPlugin,
  type GraphQLRequestContextResponseForOperation,
  type GraphQLResponse,
  HeaderMap,
} from "@apollo/server";
import { GraphQLError, type GraphQLFormattedError, type GraphQLSchema } from "graphql";
import { ServiceError } from "../errors.ts";
import type { Model } from "../model/model.ts";
import { collectFields } from "../plan/collect-fields.ts";
import { unfitLiteral } from "../plan/expression.ts";
import { coerceVariables } from "./coerce-variables.ts";
import type { QueryExecutor } from "./execute-query.ts";
import { type ErrorLog, formatError, graphqlError } from "./graphql-error.ts";
import type { KnownQueries } from "./known-queries.ts";
import type { ApiLimits } from "./limits.ts";
import type { LiveQueries } from "./live/live.ts";
import { checkRoots, fragmentsOf, type Operation } from "./plan-cache.ts";
import { planningBudget } from "./planning-budget.ts";
import { guardVariables, shortened } from "./variables-guard.ts";
import type { MutationAnswer, WriteContext, WriteServices } from "./write/contract.ts";
import { executeMutation } from "./write/execute-mutation.ts";

type Requested = GraphQLRequestContextResponseForOperation<WriteContext>;

/** What of a request an operation is answered from. */
export type AskedOperation = Pick<Requested, "document" | "source" | "operation" | "contextValue"> & {
  readonly queryHash?: string | undefined;
  readonly request: {
    readonly variables?: Readonly<Record<string, unknown>> | undefined;
    readonly operationName?: string | undefined;
  };
};

/** What operations are answered with. */
export interface OperationServices {
  readonly schema: GraphQLSchema;
  readonly model: Model;
  readonly executor: QueryExecutor;
  readonly live: LiveQueries | undefined;
  readonly write: WriteServices;
  readonly log: ErrorLog;
  readonly limits: ApiLimits;
}

/** Makes the plugin. graphql-js executes nothing but introspection. */
export function operationPlugin(
  services: OperationServices,
  known: KnownQueries,
): ApolloServerPlugin<WriteContext> {
  return {
    requestDidStart: async () => ({
      responseForOperation: async (requested) => {
        const answer = await respond(services, requested);
        if (answer !== null) known.remember(requested);
        return answer;
      },
    }),
  };
}

/** Answers an operation that has been parsed and validated. */
export async function respond(
  services: OperationServices,
  requested: AskedOperation,
): Promise<GraphQLResponse> {
  try {
    const request = operationOf(services, requested);
    const answers = { query, mutation: mutate, subscription: subscribe };
    const answer = await answers[request.operation.operation](services, request, requested.contextValue);
    return response(services, answer);
  } catch (error) {
    const errors = error instanceof RefusedVariables ? error.errors : [graphqlError(error)];
    return response(services, { errors });
  }
}

interface Answer {
  readonly data?: unknown;
  readonly errors: readonly GraphQLError[];
}

/** Variables that do not fit their types; each fault is an error of its own. */
class RefusedVariables extends Error {
  readonly errors: readonly GraphQLError[];

  constructor(errors: readonly GraphQLError[]) {
    super("Variables do not fit.");
    this.errors = errors;
  }
}

function operationOf({ schema, limits }: OperationServices, requested: AskedOperation): Operation {
  const { document, queryHash, request } = requested;
  const operation = chosen(requested);
  const given = request.variables ?? {};
  const definitions = operation.variableDefinitions ?? [];
  guardVariables(definitions, given, limits);
  const coerced = coerceVariables(schema, definitions, given);
  if (coerced.errors !== undefined) throw new RefusedVariables(coerced.errors.map(variableFault));
  for (const [name, value] of Object.entries(coerced.coerced)) {
    const unfit = unfitLiteral(value);
    if (unfit !== undefined) {
      const field = [name, ...unfit.path].join(".");
      throw new ServiceError("BAD_USER_INPUT", `Variable "$${field}": ${unfit.fault}`, {
        details: { field },
      });
    }
  }
  return {
    document,
    documentKey: queryHash ?? requested.source ?? "",
    operation,
    variables: coerced.coerced,
  };
}

function variableFault(error: GraphQLError): GraphQLError {
  const { nodes, extensions } = error;
  const place = nodes === undefined ? {} : { nodes };
  return graphqlError(new GraphQLError(shortened(error.message), { ...place, extensions }));
}

/** Apollo comes here also where no operation has the name asked for, whatever its types say; validation lets subscriptions pass. */
function chosen({ operation, request, contextValue }: AskedOperation): AskedOperation["operation"] {
  const found: AskedOperation["operation"] | undefined = operation;
  if (found === undefined) {
    const named = request.operationName == null ? undefined : JSON.stringify(request.operationName);
    throw new GraphQLError(
      named === undefined
        ? "The document has not exactly one operation: give operationName."
        : `The document has no operation ${named.slice(0, 100)}.`,
      { extensions: { code: "OPERATION_RESOLUTION_FAILURE" } },
    );
  }
  if (found.operation !== "subscription" || contextValue.live !== undefined) return found;
  throw new GraphQLError(
    "A subscription has more than one answer: send it with Accept: text/event-stream, or over a WebSocket (graphql-transport-ws).",
    { nodes: found, extensions: { code: "GRAPHQL_VALIDATION_FAILED" } },
  );
}

async function query(
  { executor }: OperationServices,
  request: Operation,
  context: WriteContext,
): Promise<Answer> {
  checkReader(context);
  return executor.execute(request, context);
}

function checkReader({ principal: { rights, name } }: WriteContext): void {
  if (rights.size > 0) return;
  throw new ServiceError("FORBIDDEN", `${name} may not read.`, {
    details: { remedy: "Use a token with the right READ." },
  });
}

/** The answer itself is nothing: the stream goes where the context wants it. */
async function subscribe(
  { live }: OperationServices,
  request: Operation,
  context: WriteContext,
): Promise<Answer> {
  checkReader(context);
  if (context.live === undefined || live === undefined)
    throw new ServiceError("BAD_REQUEST", "This service has no feed of changes.");
  context.live.stream = await live.open(request, { viewer: context, after: context.live.after });
  return { data: null, errors: [] };
}

async function mutate(
  services: OperationServices,
  request: Operation,
  context: WriteContext,
): Promise<MutationAnswer> {
  const { schema, model, write, limits } = services;
  const { operation, variables, document } = request;
  if (context.live?.isGet === true)
    throw new ServiceError("BAD_REQUEST", "A GET changes nothing: send mutations by POST.");
  const fragments = fragmentsOf(document);
  const type = schema.getMutationType();
  const collect = { schema, fragments, variables, budget: planningBudget(limits) };
  if (type != null) checkRoots(collectFields(collect, type, [operation.selectionSet]).size, limits);
  return executeMutation(write, { schema, model, operation, variables, fragments, context });
}

/** Status of an answer without data; with data it is 200, as Apollo has it. */
const statusOf: Readonly<Record<string, number>> = {
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  DATABASE_UNAVAILABLE: 503,
  STORE_UNAVAILABLE: 503,
  SCHEMA_DRIFT: 503,
  INTERNAL_SERVER_ERROR: 500,
};

function response({ log }: OperationServices, { data, errors }: Answer): GraphQLResponse {
  const format = formatError(log);
  const formatted = errors.map((error): GraphQLFormattedError => format(error.toJSON(), error));
  const code = String(formatted[0]?.extensions?.["code"]);
  // With any data the request was allowed; what a field of it must not show is told in its error.
  const isRefused = data === null && statusOf[code] === 403;
  const status = data === undefined ? (statusOf[code] ?? 400) : isRefused ? 403 : undefined;
  const shown = formatted.length === 0 ? {} : { errors: formatted };
  // A RawJson stands for its text until stringifyResult writes it.
  const whole = data === undefined ? {} : { data: data as Record<string, unknown> | null };
  return {
    http: { headers: new HeaderMap(), ...(status === undefined ? {} : { status }) },
    body: { kind: "single", singleResult: { ...shown, ...whole } },
  };
}
