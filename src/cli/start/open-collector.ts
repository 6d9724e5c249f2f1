import type { Logger } from "pino";
import { type CollectorOptions, createCollector } from "../../collector/collector.ts";
import type { Collector } from "../../collector/contract.ts";
import { packageVersion } from "../version.ts";

/** The collector of a service. */
export function openCollector({
  logger,
  ...parts
}: Pick<CollectorOptions, "db" | "stores" | "faults"> & { readonly logger: Logger }): Collector {
  return createCollector({
    ...parts,
    version: packageVersion(),
    warn: (err, what) => logger.warn({ err, what }, "the collector goes on, and tries this again"),
  });
}
