/** From files to plugins. One that cannot be loaded is told, and the others are loaded all the same. */

import { pathToFileURL } from "node:url";
import { isServiceError, ServiceError } from "../errors.ts";
import type { BrokenPlugin, PluginFile, PluginKind } from "./contract.ts";
import { pluginFiles, pluginPackages } from "./find.ts";

/** Where plugins are looked for. */
export interface PluginPlaces {
  readonly folders: readonly string[];
  /** Where the search for `package.json` begins; absent: packages are not looked for. */
  readonly packagesFrom?: string;
}

/** A plugin and where it comes from. */
export interface LoadedPlugin<T> {
  readonly plugin: T;
  readonly source: string;
}

/** What was loaded, and what could not be. */
export interface LoadedPlugins<T> {
  readonly loaded: readonly LoadedPlugin<T>[];
  readonly broken: readonly BrokenPlugin[];
}

/** Makes a plugin of what `file` exports. @throws an Error that says what is wrong with it. */
export type PluginCheck<T> = (exported: unknown, file: string) => T;

/** Every plugin of a kind: of the folders in their order, then of the packages. */
export async function loadPlugins<T>(
  kind: PluginKind,
  { folders, packagesFrom }: PluginPlaces,
  check: PluginCheck<T>,
): Promise<LoadedPlugins<T>> {
  const packages =
    packagesFrom === undefined ? { files: [], broken: [] } : await pluginPackages(packagesFrom, kind);
  const inFolders = (await Promise.all(folders.map(pluginFiles))).flat();
  const loaded: LoadedPlugin<T>[] = [];
  const broken: BrokenPlugin[] = [...packages.broken];
  for (const file of [...inFolders, ...packages.files]) {
    const plugin = await loadPlugin(file, check).catch((error: unknown) => brokenOf(kind, file, error));
    if ("problem" in plugin) broken.push(plugin);
    else loaded.push(plugin);
  }
  return { loaded, broken };
}

/** One plugin. @throws {CONFIG_INVALID} naming the file and what is wrong. */
export async function loadPlugin<T>(file: PluginFile, check: PluginCheck<T>): Promise<LoadedPlugin<T>> {
  let exported: unknown;
  try {
    const module: { readonly default?: unknown } = await import(pathToFileURL(file.file).href);
    exported = module.default;
  } catch (cause) {
    throw wrong(file, `it cannot be loaded: ${messageOf(cause)}`, cause);
  }
  try {
    return { plugin: check(exported, file.file), source: file.source };
  } catch (cause) {
    throw wrong(file, messageOf(cause), cause);
  }
}

function wrong({ file, source }: PluginFile, problem: string, cause: unknown): ServiceError {
  const details = { file, problem, ...(isServiceError(cause) ? { remedy: cause.details.remedy } : {}) };
  return new ServiceError("CONFIG_INVALID", `${source}: ${problem}`, { details, cause });
}

function messageOf(error: unknown): string {
  // Not every thrown value can be made text.
  try {
    return error instanceof Error ? error.message : String(error);
  } catch {
    return "something that is no error was thrown";
  }
}

function brokenOf(kind: PluginKind, { name, source }: PluginFile, error: unknown): BrokenPlugin {
  const details = isServiceError(error) ? error.details : {};
  const problem = typeof details["problem"] === "string" ? details["problem"] : messageOf(error);
  const remedy = details.remedy ?? "Correct it and start again.";
  return { kind, name, source, problem: /[.!?]$/.test(problem) ? problem : `${problem}.`, remedy };
}
