/** The entity API: one schema version, served by Apollo Server. A new version of the model makes a new one. */

import { type ApolloServer, HeaderMap, type HTTPGraphQLRequest } from "@apollo/server";
import type { FormattedExecutionResult, GraphQLSchema } from "graphql";
import type { CodecRegistry } from "../codec/registry.ts";
import type { Database } from "../db/contract.ts";
import type { Model } from "../model/model.ts";
import type { Capabilities, ObjectReaderFactory, ObjectWriter, Uploads } from "../object/contract.ts";
import type { Stores } from "../store/contract.ts";
import { QueryExecutor } from "./execute-query.ts";
import { type ErrorLog, formatError } from "./graphql-error.ts";
import { GuardedServer } from "./guarded-server.ts";
import { KnownQueries } from "./known-queries.ts";
import { type ApiLimits, defaultApiLimits } from "./limits.ts";
import { operationPlugin, respond } from "./operation-plugin.ts";
import { stringifyResult } from "./raw-json.ts";
import { createReadBack } from "./read-back.ts";
import { buildEntitySchema } from "./schema.ts";
import { withStatementLimit } from "./statement-limit.ts";
import { type DocumentPolicy, openDocumentPolicy } from "./trusted-documents.ts";
import { defaultWriteLimits, type WriteContext, type WriteLimits } from "./write/contract.ts";

/** What the entity API is made of. */
export interface EntityApiOptions {
  readonly model: Model;
  readonly registry: CodecRegistry;
  readonly db: Database;
  readonly objects: {
    readonly reader: ObjectReaderFactory;
    readonly writer: ObjectWriter;
    readonly uploads: Uploads;
    readonly capabilities: Capabilities;
  };
  readonly stores: Stores;
  readonly limits?: Partial<ApiLimits> | undefined;
  /** Any document where nothing is said. */
  readonly documents?: DocumentPolicy | undefined;
  readonly writeLimits?: Partial<WriteLimits> | undefined;
  readonly log: ErrorLog;
}

/** Who asks; made for each request by the HTTP side. */
export type ApiContext = WriteContext;

/** One request, as it comes in. */
export interface ApiRequest {
  readonly query: string;
  readonly variables?: Record<string, unknown>;
  readonly operationName?: string;
}

/** The entity API of one schema version. */
export interface EntityApi {
  /** Not started; `start()` it, or mount it and let the integration do so. */
  readonly server: GuardedServer;
  readonly schema: GraphQLSchema;
  readonly sdl: string;
  /** Runs one request without HTTP; numbers beyond JavaScript's are strings already, so nothing is lost. The server must be started. */
  execute(request: ApiRequest, context: ApiContext): Promise<FormattedExecutionResult>;
}

/** Makes the entity API. @throws {SCHEMA_INVALID} when generated names collide. */
export function createEntityApi(options: EntityApiOptions): EntityApi {
  const { model, registry, objects, stores, log } = options;
  const limits: ApiLimits = { ...defaultApiLimits, ...options.limits };
  const db = withStatementLimit(options.db, limits);
  const { schema, sdl } = buildEntitySchema(model, registry);
  const read = { model, schema, registry, db, objects, limits };
  const write = {
    db,
    codecs: registry,
    stores,
    objects,
    readBack: createReadBack(read),
    limits: { ...defaultWriteLimits, ...options.writeLimits },
  };
  const services = { schema, model, log, limits, executor: new QueryExecutor(read), write };
  const known = new KnownQueries(limits, (asked) => respond(services, asked));
  const server = new GuardedServer(
    { limits, documents: options.documents ?? openDocumentPolicy, known },
    {
      schema,
      plugins: [operationPlugin(services, known)],
      stringifyResult,
      formatError: formatError(log),
      includeStacktraceInErrorResponses: false,
      // A refusal lists what is wrong; looking for similar names is slow in large schemas.
      validationOptions: { maxErrors: 20 },
      allowBatchedHttpRequests: false,
      stopOnTerminationSignals: false,
      // Reports go to nobody: Apollo's key in the environment must not turn them on.
      apollo: {},
    },
  );
  return { server, schema, sdl, execute: (request, context) => runOnce(server, request, context) };
}

async function runOnce(
  server: ApolloServer<ApiContext>,
  request: ApiRequest,
  contextValue: ApiContext,
): Promise<FormattedExecutionResult> {
  const httpGraphQLRequest: HTTPGraphQLRequest = {
    method: "POST",
    headers: new HeaderMap([["content-type", "application/json"]]),
    search: "",
    body: { ...request },
  };
  const { body } = await server.executeHTTPGraphQLRequest({
    httpGraphQLRequest,
    context: async () => contextValue,
  });
  // Incremental delivery is not offered, so the body is always whole; it is what stringifyResult wrote.
  return JSON.parse(body.kind === "complete" ? body.string : "{}") as FormattedExecutionResult;
}
