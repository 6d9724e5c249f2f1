/** Loads codecs: every `*.ts` and `*.js` file of the given folders, and the packages that the user has declared. */

import { basename, extname } from "node:path";
import { ServiceError } from "../errors.ts";
import { checkContract } from "../plugin/contract-version.ts";
import { type LoadedPlugins, loadPlugin, loadPlugins, type PluginPlaces } from "../plugin/load.ts";
import { fromFile } from "./codec-file.ts";
import { type Codec, codecContract, defineCodec } from "./contract.ts";

/** The codecs of all places, and those that cannot be loaded. */
export function loadCodecPlugins(places: PluginPlaces): Promise<LoadedPlugins<Codec>> {
  return loadPlugins("codec", places, checkedCodec);
}

/**
 * Codecs of all folders, in the order of folders and file names.
 * @throws {CONFIG_INVALID} naming the file that cannot be loaded, and why.
 */
export async function loadCodecs(folders: readonly string[]): Promise<Codec[]> {
  const { loaded, broken } = await loadCodecPlugins({ folders });
  const [first] = broken;
  if (first === undefined) return loaded.map(({ plugin }) => plugin);
  throw new ServiceError("CONFIG_INVALID", `The codec file ${first.source}: ${first.problem}`, {
    details: { file: first.source, remedy: first.remedy },
  });
}

/** One codec from its file. @throws {CONFIG_INVALID} naming the file. */
export async function loadCodec(file: string): Promise<Codec> {
  const name = basename(file, extname(file));
  return (await loadPlugin({ file, source: file, name }, checkedCodec)).plugin;
}

function checkedCodec(exported: unknown, file: string): Codec {
  if (!isCodec(exported)) {
    throw new ServiceError("CONFIG_INVALID", "it has no codec as its default export", {
      details: { remedy: "Write: export default defineCodec({ … })." },
    });
  }
  // First: what a newer contract says otherwise is no fault of the codec.
  checkContract("codec", exported.contract, { oldest: 1, newest: codecContract });
  return fromFile(defineCodec(exported), file);
}

function isCodec(value: unknown): value is Codec {
  if (typeof value !== "object" || value === null) return false;
  const has = (key: string, type: string) => typeof Reflect.get(value, key) === type;
  const texts = ["name", "summary", "output", "input", "typeDefs"].every((key) => has(key, "string"));
  const parts = ["chain", "fields"].every((key) => has(key, "object") && Reflect.get(value, key) !== null);
  return texts && parts && has("decode", "function") && has("encode", "function");
}
