/** Where plugins are: in a folder of the user, and in packages that the user's `package.json` declares. Nothing else is looked at. */

import { readdir, readFile } from "node:fs/promises";
import { findPackageJSON } from "node:module";
import { basename, dirname, extname, join, relative } from "node:path";
import { ServiceError } from "../errors.ts";
import type { BrokenPlugin, PluginFile, PluginKind } from "./contract.ts";

/** What was found, in the order of names. */
export interface FoundPlugins {
  readonly files: readonly PluginFile[];
  readonly broken: readonly BrokenPlugin[];
}

/** Every `*.ts` and `*.js` file of a folder but declarations and tests. A folder that does not exist holds none. */
export async function pluginFiles(folder: string): Promise<PluginFile[]> {
  const names = await readdir(folder).catch((cause: unknown) => {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return [];
    throw new ServiceError("CONFIG_INVALID", `The folder ${folder} of plugins cannot be read.`, { cause });
  });
  return names
    .filter((name) => /\.[tj]s$/.test(name) && !/\.(?:d|test|spec)\.[tj]s$/.test(name))
    .sort()
    .map((name) => ({
      file: join(folder, name),
      source: join(folder, name),
      name: basename(name, extname(name)),
    }));
}

/**
 * Packages called `holdfast-<kind>-*` that the nearest `package.json` at or above `folder` names in `dependencies` or
 * `optionalDependencies`, found as Node finds packages. One that is merely installed is left alone.
 */
export async function pluginPackages(folder: string, kind: PluginKind): Promise<FoundPlugins> {
  const manifest = await nearestManifest(folder);
  if (manifest === undefined) return { files: [], broken: [] };
  const pattern = new RegExp(`^(?:@[^/]+/)?holdfast-${kind}-(.+)$`);
  const files: PluginFile[] = [];
  const broken: BrokenPlugin[] = [];
  for (const specifier of declared(manifest.content)) {
    const name = pattern.exec(specifier)?.[1];
    if (name === undefined) continue;
    const found = await entryOf(specifier, manifest.file);
    if (typeof found !== "string") files.push({ ...found, name });
    else
      broken.push({
        kind,
        name,
        source: specifier,
        problem: found,
        remedy: `Run npm install in ${dirname(manifest.file)}, or take it out of package.json.`,
      });
  }
  return { files, broken };
}

interface Manifest {
  readonly file: string;
  readonly content: Readonly<Record<string, unknown>>;
}

async function nearestManifest(folder: string): Promise<Manifest | undefined> {
  for (let at = folder; ; at = dirname(at)) {
    const file = join(at, "package.json");
    const text = await readFile(file, "utf8").catch(() => undefined);
    if (text !== undefined) return { file, content: parsed(text, file) };
    if (dirname(at) === at) return undefined;
  }
}

function parsed(text: string, file: string): Readonly<Record<string, unknown>> {
  try {
    return recordOf(JSON.parse(text)) ?? {};
  } catch (cause) {
    throw new ServiceError("CONFIG_INVALID", `${file} is not valid JSON, so no plugin is found by it.`, {
      details: { file, remedy: "Correct the JSON." },
      cause,
    });
  }
}

function declared(manifest: Readonly<Record<string, unknown>>): string[] {
  const names = ["dependencies", "optionalDependencies"].flatMap((key) =>
    Object.keys(recordOf(manifest[key]) ?? {}),
  );
  return [...new Set(names)].sort();
}

/** The file that an import of the package loads; or why there is none. */
async function entryOf(specifier: string, from: string): Promise<Omit<PluginFile, "name"> | string> {
  const file = findManifest(specifier, from);
  const text = file === undefined ? undefined : await readFile(file, "utf8").catch(() => undefined);
  if (file === undefined || text === undefined) return "it is declared in package.json, but not installed.";
  const content = parsed(text, file);
  const entry = exported(content["exports"]) ?? content["main"] ?? "index.js";
  const folder = dirname(file);
  const target = typeof entry === "string" ? join(folder, entry) : undefined;
  if (target === undefined || relative(folder, target).startsWith(".."))
    return "its package.json names no file of its own to load.";
  return { file: target, source: `${specifier} ${String(content["version"] ?? "without version")}` };
}

function findManifest(specifier: string, from: string): string | undefined {
  try {
    return findPackageJSON(specifier, from);
  } catch {
    return undefined;
  }
}

/** Conditions that an `import` on Node meets. */
const conditions: ReadonlySet<string> = new Set(["node", "import", "module-sync", "default"]);

function exported(exports: unknown): unknown {
  const record = recordOf(exports);
  if (record === undefined) return exports;
  if ("." in record) return exported(record["."]);
  const [, met] = Object.entries(record).find(([key]) => conditions.has(key)) ?? [];
  return exported(met);
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return { ...value };
}
