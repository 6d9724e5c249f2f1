import { randomUUID } from "node:crypto";
import type { Logger } from "pino";
import { createCollector } from "../../collector/collector.ts";
import type { CollectorContext } from "../../collector/context.ts";
import type { Collector } from "../../collector/contract.ts";
import { createHealer, type Healer } from "../../collector/healer.ts";
import { packageVersion } from "../version.ts";

/** The collector of a service, and what heals the objects that its reads have missed. */
export interface OpenedCollector {
  readonly collector: Collector;
  readonly healer: Healer;
  close(): Promise<void>;
}

/** Opens both, under a name that no other process has. */
export function openCollector({
  logger,
  ...parts
}: Pick<CollectorContext, "db" | "stores" | "faults"> & { readonly logger: Logger }): OpenedCollector {
  const context: CollectorContext = {
    ...parts,
    version: packageVersion(),
    worker: randomUUID(),
    warn: (err, what) => logger.warn({ err, what }, "the collector goes on, and tries this again"),
  };
  const collector = createCollector(context);
  const healer = createHealer(context);
  return {
    collector,
    healer,
    close: async () => {
      await Promise.all([collector.close(), healer.close()]);
    },
  };
}
