import type { FastifyRequest } from "fastify";

/** TCP asks after the client so often while nothing is sent, so that one that is gone does not look patient. */
const probeMs = 30_000;

/**
 * Runs work that may take longer than a connection may be idle: while it runs, silence does not end the connection of `request`.
 */
export async function patiently<T>(
  request: FastifyRequest,
  idleMs: number,
  work: () => Promise<T>,
): Promise<T> {
  const { socket } = request.raw;
  socket.setTimeout(0);
  socket.setKeepAlive(true, probeMs);
  try {
    return await work();
  } finally {
    socket.setTimeout(idleMs);
  }
}
