/** From the schema file to the model: codecs and stores first, since the checks need them. */

import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { type CodecRegistry, createRegistry } from "../../codec/registry.ts";
import type { Queryable } from "../../db/contract.ts";
import { readKeptCodecs } from "../../db/kept-codecs.ts";
import { ServiceError } from "../../errors.ts";
import type { Model } from "../../model/model.ts";
import { parseModel } from "../../model/parse.ts";
import { type BrokenPlugin, toldOf } from "../../plugin/contract.ts";
import { readStoreConfigs, type StoreConfigs } from "../../store/config.ts";
import { loadDrivers } from "../../store/load-drivers.ts";
import type { Settings } from "../settings.ts";
import { type LoadedCodecs, loadRegistry } from "./load-codecs.ts";
import { findMissing, type KeptCodecs, unloadedNames } from "./missing-codecs.ts";

/** A schema file with what it was checked against. */
export interface LoadedModel extends ModelParts {
  readonly model: Model;
}

/** All that a model is made of, before it is checked. */
export interface ModelParts {
  readonly source: string;
  readonly registry: CodecRegistry;
  /** Codecs and drivers that are not in service. */
  readonly broken: readonly BrokenPlugin[];
  /** File or package of each codec in service. */
  readonly codecSources: ReadonlyMap<string, string>;
  /** Names of codecs that are known and not loaded. */
  readonly missing: ReadonlySet<string>;
  readonly storeConfigs: StoreConfigs;
}

/** How a model is loaded. */
interface LoadOptions {
  /** True to leave nothing behind: no folder of a default store. */
  readonly readOnly?: boolean;
}

export async function readStores(
  settings: Settings,
  { readOnly = false }: LoadOptions = {},
): Promise<StoreConfigs> {
  const project = dirname(resolve(settings.schemaPath));
  return readStoreConfigs({
    readOnly,
    drivers: await loadDrivers({ folders: [join(project, "drivers")], packagesFrom: project }),
    folder: dirname(settings.schemaPath),
    environment: process.env,
    dataFolder: settings.dataFolder,
  });
}

/** Reads everything that needs no database. @throws {NOT_FOUND} when there is no schema file. */
export async function readModelParts(settings: Settings, options: LoadOptions = {}): Promise<ModelParts> {
  const source = await readSchema(settings.schemaPath);
  const { registry, broken, sources }: LoadedCodecs = await loadRegistry(settings);
  const storeConfigs = await readStores(settings, options);
  return {
    source,
    registry,
    broken: [...broken, ...(storeConfigs.drivers?.broken ?? [])],
    codecSources: sources,
    missing: new Set(),
    storeConfigs,
  };
}

/** Codecs that the schema file names and that are not loaded; the database may know them. */
export function unloadedCodecs({ source, registry }: ModelParts): readonly string[] {
  return unloadedNames(source, registry);
}

/** The same parts with the codecs that `kept` knows, as missing ones. */
export function withKept<Parts extends Pick<ModelParts, "source" | "registry" | "broken">>(
  parts: Parts,
  kept: KeptCodecs,
): Parts & Pick<ModelParts, "missing"> {
  const found = findMissing(parts, kept);
  const missing = new Set(found.map(({ shape }) => shape.name));
  return { ...parts, registry: createRegistry(parts.registry.all, found), missing };
}

/**
 * What needs no database: codecs that are not loaded are unknown.
 * @throws {SCHEMA_INVALID} with every problem of the file, {NOT_FOUND} when there is no file.
 */
export async function loadModel(settings: Settings, options: LoadOptions = {}): Promise<LoadedModel> {
  return modelOf(settings, await readModelParts(settings, options));
}

/** The model, with what the database has kept of codecs that are not loaded. @throws {SCHEMA_INVALID} with every problem of the file. */
export async function loadKnownModel(
  settings: Settings,
  parts: ModelParts,
  db: Queryable,
): Promise<LoadedModel> {
  const unloaded = unloadedCodecs(parts);
  if (unloaded.length === 0) return modelOf(settings, parts);
  return modelOf(settings, withKept(parts, await readKeptCodecs(db, unloaded)));
}

/** @throws {SCHEMA_INVALID} with every problem of the file. */
export function modelOf(settings: Settings, parts: ModelParts): LoadedModel {
  return { ...parts, model: checkModel(settings.schemaPath, parts.source, parts) };
}

/** Checks the text against codecs and stores that are loaded already. */
export function checkModel(
  path: string,
  source: string,
  { registry, broken, missing, storeConfigs }: Omit<ModelParts, "source" | "codecSources">,
): Model {
  return parseModel([{ path, text: source }], {
    codecs: registry.facts,
    typeNames: registry.typeNames,
    missingCodecs: missing,
    codecHint: (name) => {
      const told = broken.filter((one) => one.kind === "codec" && one.name === name).map(toldOf);
      return ` ${[...told, "Of a field in a store that was written before, Opaque can be declared."].join(" ")}`;
    },
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
