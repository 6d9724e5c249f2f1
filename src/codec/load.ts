/** Loads codec plugins: every `*.ts` and `*.js` file of the given folders. Nothing else is looked for or loaded. */

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { isServiceError, ServiceError } from "../errors.ts";
import { fromFile } from "./codec-file.ts";
import { type Codec, defineCodec } from "./contract.ts";

/**
 * Codecs of all folders, in the order of folders and file names. A folder that does not exist holds none.
 * @throws {CONFIG_INVALID} naming the file that cannot be loaded, and why.
 */
export async function loadCodecs(folders: readonly string[]): Promise<Codec[]> {
  const codecs: Codec[] = [];
  for (const folder of folders) {
    for (const name of await codecFiles(folder)) codecs.push(await loadCodec(join(folder, name)));
  }
  return codecs;
}

async function codecFiles(folder: string): Promise<string[]> {
  try {
    const names = await readdir(folder);
    return names.filter((name) => /\.[tj]s$/.test(name) && !/\.(?:d|test|spec)\.[tj]s$/.test(name)).sort();
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return [];
    throw new ServiceError("CONFIG_INVALID", `The codec folder ${folder} cannot be read.`, { cause });
  }
}

/** One codec from its file. @throws {CONFIG_INVALID} naming the file. */
export async function loadCodec(file: string): Promise<Codec> {
  let exported: unknown;
  try {
    const module: { readonly default?: unknown } = await import(pathToFileURL(file).href);
    exported = module.default;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ServiceError("CONFIG_INVALID", `The codec file ${file} cannot be loaded: ${why}`, {
      details: { file },
      cause,
    });
  }
  if (!isCodec(exported)) {
    throw new ServiceError(
      "CONFIG_INVALID",
      `The codec file ${file} has no codec as its default export. Write: export default defineCodec({ … }).`,
      { details: { file } },
    );
  }
  return checkedCodec(exported, file);
}

function checkedCodec(codec: Codec, file: string): Codec {
  try {
    return fromFile(defineCodec(codec), file);
  } catch (cause) {
    if (!isServiceError(cause)) throw cause;
    throw new ServiceError("CONFIG_INVALID", `The codec file ${file}: ${cause.message}`, {
      details: { file },
      cause,
    });
  }
}

function isCodec(value: unknown): value is Codec {
  if (typeof value !== "object" || value === null) return false;
  const has = (key: string, type: string) => typeof Reflect.get(value, key) === type;
  const texts = ["name", "summary", "output", "input", "typeDefs"].every((key) => has(key, "string"));
  const parts = ["chain", "fields"].every((key) => has(key, "object") && Reflect.get(value, key) !== null);
  return texts && parts && has("decode", "function") && has("encode", "function");
}
