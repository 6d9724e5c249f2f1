/** The codecs of a service: ours, those of the folder beside the schema file, those of declared packages. */

import { dirname, join, resolve } from "node:path";
import { buildEntitySchema } from "../../api/schema.ts";
import { type AssembledCodecs, assembleCodecs } from "../../codec/assemble.ts";
import { loadCodecPlugins } from "../../codec/load.ts";
import type { CodecRegistry } from "../../codec/registry.ts";
import { checkArgumentSdl } from "../../model/codec-args.ts";
import { parseModel } from "../../model/parse.ts";
import type { Settings } from "../settings.ts";

export type LoadedCodecs = AssembledCodecs;

/** Our own codecs lie beside `src`, built or not. */
const ownCodecs = resolve(import.meta.dirname, "../../../codecs");

/** Loads the codecs; those that are broken are told. @throws {CONFIG_INVALID} when two have one name. */
export async function loadRegistry(settings: Settings): Promise<LoadedCodecs> {
  const project = dirname(resolve(settings.schemaPath));
  const beside = join(project, "codecs");
  const folders = isOurSource(beside) ? [ownCodecs] : [ownCodecs, beside];
  return assembleCodecs(await loadCodecPlugins({ folders, packagesFrom: project }), checkTypes);
}

/** In a checkout of Holdfast itself `codecs/` beside the schema file is the source of what is loaded already. */
function isOurSource(folder: string): boolean {
  return folder === ownCodecs || folder === resolve(import.meta.dirname, "../../../../codecs");
}

/** The types of the codecs, in an API with next to no tables. @throws when they do not fit into it. */
function checkTypes(registry: CodecRegistry): void {
  for (const facts of registry.facts.values()) checkArgumentSdl(facts);
  buildEntitySchema(leastModel, registry);
}

const leastModel = parseModel(
  [
    {
      path: "",
      text: 'extend schema @database(schema: "lab")\ntype ZzLeast @table { zzLeastId: Int! @key }',
    },
  ],
  { codecs: new Map(), stores: new Set(), defaultStore: undefined, filepathDefaultStore: undefined },
);
