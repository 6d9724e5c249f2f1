/** Loads drivers: files of a folder, and packages that the user has declared. */

import { ServiceError } from "../errors.ts";
import type { BrokenPlugin } from "../plugin/contract.ts";
import { checkContract } from "../plugin/contract-version.ts";
import { type LoadedPlugin, loadPlugins, type PluginPlaces } from "../plugin/load.ts";
import { type DriverPlugin, defineDriver, driverContract } from "./contract.ts";
import { ownProtocols } from "./protocols.ts";

/** Drivers by protocol, where each comes from, and those that are not in service. */
export interface LoadedDrivers {
  readonly byProtocol: ReadonlyMap<string, LoadedPlugin<DriverPlugin>>;
  readonly broken: readonly BrokenPlugin[];
}

/** The drivers of all places. @throws {CONFIG_INVALID} when two serve one protocol, or one of ours. */
export async function loadDrivers(places: PluginPlaces): Promise<LoadedDrivers> {
  const { loaded, broken } = await loadPlugins("driver", places, checkedDriver);
  const byProtocol = new Map<string, LoadedPlugin<DriverPlugin>>();
  for (const one of loaded) {
    const { protocol } = one.plugin;
    const other = Object.hasOwn(ownProtocols, protocol)
      ? "Holdfast itself"
      : byProtocol.get(protocol)?.source;
    if (other !== undefined) {
      throw new ServiceError(
        "CONFIG_INVALID",
        `Two drivers serve the protocol "${protocol}": ${other} and ${one.source}. Remove or rename one.`,
        { details: { field: "protocol", value: protocol, file: one.source } },
      );
    }
    byProtocol.set(protocol, one);
  }
  return { byProtocol, broken };
}

function checkedDriver(exported: unknown): DriverPlugin {
  if (!isDriver(exported)) {
    throw new ServiceError("CONFIG_INVALID", "it has no driver as its default export", {
      details: { remedy: "Write: export default defineDriver({ … })." },
    });
  }
  checkContract("driver", exported.contract, { oldest: 1, newest: driverContract });
  return defineDriver(exported);
}

function isDriver(value: unknown): value is DriverPlugin {
  if (typeof value !== "object" || value === null) return false;
  const has = (key: string, type: string) => typeof Reflect.get(value, key) === type;
  return has("protocol", "string") && has("summary", "string") && has("open", "function");
}
