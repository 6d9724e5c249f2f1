/** From configuration to working stores. */

import { ServiceError } from "../errors.ts";
import type { LoadedPlugin } from "../plugin/load.ts";
import type { StoreConfigs } from "./config.ts";
import type { DriverPlugin, Store, StoreConfig, StoreDriver, Stores } from "./contract.ts";
import { createFileDriver, type FileDriverOptions } from "./file.ts";
import type { LoadedDrivers } from "./load-drivers.ts";
import { unavailableDriver } from "./unavailable.ts";

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
    all.set(config.name, { config, driver: await driverOf(config, configs.drivers, options) });
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

async function driverOf(
  config: StoreConfig,
  drivers: LoadedDrivers | undefined,
  options: OpenOptions,
): Promise<StoreDriver> {
  if (config.protocol === "file") return createFileDriver(config.location, options.file);
  // The SDK is heavy: who has no such store does not wait for it.
  if (config.protocol === "s3") return (await import("./s3.ts")).createS3Driver(config);
  const plugin = drivers?.byProtocol.get(config.protocol);
  if (plugin !== undefined) return openPlugin(config, plugin);
  const broken = drivers?.broken.find((one) => one.name === config.protocol);
  if (broken !== undefined) {
    const problem = `its driver (${broken.source}) is not in service: ${broken.problem}`;
    return unavailableDriver(config.protocol, { store: config.name, problem, remedy: broken.remedy });
  }
  throw new ServiceError(
    "CONFIG_INVALID",
    `The store ${JSON.stringify(config.name)} has the protocol ${config.protocol}, which this version does not serve yet.`,
    {
      details: {
        field: `stores.${config.name}.protocol`,
        value: config.protocol,
        remedy: "Use the protocol file or s3, install a driver, or take the store out of the configuration.",
      },
    },
  );
}

/** What a plugin cannot open is out of service alone. */
async function openPlugin(
  config: StoreConfig,
  { plugin, source }: LoadedPlugin<DriverPlugin>,
): Promise<StoreDriver> {
  const refused = (problem: string): StoreDriver =>
    unavailableDriver(config.protocol, {
      store: config.name,
      problem: `its driver (${source}) ${problem}.`,
      remedy: "Correct the store's configuration or the driver, and start again.",
    });
  try {
    const driver = await plugin.open(config);
    const missing = missingParts(driver);
    return missing.length === 0 ? driver : refused(`lacks ${missing.join(", ")}`);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return refused(`did not open it: ${why.replace(/[.]$/, "")}`);
  }
}

const needed = ["head", "get", "put", "copy", "list", "delete", "probe"] as const;
const neededOfResumable = ["pieceBytes", "begin", "take", "write", "complete", "discard"] as const;

/** A plugin in JavaScript may have left out anything. */
function missingParts(driver: unknown): string[] {
  if (!isObject(driver)) return ["everything"];
  const without = (at: object, names: readonly string[], place = ""): string[] =>
    names.filter((name) => typeof Reflect.get(at, name) !== "function").map((name) => `${place}${name}()`);
  const resumable: unknown = Reflect.get(driver, "resumable");
  const inner = isObject(resumable) ? without(resumable, neededOfResumable, "resumable.") : ["resumable"];
  return [...without(driver, needed), ...inner];
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
