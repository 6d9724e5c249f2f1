/** What the service measures, as Prometheus reads it. Labels are routes, stores, states and codes: as few as there are of those. */

import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { Queryable } from "../db/contract.ts";
import { addCollectorMetrics } from "./collector-metrics.ts";

/** One answered request. */
interface AnsweredRequest {
  /** The route's pattern; undefined where no route took it. */
  readonly route: string | undefined;
  readonly method: string;
  readonly status: number;
  readonly seconds: number;
}

/** The metrics of one service. */
export interface Metrics {
  readonly contentType: string;
  /** All of them now, in the text format 0.0.4. Never throws: what cannot be measured is left out. */
  text(): Promise<string>;
  answered(request: AnsweredRequest): void;
}

/** Makes them. `warn` is told why the database could not be measured. */
export function createMetrics(db: Queryable, warn: (error: unknown) => void): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const requests = new Counter({
    name: "holdfast_http_requests_total",
    help: "Requests that were answered.",
    labelNames: ["route", "method", "status"] as const,
    registers,
  });
  const durations = new Histogram({
    name: "holdfast_http_request_duration_seconds",
    help: "From a request's headers to the end of its answer.",
    labelNames: ["route"] as const,
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60],
    registers,
  });
  addProcessMetrics(registry);
  const measure = addCollectorMetrics(registry, db, warn);
  return {
    contentType: registry.contentType,
    async text() {
      await measure();
      return await registry.metrics();
    },
    answered({ route = "none", method, status, seconds }) {
      requests.inc({ route, method, status });
      durations.observe({ route }, seconds);
    },
  };
}

function addProcessMetrics(registry: Registry): void {
  const registers = [registry];
  new Gauge({
    name: "process_resident_memory_bytes",
    help: "Memory of the process.",
    registers,
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  new Gauge({
    name: "process_cpu_seconds_total",
    help: "CPU time of the process, user and system.",
    registers,
    collect() {
      const { user, system } = process.cpuUsage();
      this.set((user + system) / 1e6);
    },
  });
  new Gauge({
    name: "process_start_time_seconds",
    help: "When the process began, since 1970.",
    registers,
  }).set(Math.round(Date.now() / 1000 - process.uptime()));
}
