/** Every answer that is no success, as JSON in the shape of a GraphQL error answer, so that a client needs one parser only. */

import type { FastifyReply, FastifyRequest } from "fastify";
import { type ErrorCode, errorTable, isServiceError, ServiceError } from "../errors.ts";

/** What goes over the wire for an error. */
export interface ErrorAnswer {
  readonly status: number;
  readonly body: { readonly errors: readonly [{ readonly message: string; readonly extensions: object }] };
}

/** Codes of Fastify and of the socket that are the client's fault, and what they become. */
const foreignCodes: Readonly<Record<string, { readonly status: number; readonly message?: string }>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: { status: 415 },
  FST_ERR_CTP_INVALID_JSON_BODY: {
    status: 400,
    message: 'The body is not valid JSON. Send {"query": …} as application/json.',
  },
  FST_ERR_CTP_EMPTY_JSON_BODY: { status: 400, message: 'The body is empty. Send {"query": …} as JSON.' },
  FST_ERR_BAD_URL: {
    status: 400,
    message: "The URL is not valid: a percent sign must be followed by two hex digits.",
  },
};

/** Translates any error once, at the fence of HTTP; `requestId` is what a masked error shows. */
export function errorAnswer(error: unknown, requestId: string): ErrorAnswer {
  const { code, message, status, details } = translate(error);
  const { retryable, exposed } = errorTable[code];
  const shown = exposed
    ? { message, extensions: { code, retryable, ...jsonSafe(details) } }
    : {
        message: `Something unforeseen happened; the log has the rest under ${requestId}.`,
        extensions: { code, retryable, id: requestId },
      };
  return { status, body: { errors: [shown] } };
}

interface Translated {
  readonly code: ErrorCode;
  readonly message: string;
  readonly status: number;
  readonly details: object;
}

function translate(error: unknown): Translated {
  if (isServiceError(error)) {
    const { httpStatus, ...details } = error.details;
    const status = typeof httpStatus === "number" ? httpStatus : errorTable[error.code].httpStatus;
    return { code: error.code, message: error.message, status, details };
  }
  const foreign = foreignOf(error);
  const known = foreignCodes[foreign.code];
  if (known !== undefined) {
    return {
      code: "BAD_REQUEST",
      message: known.message ?? foreign.message,
      status: known.status,
      details: {},
    };
  }
  if (foreign.status >= 400 && foreign.status < 500) {
    return { code: "BAD_REQUEST", message: foreign.message, status: foreign.status, details: {} };
  }
  return { code: "INTERNAL_SERVER_ERROR", message: foreign.message, status: 500, details: {} };
}

function foreignOf(error: unknown): { code: string; message: string; status: number } {
  const part = (name: string): unknown =>
    typeof error === "object" && error !== null ? Reflect.get(error, name) : undefined;
  const status = part("statusCode");
  return {
    code: String(part("code") ?? ""),
    message: String(part("message") ?? error),
    status: typeof status === "number" ? status : 500,
  };
}

/** Details may hold BigInt or cycles; an answer is sent whatever they are. */
function jsonSafe(details: object): object {
  try {
    return JSON.parse(
      JSON.stringify(details, (_, value) => (typeof value === "bigint" ? String(value) : value)),
    );
  } catch {
    return {};
  }
}

/** Sends `error`; the log gets what the client must not see. */
export async function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const { status, body } = errorAnswer(error, request.id);
  if (status >= 500) request.log.error({ err: error }, "request failed");
  if (status === 401) reply.header("www-authenticate", "Bearer");
  if (isServiceError(error) && errorTable[error.code].httpStatus === 503) reply.header("retry-after", "2");
  await reply
    .code(status)
    .header("content-type", "application/json; charset=utf-8")
    .header("cache-control", "no-store")
    .send(JSON.stringify(body));
}

/** A client's mistake that has a status of its own besides its code: 405, 414, 415. */
export function badRequest(message: string, httpStatus = 400, remedy?: string): ServiceError {
  return new ServiceError("BAD_REQUEST", message, {
    details: { httpStatus, ...(remedy === undefined ? {} : { remedy }) },
  });
}
