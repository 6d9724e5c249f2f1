/** Checks an extension against the API that it extends, without a database. */

import { extendEntitySchema } from "../../api/extend/user-schema.ts";
import { buildEntitySchema } from "../../api/schema.ts";
import type { LoadedExtension } from "../../extend/load.ts";
import type { Settings } from "../settings.ts";
import { findExtension } from "./find-extension.ts";
import type { LoadedModel } from "./load-model.ts";

/**
 * The extension of the API of a model, checked; undefined where there is none.
 * @throws {SCHEMA_INVALID} with every problem of the extension; {CONFIG_INVALID} when its file cannot be loaded.
 */
export async function checkExtension(
  settings: Settings,
  { model, registry }: Pick<LoadedModel, "model" | "registry">,
): Promise<LoadedExtension | undefined> {
  const extension = await findExtension(settings);
  // The types of tables alone were checked with the schema file.
  if (extension !== undefined) extendEntitySchema(buildEntitySchema(model, registry), model, extension);
  return extension;
}
