import { type ChainUse, referChain } from "../../codec/chain.ts";
import type { JsonObject, ReferenceHead } from "../../codec/contract.ts";
import type { Store } from "../../store/contract.ts";
import type { WriteServices } from "./contract.ts";
import type { PendingValue } from "./row-draft.ts";

/** The row's JSON for a reference to a file or folder of the user's own, which is looked at in its store. @throws {CODEC_INVALID_VALUE} */
export function referValue(
  services: WriteServices,
  use: ChainUse,
  at: { readonly value: PendingValue; readonly signal: AbortSignal | undefined },
): Promise<JsonObject> {
  const { entity } = at.value.row;
  const store = services.stores.get(use.store ?? services.stores.filepathDefaultName ?? "");
  const { hashPrefix, schemaPrefix, filepathPrefix } = store.config;
  return referChain(services.codecs, use, {
    input: at.value.input,
    context: {
      schema: entity.schema,
      table: entity.table,
      field: at.value.place,
      signal: at.signal,
      store: store.config.name,
      prefixes: { hash: hashPrefix, schema: schemaPrefix, filepath: filepathPrefix },
      head: (path) => look(store, path, at.signal),
      now: new Date(),
    },
  });
}

async function look(
  store: Store,
  path: string,
  signal: AbortSignal | undefined,
): Promise<ReferenceHead | undefined> {
  const file = await store.driver.head(path, signal);
  if (file !== undefined)
    return { isDirectory: false, sizeBytes: file.sizeBytes, modifiedAt: file.modifiedAt };
  // Stores know no folders, only paths that begin with one.
  for await (const inside of store.driver.list(`${path}/`, { signal })) {
    return { isDirectory: true, modifiedAt: inside.modifiedAt };
  }
  return undefined;
}
