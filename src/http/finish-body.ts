import { once } from "node:events";
import type { FastifyReply, FastifyRequest } from "fastify";

/** How long the rest of a refused body is read and dropped before the connection is closed on it. */
const patienceMs = 10_000;

/**
 * Reads and drops what is left of a refused request's body. A connection that stays open does so beside the answer; one that the answer
 * closes must do so first, or the client, still sending, would see a broken connection instead of the reason.
 */
export async function finishBody(request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const { raw } = request;
  if (raw.complete || raw.destroyed) return;
  raw.resume();
  // Fastify closes after a body that is too large; Node learns of that only when the head is written.
  const staysOpen = reply.raw.shouldKeepAlive && reply.getHeader("connection") !== "close";
  // A client that waits to be asked for its body is not sending.
  if (staysOpen || request.headers.expect !== undefined) return;
  await once(raw, "close", { signal: AbortSignal.timeout(patienceMs) }).catch(() => undefined);
}
