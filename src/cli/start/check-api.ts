/** Checks everything that an API is made from, without a database. */

import { extendEntitySchema } from "../../api/extend/user-schema.ts";
import { buildEntitySchema } from "../../api/schema.ts";
import type { LoadedExtension } from "../../extend/load.ts";
import type { Settings } from "../settings.ts";
import { findExtension } from "./find-extension.ts";
import type { LoadedModel } from "./load-model.ts";

/**
 * The types that the API of `loaded` would have, the extension's included. Answers the extension, where there is one.
 * @throws {SCHEMA_INVALID} with every problem of the extension; {CONFIG_INVALID} when its file cannot be loaded.
 */
export async function checkApi(
  settings: Settings,
  { model, registry }: Pick<LoadedModel, "model" | "registry">,
): Promise<LoadedExtension | undefined> {
  const extension = await findExtension(settings);
  const schema = buildEntitySchema(model, registry);
  if (extension !== undefined) extendEntitySchema(schema, model, extension);
  return extension;
}
