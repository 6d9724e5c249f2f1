/** The configured stores with what lies in them and whether they work. */

import { isServiceError } from "../errors.ts";
import { abilitiesOf } from "../store/abilities.ts";
import type { Store as ConfiguredStore } from "../store/contract.ts";
import type { SystemServices } from "./services.ts";
import type { Check, Store } from "./types.ts";

interface Usage {
  readonly store: string;
  readonly objects: number;
  readonly size: string;
}

export async function listStores({ stores, db }: SystemServices): Promise<Store[]> {
  const { rows } = await db.query<Usage>(
    `SELECT split_part(locator, ':', 1) AS store, count(*)::int AS objects, coalesce(sum(size), 0)::text AS size
     FROM holdfast.object GROUP BY 1`,
  );
  const usage = new Map(rows.map((row) => [row.store, row]));
  return Promise.all(
    [...stores.all.values()].map(async (store) => ({
      name: store.config.name,
      protocol: store.config.protocol,
      location: store.config.location,
      isDefault: store.config.name === stores.defaultName,
      isFilepathDefault: store.config.name === stores.filepathDefaultName,
      problem: await problemOf(store),
      abilities: abilitiesOf(store.driver),
      objectCount: usage.get(store.config.name)?.objects ?? 0,
      sizeBytes: BigInt(usage.get(store.config.name)?.size ?? 0),
    })),
  );
}

async function problemOf({ driver }: ConfiguredStore): Promise<string | null> {
  try {
    await driver.probe();
    return null;
  } catch (error) {
    if (isServiceError(error)) return error.message;
    throw error;
  }
}

/** From now on what lies at the location is the store. @throws {CONFLICT} when it is another store of this database. */
export async function acceptStore({ identity }: ConfiguredStore, signal: AbortSignal): Promise<Check> {
  const message = (await identity?.accept(signal)) ?? "nobody watches this store";
  return { name: "IDENTITY", ok: identity !== undefined, message };
}
