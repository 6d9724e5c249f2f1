/** `GET` and `HEAD /d/<capability>/<readable path>/<name.ext>`: a URL is the data. Contract: `docs/reference/http.md`. */

import { Readable } from "node:stream";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { ServiceError } from "../errors.ts";
import { attachmentHeader } from "../object/attachment-header.ts";
import type { Capabilities } from "../object/contract.ts";
import { type ByteRange, parseRange } from "./byte-range.ts";
import { clientGone } from "./client-gone.ts";
import { badRequest } from "./error-reply.ts";
import { checkPreconditions, rangeCounts } from "./precondition.ts";
import type { Content, OpenData, Representation } from "./representation.ts";
import { servedType } from "./served-type.ts";
import { segmentsAfter } from "./url-segments.ts";

/** What the data endpoint stands on. */
export interface DataRouteParts {
  readonly capabilities: Capabilities;
  readonly open: OpenData;
}

const corsHeaders = {
  "access-control-allow-origin": "*",
  "access-control-expose-headers":
    "Accept-Ranges, Content-Disposition, Content-Length, Content-Range, ETag, Last-Modified, X-Request-Id",
  "cross-origin-resource-policy": "cross-origin",
} as const;

const safetyHeaders = {
  "content-security-policy": "sandbox; default-src 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
} as const;

/** Adds the data endpoint and its preflight. */
export function addDataRoute(app: FastifyInstance, parts: DataRouteParts): void {
  const open = { config: { access: "open" } } as const;
  const headers = async (_request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    reply.headers({ ...corsHeaders, ...safetyHeaders });
  };
  app.route({
    method: "OPTIONS",
    url: "/d/*",
    ...open,
    onRequest: headers,
    handler: async (_request, reply) =>
      reply
        .code(204)
        .headers({
          "access-control-allow-methods": "GET, HEAD, OPTIONS",
          "access-control-allow-headers":
            "Cache-Control, If-Match, If-Modified-Since, If-None-Match, If-Range, If-Unmodified-Since, Range",
          "access-control-max-age": "86400",
        })
        .send(),
  });
  app.route({
    method: ["GET", "HEAD"],
    url: "/d/*",
    ...open,
    onRequest: headers,
    handler: (request, reply) => serve(request, reply, parts),
  });
}

async function serve(
  request: FastifyRequest,
  reply: FastifyReply,
  parts: DataRouteParts,
): Promise<FastifyReply> {
  const [capability, ...segments] = segmentsAfter("/d/", request.raw.url ?? "");
  const name = segments.at(-1);
  const subject = parts.capabilities.verify(capability ?? "");
  if (name === undefined)
    throw new ServiceError("NOT_FOUND", "A data URL ends in a name: /d/<capability>/<name>.");
  refuseQuery(request);
  const signal = clientGone(request, reply);
  const representation = await parts.open(subject, segments, { signal, isRead: isRead(request) });
  const { validators } = representation;
  const verdict = checkPreconditions(request.headers, validators);
  if (verdict === 412) throw preconditionFailed(validators.etag);
  reply.headers(cacheHeaders(representation));
  if (verdict === 304) return reply.code(304).send();
  const content = await representation.content(signal);
  const { sizeBytes } = content;
  const range = rangeCounts(request.headers, validators)
    ? parseRange(request.headers.range, sizeBytes)
    : "whole";
  if (range === "unsatisfiable") throw beyondTheEnd(reply, sizeBytes);
  return await send(request, reply, { content, range, signal, name: representation.filename ?? name });
}

/** Whether bytes will be sent if there are any; otherwise only the store can tell that the object is there. */
function isRead({ method, headers }: FastifyRequest): boolean {
  const isConditional =
    headers["if-match"] ??
    headers["if-none-match"] ??
    headers["if-modified-since"] ??
    headers["if-unmodified-since"];
  return method === "GET" && isConditional === undefined;
}

/** Slices are not served yet; answering the whole array instead would be a wrong answer. */
function refuseQuery(request: FastifyRequest): void {
  const query = new URLSearchParams(request.raw.url?.split("?", 2)[1] ?? "");
  const unknown = ["slice", "format"].find((name) => query.has(name));
  if (unknown === undefined) return;
  throw badRequest(
    `Data URLs do not take ?${unknown}= yet.`,
    400,
    "Ask for the slice in GraphQL: values(slice: …).",
  );
}

function cacheHeaders({ validators, immutable }: Representation): Record<string, string> {
  return {
    etag: validators.etag,
    "cache-control": immutable ? "private, max-age=300, no-transform" : "private, no-cache, no-transform",
    ...(validators.modifiedAt === undefined ? {} : { "last-modified": validators.modifiedAt.toUTCString() }),
  };
}

interface Answer {
  readonly content: Content;
  readonly range: ByteRange | "whole";
  readonly signal: AbortSignal;
  /** The content's own, or the last segment of the URL. */
  readonly name: string;
}

async function send(request: FastifyRequest, reply: FastifyReply, answer: Answer): Promise<FastifyReply> {
  const { content, range, signal, name } = answer;
  const { start, end } = range === "whole" ? { start: 0, end: content.sizeBytes } : range;
  const length = end - start;
  // The first bytes are there before the status is told: what the store refuses is still an error answer.
  const body =
    request.method === "HEAD" || length === 0
      ? undefined
      : await begin(content.stream(start, end, signal), length);
  reply.headers({
    "accept-ranges": "bytes",
    "content-length": String(length),
    "content-type": servedType(name),
    "content-disposition": attachmentHeader(name),
  });
  if (range !== "whole")
    reply.code(206).header("content-range", `bytes ${start}-${end - 1}/${content.sizeBytes}`);
  return reply.send(body);
}

/** A stream of exactly `length` bytes, its first piece already read. Ending early breaks the connection, never the length. */
async function begin(bytes: AsyncIterable<Uint8Array>, length: number): Promise<Readable> {
  const iterator = bytes[Symbol.asyncIterator]();
  const first = await iterator.next();
  async function* exactly(): AsyncGenerator<Uint8Array> {
    let sent = 0;
    try {
      for (let next = first; next.done !== true; next = await iterator.next()) {
        sent += next.value.length;
        if (sent > length) break;
        yield next.value;
      }
    } finally {
      await iterator.return?.();
    }
    if (sent !== length)
      throw new ServiceError("OBJECT_CORRUPT", `The store gave ${sent} bytes where ${length} were due.`);
  }
  return Readable.from(exactly(), { objectMode: false, highWaterMark: 256 * 1024 });
}

function beyondTheEnd(reply: FastifyReply, sizeBytes: number): ServiceError {
  reply.header("content-range", `bytes */${sizeBytes}`).header("accept-ranges", "bytes");
  return new ServiceError(
    "RANGE_NOT_SATISFIABLE",
    `The range begins beyond the end: there are ${sizeBytes} bytes.`,
    {
      details: { field: "Range", limit: sizeBytes },
    },
  );
}

function preconditionFailed(etag: string): ServiceError {
  return new ServiceError("PRECONDITION_FAILED", `The bytes are now ${etag}, not what the request named.`, {
    details: { field: "If-Match", value: etag },
  });
}
