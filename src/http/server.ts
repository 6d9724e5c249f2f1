/** The HTTP server: endpoints, gate, limits, log and drain around the parts that it is given. */

import { randomUUID } from "node:crypto";
import fastify, { type FastifyInstance, type FastifyRequest, LogController } from "fastify";
import type { Logger } from "pino";
import type { DerivedFiles } from "../api/derived-files.ts";
import { ServiceError } from "../errors.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Capabilities, ObjectReaderFactory, Uploads } from "../object/contract.ts";
import type { Stores } from "../store/contract.ts";
import { answerBrokenRequest } from "./broken-request.ts";
import { addDataRoute } from "./data-route.ts";
import { sendError } from "./error-reply.ts";
import type { FieldReader } from "./field-reader.ts";
import { addGraphqlRoute, type GraphqlRouteParts, type GraphqlServer } from "./graphql-route.ts";
import { addHealthRoutes, type HealthCheck } from "./health-route.ts";
import { createHostGuard, type HostName, isLoopback } from "./host-guard.ts";
import { addJsonBodies } from "./json-body.ts";
import { defaultHttpLimits, type HttpLimits } from "./limits.ts";
import { LiveConnections } from "./live/connections.ts";
import { answerEvents, wantsEvents } from "./live/event-stream.ts";
import { createSockets, isWebSocket } from "./live/sockets.ts";
import { requestLogger } from "./logging.ts";
import { addMetrics } from "./metrics-route.ts";
import { addQueryPage } from "./query-page.ts";
import { createDataOpener } from "./representation.ts";
import { guardRequests } from "./request-gate.ts";
import { openTokens, type TokenSource } from "./token-source.ts";
import { addTusRoute } from "./tus-route.ts";
import { addUploadRoute } from "./upload-route.ts";

/** What the server is made of; everything is a value from the composition root. */
export interface HttpServerOptions {
  /** Address to listen on; anything but loopback needs `tokensFile`. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** `HOLDFAST_HOSTS`: further names that the `Host` header may have. */
  readonly hosts?: readonly string[];
  /** `HOLDFAST_URL`: how URLs begin, where the request's own `Host` is not it (behind a proxy). */
  readonly publicUrl?: string;
  /** `HOLDFAST_DATA_ORIGIN`: a host that answers for `/d/` alone. */
  readonly dataOrigin?: string;
  /** `HOLDFAST_TOKENS`. */
  readonly tokensFile?: string;
  readonly version: string;
  readonly logger: Logger;
  readonly stores: Stores;
  readonly objects: {
    readonly reader: ObjectReaderFactory;
    readonly capabilities: Capabilities;
    readonly uploads: Uploads;
  };
  readonly readField: FieldReader;
  /** What codecs make of objects when it is read. */
  readonly derived: DerivedFiles;
  checks(): Promise<readonly HealthCheck[]>;
  /** Absent: none are kept, and there is no `/metrics`. */
  readonly metrics?: Metrics;
  readonly limits?: Partial<HttpLimits>;
  /** Folder of the bundled query page; the build's by default. */
  readonly pageFolder?: string;
}

/** A server that is set up and can be started. */
export interface HttpServer {
  /** @throws {ADDRESS_IN_USE} when the port is taken. @throws {CONFIG_INVALID} when the address is not this machine's. */
  listen(): Promise<{ readonly host: string; readonly port: number; readonly url: string }>;
  /** Serves the entity API; called again, changes over without losing a request. See {@link GraphqlMount.mount}. */
  mountEntityApi(server: GraphqlServer): Promise<void>;
  /** The same for the system API. */
  mountSystemApi(server: GraphqlServer): Promise<void>;
  /** Takes no more connections, lets running requests finish until the drain limit, then ends them. */
  close(): Promise<void>;
}

/** Sets up the server. @throws {CONFIG_INVALID} when it would be open to others without tokens, or a setting is wrong. */
export async function createHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const limits: HttpLimits = { ...defaultHttpLimits, ...options.limits };
  const publicUrl = checkedUrl(options.publicUrl);
  const tokens = await tokensOf(options);
  const app = makeApp(options, limits);
  let draining = false;
  app.addHook("onSend", (_request, reply, _payload, done) => {
    // A connection that waits for its client's next request would hold the stop up until it is idle for long.
    if (draining) reply.header("connection", "close");
    done();
  });
  refuseSameOrigin(publicUrl, options.dataOrigin);
  const hosts = createHostGuard(options.host, options.hosts ?? [], options.dataOrigin);
  const connections = new LiveConnections(limits, tokens);
  guardRequests(app, { hosts, tokens, limits });
  if (options.metrics !== undefined) addMetrics(app, options.metrics);
  addJsonBodies(app);
  addHealthRoutes(app, {
    ...options,
    checks: () => options.checks(),
    draining: () => draining,
    checkMs: limits.checkMs,
  });
  addDataRoute(app, { capabilities: options.objects.capabilities, open: openerOf(options) });
  app.register(async (scope) => addUploadRoute(scope, { ...options.objects, limits, tokens, publicUrl }));
  app.register(async (scope) => addTusRoute(scope, { ...options.objects, limits, hosts, publicUrl }));
  const shared = { limits, page: addQueryPage(app, options.pageFolder) };
  const urlAt = (host: HostName): string => publicUrl ?? urlOf(host);
  const baseUrl = (request: FastifyRequest): string => urlAt(request.hostName);
  const events: GraphqlRouteParts["events"] = (mount, request, reply) =>
    wantsEvents(request) ? answerEvents({ hosts, connections, mount, baseUrl }, request, reply) : undefined;
  const entity = addGraphqlRoute(app, { ...shared, baseUrl, path: "/graphql", events });
  const system = addGraphqlRoute(app, { ...shared, baseUrl, path: "/system/graphql", events });
  const mounts = new Map([
    ["/graphql", entity],
    ["/system/graphql", system],
  ]);
  app.server.on("upgrade", createSockets({ ...options, hosts, connections, mounts, baseUrl: urlAt }));
  return {
    listen: () => listen(app, options),
    mountEntityApi: (server) => {
      const idle = entity.mount(server);
      connections.changeOver(entity);
      return idle;
    },
    mountSystemApi: (server) => system.mount(server),
    async close() {
      draining = true;
      await connections.close(Math.min(limits.drainMs, 2_000));
      await drain(app, limits.drainMs);
    },
  };
}

function makeApp(options: HttpServerOptions, limits: HttpLimits): FastifyInstance {
  return fastify({
    loggerInstance: requestLogger(options.logger),
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => randomUUID(),
    requestIdHeader: false,
    exposeHeadRoutes: false,
    return503OnClosing: false,
    forceCloseConnections: "idle",
    bodyLimit: limits.bodyBytes,
    // Uploads and downloads may take hours; what must be quick has limits of its own, and stalled connections an idle one.
    requestTimeout: 0,
    connectionTimeout: limits.idleMs,
    keepAliveTimeout: limits.keepAliveMs,
    http: {
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.headersMs,
      // Clients offer other upgrades with ordinary requests (Java's: h2c), which are answered as if they had not.
      shouldUpgradeCallback: isWebSocket,
    },
    routerOptions: { maxParamLength: limits.urlLength },
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: (error, request, reply) => void sendError(error, request, reply),
  });
}

function openerOf(options: HttpServerOptions) {
  return createDataOpener({
    reader: options.objects.reader,
    stores: options.stores,
    readField: options.readField,
    derived: options.derived,
  });
}

async function tokensOf(options: HttpServerOptions): Promise<TokenSource | undefined> {
  if (options.tokensFile !== undefined) {
    return await openTokens(options.tokensFile, {
      onError: (error) =>
        options.logger.error({ err: error }, "the tokens file cannot be used; all calls are refused"),
    });
  }
  if (isLoopback(options.host)) return undefined;
  throw new ServiceError(
    "CONFIG_INVALID",
    `HOST is ${options.host}: others could call, and there are no tokens.`,
    {
      details: {
        field: "HOLDFAST_TOKENS",
        remedy:
          "Make tokens with: holdfast token create, and name their file in HOLDFAST_TOKENS; or leave HOST at 127.0.0.1.",
      },
    },
  );
}

function checkedUrl(url: string | undefined): string | undefined {
  if (url === undefined) return undefined;
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (
    parsed !== undefined &&
    /^https?:$/.test(parsed.protocol) &&
    parsed.search === "" &&
    parsed.hash === ""
  ) {
    return parsed.href.replace(/\/+$/, "");
  }
  throw new ServiceError("CONFIG_INVALID", `HOLDFAST_URL is ${JSON.stringify(url)}.`, {
    details: { field: "HOLDFAST_URL", value: url, remedy: "Write it as http://name:port or https://name." },
  });
}

/** The service itself could not be reached any more. */
function refuseSameOrigin(serviceUrl: string | undefined, dataOrigin: string | undefined): void {
  if (serviceUrl === undefined || dataOrigin === undefined) return;
  if (new URL(serviceUrl).host !== new URL(dataOrigin).host) return;
  throw new ServiceError(
    "CONFIG_INVALID",
    `HOLDFAST_DATA_ORIGIN has the host of the service, ${serviceUrl}.`,
    {
      details: {
        field: "HOLDFAST_DATA_ORIGIN",
        value: dataOrigin,
        remedy: "Give the data a host name of its own, or leave HOLDFAST_DATA_ORIGIN away.",
      },
    },
  );
}

function urlOf({ name, port }: HostName): string {
  return `http://${name}${port === undefined ? "" : `:${port}`}`;
}

async function listen(app: FastifyInstance, { host, port, dataOrigin }: HttpServerOptions) {
  try {
    await app.listen({ host: host.replace(/^\[|\]$/g, ""), port });
  } catch (error) {
    throw notListening(error, host, port);
  }
  const address = app.server.address();
  const bound = typeof address === "object" && address !== null ? address.port : port;
  const shown = host === "0.0.0.0" || host === "::" ? "localhost" : host;
  const url = `http://${shown.includes(":") && !shown.startsWith("[") ? `[${shown}]` : shown}:${bound}`;
  try {
    refuseSameOrigin(url, dataOrigin);
  } catch (error) {
    await app.close();
    throw error;
  }
  return { host, port: bound, url };
}

function notListening(error: unknown, host: string, port: number): unknown {
  const code: unknown = typeof error === "object" && error !== null ? Reflect.get(error, "code") : undefined;
  if (code === "EADDRINUSE") {
    return new ServiceError("ADDRESS_IN_USE", `Port ${port} of ${host} is taken by another program.`, {
      details: { field: "PORT", value: port, remedy: "End the other program, or set PORT to another one." },
      cause: error,
    });
  }
  if (
    code === "EACCES" ||
    code === "EADDRNOTAVAIL" ||
    code === "ENOTFOUND" ||
    code === "ERR_SOCKET_BAD_PORT"
  ) {
    return new ServiceError(
      "CONFIG_INVALID",
      `The server cannot listen on ${host}, port ${port} (${String(code)}).`,
      {
        details: {
          field: "HOST",
          value: `${host}:${port}`,
          remedy: "Set HOST to an address of this machine, and PORT to one above 1023.",
        },
        cause: error,
      },
    );
  }
  return error;
}

async function drain(app: FastifyInstance, drainMs: number): Promise<void> {
  const timer = setTimeout(() => app.server.closeAllConnections(), drainMs);
  try {
    await app.close();
  } finally {
    clearTimeout(timer);
  }
}
