/** From configuration to working stores. */

import { ServiceError } from "../errors.ts";
import type { StoreConfigs } from "./config.ts";
import type { Store, StoreConfig, StoreDriver, Stores } from "./contract.ts";
import { createFileDriver, type FileDriverOptions } from "./file.ts";

export interface OpenOptions {
  readonly file?: FileDriverOptions;
}

/**
 * Makes the driver of every configured store. Touches no store: one that cannot be reached now answers STORE_UNAVAILABLE until it can
 * (ask `driver.probe()`), and the others work.
 * @throws {CONFIG_INVALID} for a protocol that this version does not serve.
 */
export async function openStores(configs: StoreConfigs, options: OpenOptions = {}): Promise<Stores> {
  const all = new Map<string, Store>();
  for (const config of configs.stores) {
    all.set(config.name, { config, driver: await driverOf(config, options) });
  }
  return {
    all,
    defaultName: configs.defaultName,
    filepathDefaultName: configs.filepathDefaultName,
    get: (name) => {
      const store = all.get(name);
      if (store !== undefined) return store;
      throw new ServiceError("STORE_UNKNOWN", `There is no store ${JSON.stringify(name)}.`, {
        details: {
          field: "store",
          value: name,
          remedy: `Configured are: ${[...all.keys()].join(", ") || "(none)"}.`,
        },
      });
    },
  };
}

async function driverOf(config: StoreConfig, options: OpenOptions): Promise<StoreDriver> {
  if (config.protocol === "file") return createFileDriver(config.location, options.file);
  // The SDK is heavy: who has no such store does not wait for it.
  if (config.protocol === "s3") return (await import("./s3.ts")).createS3Driver(config);
  throw new ServiceError(
    "CONFIG_INVALID",
    `The store ${JSON.stringify(config.name)} has the protocol ${config.protocol}, which this version does not serve yet.`,
    {
      details: {
        field: `stores.${config.name}.protocol`,
        value: config.protocol,
        remedy: "Use the protocol file or s3, or take the store out of the configuration.",
      },
    },
  );
}
