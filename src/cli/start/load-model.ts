/** From the schema file to the model: codecs and stores first, since the checks need them. */

import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { loadCodecs } from "../../codec/load.ts";
import { type CodecRegistry, createRegistry } from "../../codec/registry.ts";
import { ServiceError } from "../../errors.ts";
import type { Model } from "../../model/model.ts";
import { parseModel } from "../../model/parse.ts";
import { readStoreConfigs, type StoreConfigs } from "../../store/config.ts";
import type { Settings } from "../settings.ts";

/** A schema file with what it was checked against. */
export interface LoadedModel {
  readonly model: Model;
  readonly source: string;
  readonly registry: CodecRegistry;
  readonly storeConfigs: StoreConfigs;
}

/** Our own codecs lie beside `src`, built or not. */
const ownCodecs = resolve(import.meta.dirname, "../../../codecs");

/** Loads the codecs, ours and those beside the schema file. */
export async function loadRegistry(settings: Settings): Promise<CodecRegistry> {
  const beside = join(dirname(settings.schemaPath), "codecs");
  const folders = isOurSource(beside) ? [ownCodecs] : [ownCodecs, beside];
  return createRegistry(await loadCodecs(folders));
}

/** In a checkout of Holdfast itself `codecs/` beside the schema file is the source of what is loaded already. */
function isOurSource(folder: string): boolean {
  return folder === ownCodecs || folder === resolve(import.meta.dirname, "../../../../codecs");
}

/** How a model is loaded. */
interface LoadOptions {
  /** True to leave nothing behind: no folder of a default store. */
  readonly readOnly?: boolean;
}

export function readStores(
  settings: Settings,
  { readOnly = false }: LoadOptions = {},
): Promise<StoreConfigs> {
  return readStoreConfigs({
    readOnly,
    folder: dirname(settings.schemaPath),
    environment: process.env,
    dataFolder: settings.dataFolder,
  });
}

/** @throws {SCHEMA_INVALID} with every problem of the file, {NOT_FOUND} when there is no file. */
export async function loadModel(settings: Settings, options: LoadOptions = {}): Promise<LoadedModel> {
  const source = await readSchema(settings.schemaPath);
  const registry = await loadRegistry(settings);
  const storeConfigs = await readStores(settings, options);
  return {
    model: checkModel(settings.schemaPath, source, { registry, storeConfigs }),
    source,
    registry,
    storeConfigs,
  };
}

/** Checks the text against codecs and stores that are loaded already. */
export function checkModel(
  path: string,
  source: string,
  { registry, storeConfigs }: Pick<LoadedModel, "registry" | "storeConfigs">,
): Model {
  return parseModel([{ path, text: source }], {
    codecs: registry.facts,
    typeNames: registry.typeNames,
    stores: new Set(storeConfigs.stores.map(({ name }) => name)),
    defaultStore: storeConfigs.defaultName,
    filepathDefaultStore: storeConfigs.filepathDefaultName,
  });
}

export async function readSchema(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new ServiceError("NOT_FOUND", `The schema file ${path} cannot be read.`, {
      cause,
      details: { file: path, remedy: "Make one with: holdfast init, or name another with --schema." },
    });
  }
}
