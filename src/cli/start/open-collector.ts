import { randomUUID } from "node:crypto";
import type { Logger } from "pino";
import { createCollector } from "../../collector/collector.ts";
import type { CollectorContext } from "../../collector/context.ts";
import type { Collector } from "../../collector/contract.ts";
import { packageVersion } from "../version.ts";

/** The collector of a service, under a name that no other process has. */
export function openCollector({
  logger,
  ...parts
}: Pick<CollectorContext, "db" | "stores" | "faults"> & { readonly logger: Logger }): Collector {
  return createCollector({
    ...parts,
    version: packageVersion(),
    worker: randomUUID(),
    warn: (err, what) => logger.warn({ err, what }, "the collector goes on, and tries this again"),
  });
}
