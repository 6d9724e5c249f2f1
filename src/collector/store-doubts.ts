/** Whether a store is what the database takes it for, and all there: anything else stops every deletion in it. */

import { isServiceError, type ServiceError } from "../errors.ts";
import type { Store } from "../store/contract.ts";
import { markerPath, readMarker } from "../store/identity.ts";
import { canaryDoubts } from "./canary.ts";
import type { CollectorContext } from "./context.ts";
import type { Doubt } from "./contract.ts";
import { storeDoubt } from "./findings.ts";

/** What makes a store doubtful; nothing when it may be worked on. @throws only what the database or the caller's signal throws. */
export async function storeDoubts(
  context: CollectorContext,
  store: Store,
  signal?: AbortSignal,
): Promise<readonly Doubt[]> {
  try {
    const place = await placeDoubt(store, signal);
    return place === undefined ? await canaryDoubts(context, store, signal) : [place];
  } catch (error) {
    signal?.throwIfAborted();
    const doubt = storeDoubt(store.config.name, error);
    if (doubt === undefined) throw error;
    return [doubt];
  }
}

async function placeDoubt(store: Store, signal: AbortSignal | undefined): Promise<Doubt | undefined> {
  const { identity, driver, config } = store;
  if (identity === undefined) return placed(store, "Nobody has looked whether the location is the store.");
  try {
    await driver.probe(signal);
    await identity.look(signal);
  } catch (error) {
    if (isServiceError(error, "STORE_UNAVAILABLE") && isAboutPlace(store, error))
      return placed(store, error.message, error.details.remedy);
    throw error;
  }
  if ((await readMarker(driver, signal)) !== undefined) return undefined;
  const message = `The store ${config.name} has no marker ${markerPath}, and none can be written: it is only read.`;
  return placed(store, message, "Allow Holdfast to write to the store.");
}

/** Another store, no store, or a folder that is away: not a store that fails to answer. */
function isAboutPlace({ config }: Store, { details }: ServiceError): boolean {
  const { field, value } = details;
  return field === `stores.${config.name}.location` || field === markerPath || value === config.location;
}

function placed({ config: { name, location } }: Store, message: string, remedy?: string): Doubt {
  const fallback = `Correct the location of the store, or run: holdfast stores verify ${name}`;
  return {
    code: "IDENTITY",
    store: name,
    subject: location === "" ? name : location,
    message,
    remedy: remedy ?? fallback,
  };
}
