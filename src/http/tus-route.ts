/**
 * `/tus/<capability>`: one file by several requests, as tus 1.0.0 has it. The upload is made by `createUpload`; HEAD tells where to go on,
 * PATCH sends bytes, DELETE ends it. Why not a library: `docs/decisions/0011-resumable-uploads.md`.
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { isServiceError, ServiceError } from "../errors.ts";
import type { Capabilities, Uploads } from "../object/contract.ts";
import { badRequest } from "./error-reply.ts";
import type { HostGuard } from "./host-guard.ts";
import { type HttpLimits, limitExceeded, limitSettings } from "./limits.ts";
import { checkOrigin } from "./live/origin.ts";
import {
  announced,
  checkVersion,
  stateHeaders,
  tusAbilities,
  tusExposed,
  tusPreflight,
  tusVersion,
} from "./tus-headers.ts";
import { segmentsAfter } from "./url-segments.ts";

/** What the endpoint stands on. */
export interface TusRouteParts {
  readonly capabilities: Capabilities;
  readonly uploads: Uploads;
  readonly limits: HttpLimits;
  readonly hosts: HostGuard;
  /** `HOLDFAST_URL`, whose origin pages may send from. */
  readonly publicUrl: string | undefined;
}

const methods = ["HEAD", "PATCH", "DELETE"] as const;

/** Adds the endpoint. It must be registered in a scope of its own: it takes the place of all body parsers. */
export function addTusRoute(app: FastifyInstance, parts: TusRouteParts): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", (_request, _payload, done) => done(null));
  const url = "/tus/:upload";
  const config = { access: "open", ownContinue: true } as const;
  const onRequest = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    reply.headers({ "tus-resumable": tusVersion, "cache-control": "no-store" });
    allowOrigin(request, reply, parts);
  };
  app.route({
    method: "OPTIONS",
    url,
    config,
    onRequest,
    handler: async (_request, reply) =>
      reply
        .code(204)
        .headers({ ...tusAbilities(parts.limits.uploadBytes), ...tusPreflight })
        .send(),
  });
  // Clients behind proxies that know no PATCH send POST and name the method.
  app.route({
    method: [...methods, "POST"],
    url,
    config,
    onRequest,
    handler: async (request, reply) => {
      try {
        return await serve(request, reply, parts);
      } catch (error) {
        if (isServiceError(error) && error.details["httpStatus"] === 423) reply.header("retry-after", "2");
        if (isServiceError(error) && error.details["httpStatus"] === 412)
          reply.header("tus-version", tusVersion);
        throw error;
      }
    },
  });
}

/** The right is in the URL, and no page has it by itself; still only pages of hosts that this server answers for may send. */
function allowOrigin(
  request: FastifyRequest,
  reply: FastifyReply,
  { hosts, publicUrl }: TusRouteParts,
): void {
  const { origin } = request.headers;
  if (origin === undefined) return;
  if (publicUrl === undefined || new URL(publicUrl).origin !== origin)
    checkOrigin(hosts, origin, "send uploads here");
  reply.headers({
    "access-control-allow-origin": origin,
    "access-control-expose-headers": tusExposed,
    vary: "Origin",
  });
}

async function serve(
  request: FastifyRequest,
  reply: FastifyReply,
  parts: TusRouteParts,
): Promise<FastifyReply> {
  const method = methodOf(request, reply);
  checkVersion(request.headers);
  const id = uploadOf(request, parts);
  const { resumable } = parts.uploads;
  if (method === "DELETE") {
    await resumable.terminate(id);
    return reply.code(204).send();
  }
  if (method === "HEAD") return reply.headers(stateHeaders(await resumable.progress(id))).send();
  return append(request, reply, { parts, id });
}

function methodOf(request: FastifyRequest, reply: FastifyReply): string {
  const named = request.headers["x-http-method-override"];
  const method = typeof named === "string" ? named.toUpperCase() : request.method;
  if (methods.some((one) => one === method)) return method;
  reply.header("allow", "HEAD, PATCH, DELETE, OPTIONS");
  throw badRequest("Uploads are made by createUpload; this URL takes HEAD, PATCH, DELETE and OPTIONS.", 405);
}

function uploadOf(request: FastifyRequest, { capabilities }: TusRouteParts): string {
  const [capability = ""] = segmentsAfter("/tus/", request.raw.url ?? "");
  const subject = capabilities.verify(capability);
  if (subject.kind === "upload") return subject.id;
  throw new ServiceError("NOT_FOUND", "This URL gives bytes, it takes none.");
}

async function append(
  request: FastifyRequest,
  reply: FastifyReply,
  { parts, id }: { readonly parts: TusRouteParts; readonly id: string },
): Promise<FastifyReply> {
  const patch = announced(request.headers);
  const limit = parts.limits.uploadBytes;
  if (Math.max(patch.sizeBytes ?? 0, patch.offset + (patch.bodyBytes ?? 0)) > limit) throw tooLarge(limit);
  const body = bytesOf(request, reply, limit - patch.offset);
  const state = await parts.uploads.resumable.append(id, { ...patch, body });
  return reply.code(204).headers(stateHeaders(state)).send();
}

/** The request's bytes, asked for when they are wanted. Leaving early does not destroy the connection, so that an answer can be sent. */
async function* bytesOf(
  request: FastifyRequest,
  reply: FastifyReply,
  most: number,
): AsyncGenerator<Uint8Array> {
  if (request.headers.expect !== undefined) reply.raw.writeContinue();
  let received = 0;
  try {
    for await (const piece of request.raw.iterator({ destroyOnReturn: false })) {
      received += piece.length;
      if (received > most) throw tooLarge(most);
      yield piece;
    }
  } catch (error) {
    throw isServiceError(error) ? error : badRequest("The connection ended before the whole body came.");
  }
}

function tooLarge(limit: number): ServiceError {
  return limitExceeded("The file", limit, limitSettings.uploadBytes);
}
