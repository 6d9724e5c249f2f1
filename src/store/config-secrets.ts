/** Secrets of the stores: one value a file, named `stores.<name>.<attribute>`. They fill what the configuration leaves out. */

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

const systemFolder = "/run/secrets/datajoint";

/** `stores` completed by the secrets beside the configuration file, or else by the system's. */
export async function withSecrets(
  stores: Readonly<Record<string, unknown>>,
  besideConfig: string | undefined,
): Promise<Record<string, unknown>> {
  const beside = besideConfig === undefined ? undefined : join(besideConfig, ".secrets");
  const folder = beside !== undefined && (await namesIn(beside)) !== undefined ? beside : systemFolder;
  const complete: Record<string, unknown> = { ...stores };
  for (const file of (await namesIn(folder)) ?? []) {
    const [, name, attribute] = /^stores\.([^.]+)\.([^.]+)$/.exec(file) ?? [];
    if (name === undefined || attribute === undefined) continue;
    const store = complete[name];
    if (typeof store !== "object" || store === null || Array.isArray(store) || attribute in store) continue;
    complete[name] = { ...store, [attribute]: (await readFile(join(folder, file), "utf8")).trim() };
  }
  return complete;
}

function namesIn(folder: string): Promise<string[] | undefined> {
  return readdir(folder).catch(() => undefined);
}
