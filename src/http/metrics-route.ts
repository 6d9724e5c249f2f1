/** `/metrics`: what the service measures, for Prometheus. */

import type { FastifyInstance } from "fastify";
import type { Metrics } from "../metrics/metrics.ts";

/** Adds the endpoint, and counts every answered request. */
export function addMetrics(app: FastifyInstance, metrics: Metrics): void {
  app.addHook("onResponse", (request, reply, done) => {
    metrics.answered({
      route: request.routeOptions.url,
      method: request.method,
      status: reply.statusCode,
      seconds: reply.elapsedTime / 1000,
    });
    done();
  });
  app.route({
    method: ["GET", "HEAD"],
    url: "/metrics",
    config: { access: "READ" },
    handler: async (_request, reply) =>
      reply
        .header("cache-control", "no-store")
        .type(metrics.contentType)
        .send(await metrics.text()),
  });
}
