/** The gate that every request passes: length, `Host`, caller, time for the body; and what it gets when no route takes it. */

import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { ServiceError } from "../errors.ts";
import { type Access, identify } from "./caller.ts";
import { badRequest, sendError } from "./error-reply.ts";
import { finishBody } from "./finish-body.ts";
import type { HostGuard, HostName } from "./host-guard.ts";
import type { HttpLimits } from "./limits.ts";
import { logAnswer, redactUrl } from "./logging.ts";
import type { TokenSource } from "./token-source.ts";
import type { Principal } from "./tokens.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** Who may call the route; READ where nothing is said. */
    access?: Access;
    /** The route answers `Expect: 100-continue` itself, once it knows that it wants the body. */
    ownContinue?: boolean;
    /** The body must be complete after so long. */
    bodyMs?: number;
  }
  interface FastifyRequest {
    principal: Principal;
    /** The checked `Host` header. */
    hostName: HostName;
  }
}

/** What the gate checks against. */
export interface GateParts {
  readonly hosts: HostGuard;
  readonly tokens: TokenSource | undefined;
  readonly limits: HttpLimits;
}

/** Puts the gate before all routes, and the error answers behind them. */
export function guardRequests(app: FastifyInstance, parts: GateParts): void {
  app.decorateRequest("principal");
  app.decorateRequest("hostName");
  app.addHook("onRequest", (request, reply, done) => {
    reply.header("x-request-id", request.id);
    // On refusals too: they repeat what was asked for.
    reply.header("x-content-type-options", "nosniff");
    try {
      const { url, rawHeaders } = request.raw;
      if ((url?.length ?? 0) > parts.limits.urlLength) throw urlTooLong(parts.limits.urlLength);
      // RFC 9112, 3.2: two of them could be read as different hosts by different readers.
      if (hostHeaders(rawHeaders) > 1) throw badRequest("The request has more than one Host header.");
      request.hostName = hostOf(request, parts.hosts);
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    const { access = "READ" } = request.routeOptions.config;
    const admit = (principal: Principal): void => {
      request.principal = principal;
      limitBodyTime(request, reply);
      done();
    };
    const principal = identify(request.headers, access, parts.tokens);
    // What needs no waiting must not wait: every turn of the loop is another request's.
    if (principal instanceof Promise) principal.then(admit, done);
    else admit(principal);
  });
  app.addHook("preParsing", (request, reply, _payload, done) => {
    const { config, bodyLimit } = request.routeOptions;
    const fits = !(Number(request.headers["content-length"]) > (bodyLimit ?? 0));
    if (request.headers.expect !== undefined && config.ownContinue !== true && fits)
      reply.raw.writeContinue();
    done();
  });
  app.addHook("onResponse", (request, reply, done) => {
    logAnswer(request, reply);
    done();
  });
  app.setErrorHandler(async (error, request, reply) => {
    await finishBody(request, reply);
    await sendError(nameLimit(error, parts.limits), request, reply);
  });
  app.setNotFoundHandler((request, reply) => {
    // Thrown, so that every refusal goes the same way.
    throw noRoute(request, reply);
  });
  // Node asks for the body by itself unless this is listened to; a request that is refused must not cost one.
  app.server.on("checkContinue", (request, response) => app.server.emit("request", request, response));
}

/** By the host of the data nothing else is reached: a page made of stored bytes shares its origin with no API. */
function hostOf({ raw, headers }: FastifyRequest, hosts: HostGuard): HostName {
  const data = hosts.dataHost(headers.host);
  if (data === undefined) return hosts.check(headers.host);
  if (/^\/d\//.test(raw.url ?? "")) return data;
  throw new ServiceError("NOT_FOUND", "This host gives data only: /d/<capability>/<name>.", {
    details: { remedy: "Ask the service's own host." },
  });
}

/** `rawHeaders` has names and values in turn. */
function hostHeaders(rawHeaders: readonly string[]): number {
  let found = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at];
    if (name?.length === 4 && name.toLowerCase() === "host") found += 1;
  }
  return found;
}

function urlTooLong(limit: number): ServiceError {
  return badRequest(`The URL is longer than ${limit} characters; send the query by POST.`, 414);
}

/** Ends a request whose body trickles in for longer than the route gives it. */
function limitBodyTime(request: FastifyRequest, reply: FastifyReply): void {
  const { bodyMs } = request.routeOptions.config;
  // A short body mostly comes with its headers, and has been read by now.
  if (bodyMs === undefined || request.method !== "POST" || request.raw.complete) return;
  const timer = setTimeout(() => {
    if (request.raw.complete || reply.sent) return;
    void sendError(
      badRequest(`The body took longer than ${bodyMs} ms.`, 408),
      request,
      reply.header("connection", "close"),
    );
  }, bodyMs);
  request.raw.once("end", () => clearTimeout(timer));
  reply.raw.once("close", () => clearTimeout(timer));
}

function nameLimit(error: unknown, limits: HttpLimits): unknown {
  const code: unknown = typeof error === "object" && error !== null ? Reflect.get(error, "code") : undefined;
  if (code !== "FST_ERR_CTP_BODY_TOO_LARGE") return error;
  return new ServiceError("LIMIT_EXCEEDED", `The body is larger than ${limits.bodyBytes} bytes.`, {
    details: {
      limit: limits.bodyBytes,
      setting: "HOLDFAST_BODY_LIMIT",
      remedy: "Send large values by createUpload and PUT, or raise HOLDFAST_BODY_LIMIT at the server.",
    },
  });
}

/** Methods of the paths that exist, to tell a wrong method from a wrong path. */
const methods: readonly (readonly [path: RegExp, allow: string])[] = [
  [/^\/(system\/)?graphql$/, "GET, POST"],
  [/^\/d\/./, "GET, HEAD, OPTIONS"],
  [/^\/uploads\/./, "GET, HEAD, PUT"],
  [/^\/tus\/[^/]+$/, "HEAD, PATCH, DELETE, OPTIONS"],
  [/^\/(healthz|readyz|version|metrics)$/, "GET, HEAD"],
  [/^\/graphiql\/[^/]+$/, "GET"],
];

function noRoute(request: FastifyRequest, reply: FastifyReply): ServiceError {
  const path = redactUrl(request.url).split("?", 1)[0] ?? "";
  const known = methods.find(([pattern]) => pattern.test(path));
  if (known === undefined) {
    return new ServiceError("NOT_FOUND", `There is nothing at ${path.slice(0, 200)}.`, {
      details: {
        remedy:
          "The endpoints are /graphql, /system/graphql, /d/, /uploads/, /tus/, /healthz, /readyz, /version and /metrics.",
      },
    });
  }
  reply.header("allow", known[1]);
  return badRequest(`${path.slice(0, 200)} does not take ${request.method}; it takes ${known[1]}.`, 405);
}
