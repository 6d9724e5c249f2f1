/**
 * Which stores there are: DataJoint's own configuration, read as DataJoint reads it, so that one file serves both.
 *
 * `DJ_STORES` (the whole `stores` object as JSON), else `datajoint.json` upward from the working folder, completed by `.secrets/`;
 * with neither, one file store `main` in the data folder. Format: `docs/reference/stores.md`.
 */

import { mkdir, readFile, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { ServiceError } from "../errors.ts";
import { parseStores } from "./config-parse.ts";
import { withSecrets } from "./config-secrets.ts";
import type { StoreConfig } from "./contract.ts";
import type { LoadedDrivers } from "./load-drivers.ts";

/** The stores of one configuration. */
export interface StoreConfigs {
  readonly stores: readonly StoreConfig[];
  readonly defaultName: string | undefined;
  readonly filepathDefaultName: string | undefined;
  /** Where the configuration comes from, for messages: a file name, `DJ_STORES`, or `default`. */
  readonly source: string;
  /** Drivers that plugins bring. */
  readonly drivers?: LoadedDrivers;
}

export interface StoreConfigOptions {
  /** Where the search for `datajoint.json` begins. */
  readonly folder: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** `HOLDFAST_DATA`; the default store's folder is made in it. */
  readonly dataFolder: string;
  /** True to make no folder: for those who only read the configuration. */
  readonly readOnly?: boolean;
  /** Drivers that plugins bring; absent: none. */
  readonly drivers?: LoadedDrivers;
}

/** Reads the configuration of the stores. @throws {CONFIG_INVALID} naming the source, the key and the remedy. */
export async function readStoreConfigs(options: StoreConfigOptions): Promise<StoreConfigs> {
  const file = ignoresFile(options) ? undefined : await findConfig(options.folder);
  const fromFile = file === undefined ? undefined : await storesOf(file);
  const fromEnvironment = environmentStores(options);
  const raw = fromEnvironment ?? fromFile;
  if (raw === undefined) return defaultStores(options);
  const source = fromEnvironment === undefined ? (file ?? "datajoint.json") : "DJ_STORES";
  const complete = ignoresFile(options) ? raw : await withSecrets(raw, file && dirname(file));
  return parseStores(complete, source, options.drivers);
}

function ignoresFile(options: StoreConfigOptions): boolean {
  return ["true", "1", "yes"].includes((options.environment["DJ_IGNORE_CONFIG_FILE"] ?? "").toLowerCase());
}

/** `datajoint.json` in `folder` or above it, not beyond the folder that holds `.git` or `.hg`. */
async function findConfig(folder: string): Promise<string | undefined> {
  for (let at = resolve(folder); ; at = dirname(at)) {
    const file = join(at, "datajoint.json");
    if (await exists(file)) return file;
    const top = (await exists(join(at, ".git"))) || (await exists(join(at, ".hg")));
    if (top || dirname(at) === at) return undefined;
  }
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

async function storesOf(file: string): Promise<Record<string, unknown> | undefined> {
  const whole = expand(parseObject(await readFile(file, "utf8"), file));
  const stores = whole["stores"];
  if (stores === undefined || stores === null) return undefined;
  if (!isObject(stores)) throw invalid(file, "stores", "must be an object");
  return Object.keys(stores).length === 0 ? undefined : stores;
}

function environmentStores(options: StoreConfigOptions): Record<string, unknown> | undefined {
  const text = options.environment["DJ_STORES"];
  if (text === undefined || text.trim() === "") return undefined;
  return expand(parseObject(text, "DJ_STORES"));
}

function parseObject(text: string, source: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ServiceError(
      "CONFIG_INVALID",
      `${source} is not valid JSON: ${cause instanceof Error ? cause.message : String(cause)}.`,
      {
        details: { file: source, remedy: "Correct the JSON." },
        cause,
      },
    );
  }
  if (!isObject(value)) throw invalid(source, "(whole)", "must be a JSON object");
  return value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Nests dotted keys: `{"stores.main.protocol": "file"}` means the same as the nested form. */
function expand(value: Record<string, unknown>): Record<string, unknown> {
  const nested = emptyRecord();
  for (const [key, part] of Object.entries(value)) {
    const names = key.split(".");
    const last = names.pop() ?? "";
    const at = names.reduce(descend, nested);
    const inner = isObject(part) ? expand(part) : part;
    const there = at[last];
    at[last] = isObject(inner) && isObject(there) ? Object.assign(there, inner) : inner;
  }
  return nested;
}

function descend(at: Record<string, unknown>, name: string): Record<string, unknown> {
  const there = at[name];
  if (isObject(there)) return there;
  const made = emptyRecord();
  at[name] = made;
  return made;
}

/** Without a prototype, so that no key of the file can reach one. */
function emptyRecord(): Record<string, unknown> {
  return Object.create(null);
}

function invalid(source: string, key: string, what: string): ServiceError {
  return new ServiceError("CONFIG_INVALID", `${source}: ${key} ${what}.`, {
    details: { file: source, field: key },
  });
}

async function defaultStores({ dataFolder, readOnly, drivers }: StoreConfigOptions): Promise<StoreConfigs> {
  const location = resolve(dataFolder, "stores", "main");
  if (readOnly !== true) await makeFolder(location, dataFolder);
  return parseStores(
    { default: "main", filepath_default: "main", main: { protocol: "file", location } },
    "default",
    drivers,
  );
}

async function makeFolder(location: string, dataFolder: string): Promise<void> {
  await mkdir(location, { recursive: true }).catch((cause: unknown) => {
    throw new ServiceError("CONFIG_INVALID", `The folder ${location} of the default store cannot be made.`, {
      details: {
        field: "HOLDFAST_DATA",
        value: dataFolder,
        remedy: "Set HOLDFAST_DATA to a folder that can be written.",
      },
      cause,
    });
  });
}
