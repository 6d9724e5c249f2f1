import type { FastifyReply, FastifyRequest } from "fastify";

/** A signal that is aborted when the client goes away before its answer is complete, so that nobody works for nothing. */
export function clientGone(request: FastifyRequest, reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  const end = (): void => {
    if (!reply.raw.writableFinished) controller.abort();
  };
  if (request.raw.socket.destroyed) controller.abort();
  else reply.raw.once("close", end);
  return controller.signal;
}
