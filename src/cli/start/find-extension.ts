/** The extension file of a service: the one named, else the one beside the schema file, else none. */

import { access } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type LoadedExtension, loadExtension } from "../../extend/load.ts";
import type { Settings } from "../settings.ts";

/** Names that are looked for beside the schema file. */
const names = ["extensions.ts", "extensions.js", "extensions.mjs"];

/** Where the extension is, or would be: the first that is there counts. */
export function extensionPaths({ extensionsPath, schemaPath }: Settings): readonly string[] {
  if (extensionsPath !== undefined) return [extensionsPath];
  return names.map((name) => join(dirname(schemaPath), name));
}

/** Loads the extension as its file is now. @throws {CONFIG_INVALID} when it is there and cannot be loaded. */
export async function findExtension(settings: Settings): Promise<LoadedExtension | undefined> {
  for (const path of extensionPaths(settings)) {
    if (path === settings.extensionsPath || (await isThere(path))) return loadExtension(path);
  }
  return undefined;
}

async function isThere(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
