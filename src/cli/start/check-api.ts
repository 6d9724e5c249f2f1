/** Checks everything that an API is made from, without a database. */

import { extendEntitySchema } from "../../api/extend/user-schema.ts";
import { buildEntitySchema } from "../../api/schema.ts";
import type { LoadedExtension } from "../../extend/load.ts";
import type { Model } from "../../model/model.ts";
import type { Settings } from "../settings.ts";
import { findExtension } from "./find-extension.ts";
import { loadModel } from "./load-model.ts";

/** @throws {SCHEMA_INVALID} with every problem of the schema file, or of the extension; {CONFIG_INVALID} for files that cannot be loaded. */
export async function checkApi(
  settings: Settings,
): Promise<{ readonly model: Model; readonly extension: LoadedExtension | undefined }> {
  const { model, registry } = await loadModel(settings);
  const extension = await findExtension(settings);
  const schema = buildEntitySchema(model, registry);
  if (extension !== undefined) extendEntitySchema(schema, model, extension);
  return { model, extension };
}
