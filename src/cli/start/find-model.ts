/** The model that a service begins with. */

import type { Queryable } from "../../db/contract.ts";
import type { Settings } from "../settings.ts";
import { checkExtension } from "./check-extension.ts";
import { type LoadedModel, loadKnownModel, modelOf, readModelParts, unloadedCodecs } from "./load-model.ts";

/**
 * Checks what can be checked before anything is started: what cannot be served needs no database. Only where the schema file names codecs
 * that are not loaded the database is asked, which may know them.
 */
export async function findModel(settings: Settings): Promise<(db: Queryable) => Promise<LoadedModel>> {
  const parts = await readModelParts(settings);
  if (unloadedCodecs(parts).length === 0) {
    const loaded = modelOf(settings, parts);
    await checkExtension(settings, loaded);
    return async () => loaded;
  }
  return async (db) => {
    const loaded = await loadKnownModel(settings, parts, db);
    await checkExtension(settings, loaded);
    return loaded;
  };
}
