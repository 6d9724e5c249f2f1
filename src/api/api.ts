/** The entity API: one schema version, served by Apollo Server. A new version of the model makes a new one. */

import { type ApolloServer, HeaderMap, type HTTPGraphQLRequest } from "@apollo/server";
import type { FormattedExecutionResult, GraphQLSchema } from "graphql";
import type { CodecRegistry } from "../codec/registry.ts";
import type { Database } from "../db/contract.ts";
import type { ExtensionLog } from "../extend/contract.ts";
import type { LoadedExtension } from "../extend/load.ts";
import type { Model } from "../model/model.ts";
import { withHideable } from "../model/reference.ts";
import type { Capabilities, ObjectReaderFactory, ObjectWriter, Uploads } from "../object/contract.ts";
import type { Stores } from "../store/contract.ts";
import { codecSql } from "./codec-sql.ts";
import { QueryExecutor } from "./execute-query.ts";
import { createUsers } from "./extend/create-users.ts";
import type { InnerParts } from "./extend/inner-api.ts";
import { extendEntitySchema } from "./extend/user-schema.ts";
import { type ErrorLog, formatError } from "./graphql-error.ts";
import { GuardedServer } from "./guarded-server.ts";
import { KnownQueries } from "./known-queries.ts";
import { type ApiLimits, defaultApiLimits } from "./limits.ts";
import type { ChangeFeed } from "./live/feed.ts";
import { LiveQueries } from "./live/live.ts";
import { operationPlugin, respond } from "./operation-plugin.ts";
import { stringifyResult } from "./raw-json.ts";
import { createReadBack } from "./read-back.ts";
import { hiddenEntities, openRuleBook, type RowRules } from "./row-rules.ts";
import { buildEntitySchema } from "./schema.ts";
import { withStatementLimit } from "./statement-limit.ts";
import { type DocumentPolicy, openDocumentPolicy } from "./trusted-documents.ts";
import {
  defaultWriteLimits,
  type WriteContext,
  type WriteLimits,
  type WriteServices,
} from "./write/contract.ts";

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
  /** How data URLs begin, where it is not as the request did. */
  readonly dataOrigin?: string | undefined;
  readonly limits?: Partial<ApiLimits> | undefined;
  /** Any document where nothing is said. */
  readonly documents?: DocumentPolicy | undefined;
  readonly writeLimits?: Partial<WriteLimits> | undefined;
  /** Rows that viewers do not see. An internal seam for the issue on projects and grants; nothing outside of tests sets it. */
  readonly rowRules?: RowRules | undefined;
  readonly extension?: LoadedExtension | undefined;
  /** Why nothing may be written, at the moment; `undefined` where it may. */
  readonly readOnly?: (() => string | undefined) | undefined;
  /** What subscriptions are fed from; without it there are none. */
  readonly changes?: ChangeFeed | undefined;
  readonly log: ErrorLog & Partial<ExtensionLog>;
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
  const { registry, objects, stores, log, rowRules } = options;
  const model = withHideable(options.model, hiddenEntities(rowRules));
  const limits: ApiLimits = { ...defaultApiLimits, ...options.limits };
  const db = withStatementLimit(options.db, limits);
  const base = buildEntitySchema(model, registry);
  const user = options.extension && extendEntitySchema(base, model, options.extension);
  const { schema, sdl } = user ?? base;
  const rules =
    rowRules === undefined
      ? undefined
      : openRuleBook(rowRules, { schema, model, codecs: codecSql(registry) });
  const urls = { origin: options.dataOrigin, stores };
  const plain = { model, schema, registry, db, objects, urls, limits, rules };
  const users = user && createUsers(plain, { user, log: extensionLog(log), parts: () => inner });
  const read = { ...plain, users: users?.answers };
  const write: WriteServices = {
    db,
    codecs: registry,
    stores,
    objects,
    readBack: createReadBack(read),
    rules,
    limits: { ...defaultWriteLimits, ...options.writeLimits },
    extension: users?.writes,
    readOnly: options.readOnly,
  };
  const inner: InnerParts = { schema, model, executor: new QueryExecutor(read), write };
  const live = options.changes && new LiveQueries(read, options.changes, log);
  const services = { ...inner, log, limits, live };
  const known = new KnownQueries(limits, (asked) => respond(services, asked));
  const server = new GuardedServer(
    { limits, documents: options.documents ?? openDocumentPolicy, known },
    {
      schema,
      plugins: [
        operationPlugin(services, known),
        { serverWillStart: async () => ({ serverWillStop: async () => users?.idle() }) },
      ],
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

function extensionLog(log: EntityApiOptions["log"]): ExtensionLog {
  return {
    info: (details, message) => log.info?.(details, message),
    warn: (details, message) => log.warn?.(details, message),
    error: (details, message) => log.error(details, message),
  };
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
