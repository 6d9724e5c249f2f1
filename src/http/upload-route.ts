/** `/uploads/<capability or id>[/relative/path]`: PUT sends bytes, GET and HEAD tell the state. The body streams; it is never held. */

import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { ServiceError } from "../errors.ts";
import type { Capabilities, UploadState, Uploads } from "../object/contract.ts";
import { checkPath } from "../store/path.ts";
import { identify, requireRight } from "./caller.ts";
import { clientGone } from "./client-gone.ts";
import { checkDigests, declaredDigests } from "./declared-digest.ts";
import { badRequest } from "./error-reply.ts";
import { type HttpLimits, limitExceeded, limitSettings } from "./limits.ts";
import type { TokenSource } from "./token-source.ts";
import type { Right } from "./tokens.ts";
import { segmentsAfter } from "./url-segments.ts";

/** What the upload endpoint stands on. */
export interface UploadRouteParts {
  readonly capabilities: Capabilities;
  readonly uploads: Uploads;
  readonly limits: HttpLimits;
  readonly tokens: TokenSource | undefined;
  /** `HOLDFAST_URL`, whose origin pages may send from. */
  readonly publicUrl: string | undefined;
}

/** Adds the upload endpoint. It must be registered in a scope of its own: it takes the place of all body parsers. */
export function addUploadRoute(app: FastifyInstance, parts: UploadRouteParts): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", (_request, _payload, done) => done(null));
  for (const url of ["/uploads/:upload", "/uploads/:upload/*"]) {
    const config = { access: "open", ownContinue: true } as const;
    app.route({
      method: ["GET", "HEAD"],
      url,
      config,
      handler: (request, reply) => tell(request, reply, parts),
    });
    app.route({ method: "PUT", url, config, handler: (request, reply) => receive(request, reply, parts) });
  }
}

async function tell(
  request: FastifyRequest,
  reply: FastifyReply,
  parts: UploadRouteParts,
): Promise<FastifyReply> {
  const { id } = await authorise(request, "READ", parts);
  return answer(reply, await parts.uploads.progress(id));
}

async function receive(
  request: FastifyRequest,
  reply: FastifyReply,
  parts: UploadRouteParts,
): Promise<FastifyReply> {
  try {
    refuseForeignOrigin(request, parts.publicUrl);
    const { id, path } = await authorise(request, "WRITE", parts);
    const state = await receiveBody(request, reply, { id, path, parts });
    return answer(reply.code(201), state);
  } catch (error) {
    throw cutShort(request) ?? error;
  }
}

/** Who may use the upload: the bearer of its capability, or a token with `right` for the bare id. */
async function authorise(
  request: FastifyRequest,
  right: Right,
  parts: UploadRouteParts,
): Promise<{ readonly id: string; readonly path: string | undefined }> {
  const [upload = "", ...rest] = segmentsAfter("/uploads/", request.raw.url ?? "");
  const path = rest.length === 0 ? undefined : checkPath(rest.join("/"));
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(upload)) {
    requireRight(await identify(request.headers, right, parts.tokens), right);
    return { id: upload.toLowerCase(), path };
  }
  const subject = parts.capabilities.verify(upload);
  if (subject.kind === "upload") return { id: subject.id, path };
  throw new ServiceError("NOT_FOUND", "This URL gives bytes, it takes none.");
}

interface Receipt {
  readonly id: string;
  readonly path: string | undefined;
  readonly parts: UploadRouteParts;
}

async function receiveBody(
  request: FastifyRequest,
  reply: FastifyReply,
  receipt: Receipt,
): Promise<UploadState> {
  const { id, path, parts } = receipt;
  refuseHeaders(request);
  const sizeBytes = declaredSize(request, parts.limits.uploadBytes);
  const digests = declaredDigests(request.headers);
  const { kind } = await parts.uploads.get(id);
  if (kind === "FILE" && path !== undefined)
    throw badRequest("This upload is one file: PUT to its URL, without a path behind it.");
  if (kind === "TREE" && path === undefined)
    throw badRequest("This upload is a folder: put the file's path behind its URL.");
  const signal = clientGone(request, reply);
  if (request.headers.expect !== undefined) reply.raw.writeContinue();
  const body = checkDigests(counted(request, parts.limits.uploadBytes), digests);
  return await parts.uploads.receive(id, body, {
    signal,
    ...(path === undefined ? {} : { path }),
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
  });
}

function refuseHeaders(request: FastifyRequest): void {
  const encoding = request.headers["content-encoding"];
  if (encoding !== undefined && encoding.toLowerCase() !== "identity") {
    throw badRequest(`Bytes are stored as they come: send them without Content-Encoding (${encoding}).`, 415);
  }
  if (request.headers["content-range"] !== undefined) {
    throw badRequest("A file is sent whole: PUT with Content-Range is not served.");
  }
}

function declaredSize(request: FastifyRequest, limit: number): number | undefined {
  const text = request.headers["content-length"];
  if (text === undefined) return undefined;
  const size = Number(text);
  if (size > limit) throw limitExceeded("The file", limit, limitSettings.uploadBytes);
  return size;
}

/** The request's bytes. Leaving early does not destroy the connection, so that an answer can still be sent. */
async function* counted(request: FastifyRequest, limit: number): AsyncGenerator<Uint8Array> {
  let received = 0;
  for await (const piece of request.raw.iterator({ destroyOnReturn: false })) {
    received += piece.length;
    if (received > limit) throw limitExceeded("The file", limit, limitSettings.uploadBytes);
    yield piece;
  }
}

/** When the client broke off, that is the fault, whatever the store made of it. */
function cutShort(request: FastifyRequest): ServiceError | undefined {
  if (request.raw.complete || !request.raw.destroyed) return undefined;
  return badRequest("The connection ended before the whole body came.");
}

/** A page of another site can send a PUT to this machine without a capability when there are no tokens. */
function refuseForeignOrigin(request: FastifyRequest, publicUrl: string | undefined): void {
  const { origin, host } = request.headers;
  if (origin === undefined) return;
  const parsed = URL.canParse(origin) ? new URL(origin) : undefined;
  const own = URL.canParse(`http://${host}`) ? new URL(`http://${host}`).host : undefined;
  if (
    parsed !== undefined &&
    (parsed.host === own || (publicUrl !== undefined && new URL(publicUrl).origin === parsed.origin))
  ) {
    return;
  }
  throw new ServiceError(
    "FORBIDDEN",
    `Pages of ${JSON.stringify(origin.slice(0, 200))} may not send uploads here.`,
    {
      details: { field: "Origin", value: origin.slice(0, 200) },
    },
  );
}

function answer(reply: FastifyReply, state: UploadState): FastifyReply {
  return reply
    .headers({
      "cache-control": "no-store",
      "content-type": "application/json; charset=utf-8",
      "x-content-type-options": "nosniff",
      "upload-state": state.state,
      "upload-received-bytes": state.receivedBytes,
      "upload-expires": state.expiresAt.toUTCString(),
    })
    .send(
      JSON.stringify({
        id: state.id,
        kind: state.kind,
        state: state.state,
        receivedBytes: state.receivedBytes,
        expiresAt: state.expiresAt.toISOString(),
      }),
    );
}
