/** `/graphql` and `/system/graphql`: Apollo servers that can be replaced while requests run. */

import type { ApolloServer, HTTPGraphQLResponse } from "@apollo/server";
import { fastifyApolloHandler } from "@as-integrations/fastify";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { LiveSlot } from "../api/write/contract.ts";
import { ServiceError } from "../errors.ts";
import { clientGone } from "./client-gone.ts";
import type { HttpLimits } from "./limits.ts";
import { patiently } from "./patience.ts";
import type { Principal } from "./tokens.ts";

/** What each GraphQL request gets as its context. */
export interface RequestContext {
  readonly principal: Principal;
  /** How minted URLs begin, without a trailing slash. */
  readonly baseUrl: string;
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
  /** Runs work that may take longer than a connection may be idle. */
  readonly patience?: (<T>(work: () => Promise<T>) => Promise<T>) | undefined;
  /** See `ApiContext`. */
  readonly live?: LiveSlot | undefined;
}

/** A started Apollo server whose context asks for nothing that {@link RequestContext} lacks. */
export interface GraphqlServer extends ApolloServer<RequestContext> {
  /** Answers what needs no more of Apollo; `undefined` for every other request. The context is asked for only then. */
  answerKnown?(
    request: FastifyRequest,
    context: () => RequestContext,
  ): Promise<HTTPGraphQLResponse> | undefined;
}

/** An endpoint whose server can be exchanged. */
export interface GraphqlMount {
  /**
   * Sends new requests to `server`. Returns when the server before it has answered its last request and may be stopped.
   * What an operation does only `server` knows: it holds `principal.rights` against it.
   */
  mount(server: GraphqlServer): Promise<void>;
  /** Does something with the server of the moment, which is not stopped before it is done. @throws {DATABASE_UNAVAILABLE} before there is one. */
  use<T>(work: (server: GraphqlServer) => Promise<T>): Promise<T>;
}

/** How an endpoint is set up. */
export interface GraphqlRouteParts {
  readonly path: "/graphql" | "/system/graphql";
  readonly limits: HttpLimits;
  baseUrl(request: FastifyRequest): string;
  /** Answers the query page to a browser. */
  page(request: FastifyRequest, reply: FastifyReply): FastifyReply;
  /** Answers with events where the client asks for them. */
  events(mount: GraphqlMount, request: FastifyRequest, reply: FastifyReply): Promise<unknown> | undefined;
}

interface Mounted {
  readonly server: GraphqlServer;
  /** What Fastify is to send, or will be. */
  readonly handle: (request: FastifyRequest, reply: FastifyReply) => unknown;
  running: number;
  idle?: () => void;
}

/** Adds an endpoint. Until a server is mounted it answers 503. */
export function addGraphqlRoute(app: FastifyInstance, parts: GraphqlRouteParts): GraphqlMount {
  let current: Mounted | undefined;
  app.route({
    method: ["GET", "POST"],
    url: parts.path,
    bodyLimit: parts.limits.bodyBytes,
    config: { access: "READ", bodyMs: parts.limits.bodyMs },
    handler: (request, reply) => {
      if (wantsPage(request)) return parts.page(request, reply);
      if (current === undefined) throw notMounted();
      const events = parts.events(mounted, request, reply);
      if (events !== undefined) return events;
      request.headers.accept = withoutHtml(request.headers.accept);
      const { handle } = current;
      return counted(current, () => handle(request, reply));
    },
  });
  const mounted: GraphqlMount = {
    async mount(server) {
      server.assertStarted("mount");
      const previous = current;
      current = { server, handle: handlerOf(app, server, parts), running: 0 };
      if (previous !== undefined) await idle(previous);
    },
    use: async (work) => {
      const used = current;
      if (used === undefined) throw notMounted();
      return await counted(used, () => work(used.server));
    },
  };
  return mounted;
}

function handlerOf(app: FastifyInstance, server: GraphqlServer, parts: GraphqlRouteParts): Mounted["handle"] {
  const contextOf = (request: FastifyRequest, reply: FastifyReply): RequestContext => ({
    principal: request.principal,
    baseUrl: parts.baseUrl(request),
    signal: clientGone(request, reply),
    patience: (work) => patiently(request, parts.limits.idleMs, work),
  });
  const handle = fastifyApolloHandler(server, {
    context: async (request, reply) => contextOf(request, reply),
  });
  return (request, reply) => {
    const known = server.answerKnown?.(request, () => contextOf(request, reply));
    if (known === undefined) return handle.call(app, request, reply);
    return known.then(({ status, headers, body }) => {
      reply.code(status ?? 200);
      for (const [name, value] of headers) reply.header(name, value);
      return body.kind === "complete" ? body.string : "";
    });
  };
}

async function counted<T>(mounted: Mounted, work: () => T): Promise<Awaited<T>> {
  mounted.running += 1;
  try {
    return await work();
  } finally {
    mounted.running -= 1;
    if (mounted.running === 0) mounted.idle?.();
  }
}

async function idle(mounted: Mounted): Promise<void> {
  if (mounted.running === 0) return;
  await new Promise<void>((resolve) => {
    mounted.idle = resolve;
  });
}

/** A browser that opens the address, not a program that sends a query. */
function wantsPage(request: FastifyRequest): boolean {
  const accepts = request.headers.accept ?? "";
  return request.method === "GET" && /text\/(html|\*)/i.test(accepts) && !/json/i.test(accepts);
}

/** Apollo has a page of its own for clients that take HTML, which loads scripts from elsewhere: it must never be asked for it. */
function withoutHtml(accept: string | undefined): string {
  if (accept === undefined || !/text\//i.test(accept)) return accept || "*/*";
  const kept = accept.split(",").filter((type) => !/^\s*text\//i.test(type));
  return kept.join(",") || "*/*";
}

function notMounted(): ServiceError {
  return new ServiceError("DATABASE_UNAVAILABLE", "The schema is not served yet; try again in a moment.");
}
