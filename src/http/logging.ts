/** What the log shows of requests: never a capability, a token or a variable. */

import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from "fastify";
import type { Logger } from "pino";

/** The request target without what gives access or is private: capabilities, upload ids, and every query. */
export function redactUrl(target: string): string {
  if (target === "/graphql") return target;
  const [path = "", ...query] = target.split("?");
  const shown = path
    .replace(/(\/(?:d|%64)\/)[^/]+/gi, "$1[capability]")
    .replace(/(\/uploads\/)[^/]+/gi, "$1[upload]")
    .replace(/(\/(?:t|%74)(?:u|%75)(?:s|%73)\/)[^/]+/gi, "$1[capability]");
  return query.length === 0 ? shown : `${shown}?[query]`;
}

/** A child of `logger` for this server: requests as method and redacted URL, headers never. */
export function requestLogger(logger: Logger): FastifyBaseLogger {
  return logger.child({}, { serializers: { req: requestLine } });
}

function requestLine(request: FastifyRequest): object {
  return { method: request.method, url: redactUrl(request.url), remoteAddress: request.ip };
}

/** Writes the one line that each answered request gets. */
export function logAnswer(request: FastifyRequest, reply: FastifyReply): void {
  const level = reply.statusCode >= 500 ? "warn" : "info";
  request.log[level](
    {
      method: request.method,
      url: redactUrl(request.url),
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime),
      principal: request.principal?.name,
    },
    "request",
  );
}
