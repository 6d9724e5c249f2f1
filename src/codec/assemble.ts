/** From loaded codecs to the registry: one that does not fit to the others is put aside, and told. */

import { isServiceError, ServiceError } from "../errors.ts";
import type { BrokenPlugin } from "../plugin/contract.ts";
import type { LoadedPlugin, LoadedPlugins } from "../plugin/load.ts";
import type { Codec } from "./contract.ts";
import { type CodecRegistry, createRegistry } from "./registry.ts";

/** The codecs in service, those that are not, and where each comes from. */
export interface AssembledCodecs {
  readonly registry: CodecRegistry;
  readonly broken: readonly BrokenPlugin[];
  /** File or package of each codec in service, by its name. */
  readonly sources: ReadonlyMap<string, string>;
}

/** Throws when the API's types cannot be made of the registry. */
export type RegistryCheck = (registry: CodecRegistry) => void;

/**
 * Takes the codecs that fit, earlier ones first.
 * @throws {CONFIG_INVALID} when two have one name: which of them a value was written with, nobody could tell.
 */
export function assembleCodecs(found: LoadedPlugins<Codec>, check: RegistryCheck): AssembledCodecs {
  refuseTwins(found.loaded);
  const made = tried(found.loaded, check);
  if (!(made instanceof Error)) return assembled(made, found.loaded, found.broken);
  const taken: LoadedPlugin<Codec>[] = [];
  let waiting = found.loaded;
  let reasons = new Map<LoadedPlugin<Codec>, Error>();
  // One may stand on another that comes later: as long as one more fits, the others are tried again.
  for (let before = -1; before !== taken.length; ) {
    before = taken.length;
    reasons = new Map();
    for (const one of waiting) {
      const next = tried([...taken, one], check);
      if (next instanceof Error) reasons.set(one, next);
      else taken.push(one);
    }
    waiting = [...reasons.keys()];
  }
  const unfit = [...reasons].map(([{ plugin, source }, error]) => unfitOf(plugin.name, source, error));
  return assembled(createRegistry(taken.map(({ plugin }) => plugin)), taken, [...found.broken, ...unfit]);
}

function assembled(
  registry: CodecRegistry,
  taken: readonly LoadedPlugin<Codec>[],
  broken: readonly BrokenPlugin[],
): AssembledCodecs {
  return { registry, broken, sources: new Map(taken.map(({ plugin, source }) => [plugin.name, source])) };
}

function tried(found: readonly LoadedPlugin<Codec>[], check: RegistryCheck): CodecRegistry | Error {
  try {
    const registry = createRegistry(found.map(({ plugin }) => plugin));
    check(registry);
    return registry;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function unfitOf(name: string, source: string, error: Error): BrokenPlugin {
  const remedy = isServiceError(error) ? error.details.remedy : undefined;
  return {
    kind: "codec",
    name,
    source,
    problem: error.message,
    remedy: remedy ?? "Correct it and start again.",
  };
}

function refuseTwins(found: readonly LoadedPlugin<Codec>[]): void {
  const seen = new Map<string, string>();
  for (const { plugin, source } of found) {
    const other = seen.get(plugin.name);
    if (other !== undefined) {
      throw new ServiceError(
        "CONFIG_INVALID",
        `Two codecs are called "${plugin.name}": ${other} and ${source}. Remove or rename one.`,
        { details: { field: "codec", value: plugin.name, file: source } },
      );
    }
    seen.set(plugin.name, source);
  }
}
