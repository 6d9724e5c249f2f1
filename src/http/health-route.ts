/** `/healthz`: the process answers. `/readyz`: what it stands on works. `/version`: which Holdfast this is. */

import type { FastifyInstance, RouteHandlerMethod } from "fastify";
import type { Access } from "./caller.ts";

/** One thing that must work for the service to be ready; `message` holds no secrets. */
export interface HealthCheck {
  readonly name: string;
  readonly ok: boolean;
  readonly message: string;
}

/** What the health endpoints tell. */
export interface HealthParts {
  readonly version: string;
  /** Looks at the database, the stores and the schema. */
  checks(): Promise<readonly HealthCheck[]>;
  /** True once the server is closing: no new work should be sent to it. */
  draining(): boolean;
  /** How long the checks may take together. */
  readonly checkMs: number;
}

/** Adds the health endpoints. */
export function addHealthRoutes(app: FastifyInstance, parts: HealthParts): void {
  const answer = (url: string, access: Access, handler: RouteHandlerMethod): void => {
    app.route({ method: ["GET", "HEAD"], url, config: { access }, handler });
  };
  answer("/healthz", "open", async (_request, reply) =>
    reply.header("cache-control", "no-store").send({ status: "ok" }),
  );
  answer("/readyz", "READ", async (_request, reply) => {
    const checks = parts.draining() ? [stopping] : await within(parts.checkMs, parts.checks());
    const ready = checks.every((check) => check.ok);
    return reply
      .code(ready ? 200 : 503)
      .header("cache-control", "no-store")
      .send({ status: ready ? "ready" : "unready", checks });
  });
  answer("/version", "READ", async (_request, reply) =>
    reply.header("cache-control", "no-store").send({ name: "holdfast", version: parts.version }),
  );
}

const stopping: HealthCheck = { name: "server", ok: false, message: "The server is stopping." };

async function within(ms: number, checks: Promise<readonly HealthCheck[]>): Promise<readonly HealthCheck[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<readonly HealthCheck[]>((resolve) => {
    timer = setTimeout(() => resolve([failed(`The checks took longer than ${ms} ms.`)]), ms);
  });
  try {
    return await Promise.race([checks, late]);
  } catch (error) {
    return [failed(error instanceof Error ? error.message : String(error))];
  } finally {
    clearTimeout(timer);
  }
}

function failed(message: string): HealthCheck {
  return { name: "checks", ok: false, message };
}
