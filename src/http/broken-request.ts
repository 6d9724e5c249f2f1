/** Answers requests that are not even HTTP, too large in their head, or too slow: they never reach a route. */

import { randomUUID } from "node:crypto";
import type { Socket } from "node:net";
import { badRequest, errorAnswer } from "./error-reply.ts";

const faults: Readonly<
  Record<string, { readonly status: number; readonly reason: string; readonly message: string }>
> = {
  HPE_HEADER_OVERFLOW: {
    status: 431,
    reason: "Request Header Fields Too Large",
    message: "The URL and headers are larger than this server takes.",
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    reason: "Request Timeout",
    message: "The headers took too long to arrive.",
  },
};

/** Writes a JSON error to a socket whose request could not be read, and ends it. */
export function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable || socket.destroyed) {
    socket.destroy();
    return;
  }
  const fault = faults[error.code ?? ""] ?? {
    status: 400,
    reason: "Bad Request",
    message: "This is no valid HTTP request.",
  };
  const body = JSON.stringify(errorAnswer(badRequest(fault.message, fault.status), randomUUID()).body);
  const head = [
    `HTTP/1.1 ${fault.status} ${fault.reason}`,
    "Content-Type: application/json; charset=utf-8",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}
