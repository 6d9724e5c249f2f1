/** Checks a `stores` object and gives every store its defaults. Format: `docs/reference/stores.md`. */

import { isAbsolute, relative } from "node:path";
import { ServiceError } from "../errors.ts";
import type { StoreConfigs } from "./config.ts";
import type { StoreConfig } from "./contract.ts";
import type { LoadedDrivers } from "./load-drivers.ts";
import { ownProtocols, type ProtocolKeys } from "./protocols.ts";

const common = [
  "protocol",
  "location",
  "subfolding",
  "partition_pattern",
  "token_length",
  "hash_prefix",
  "schema_prefix",
  "filepath_prefix",
  "stage",
];

/** Sections of a store that are ours, whatever its prefixes. */
const reserved = ["_trash", "_obj"];

/** The stores of `raw`, checked. @throws {CONFIG_INVALID} naming the source, the key and the remedy. */
export function parseStores(
  raw: Readonly<Record<string, unknown>>,
  source: string,
  drivers?: LoadedDrivers,
): StoreConfigs {
  const entries = Object.entries(raw).filter(([name]) => !["default", "filepath_default", ""].includes(name));
  const stores = entries.map(([name, value]) => parseStore(new Reader(source, name, value), drivers));
  const names = stores.map((store) => store.name);
  const pick = (key: "default" | "filepath_default"): string | undefined => {
    const name = raw[key];
    if (name === undefined || name === null) return undefined;
    if (typeof name === "string" && names.includes(name)) return name;
    throw invalid({
      source,
      key: `stores.${key}`,
      what: `names ${JSON.stringify(name)}, which is not configured`,
      remedy: `Choose one of: ${names.join(", ") || "(none)"}.`,
    });
  };
  for (const [index, store] of stores.entries()) {
    for (const other of stores.slice(0, index)) refuseOverlap(source, store, other);
  }
  return {
    stores,
    defaultName: pick("default"),
    filepathDefaultName: pick("filepath_default"),
    source,
    ...(drivers === undefined ? {} : { drivers }),
  };
}

/** What a protocol's keys are: `anything` where its driver is broken, so that nobody can tell. */
function keysOf(reader: Reader, name: string, drivers: LoadedDrivers | undefined): ProtocolKeys | "anything" {
  const own = Object.hasOwn(ownProtocols, name) ? ownProtocols[name] : undefined;
  if (own !== undefined) return own;
  const plugin = drivers?.byProtocol.get(name)?.plugin;
  if (plugin !== undefined)
    return { required: plugin.keys?.required ?? [], further: plugin.keys?.further ?? [] };
  if (drivers?.broken.some((one) => one.name === name) === true) return "anything";
  const known = [...Object.keys(ownProtocols), ...(drivers?.byProtocol.keys() ?? [])].join(", ");
  throw reader.wrong(
    "protocol",
    `is ${JSON.stringify(name)}, which no driver serves`,
    `Use one of: ${known}; or install a driver, such as the package holdfast-driver-${name}.`,
  );
}

function parseStore(reader: Reader, drivers: LoadedDrivers | undefined): StoreConfig {
  const protocolName = reader.text("protocol");
  if (protocolName === undefined)
    throw reader.wrong(
      "protocol",
      "is missing",
      `Set it to one of: ${Object.keys(ownProtocols).join(", ")}.`,
    );
  const told = keysOf(reader, protocolName, drivers);
  const protocol = told === "anything" ? { required: [], further: reader.strangers(common) } : told;
  const driverKeys = [...protocol.required, ...protocol.further].filter((key) => !common.includes(key));
  reader.allowOnly([...common, ...driverKeys]);
  for (const key of protocol.required) {
    if (!reader.has(key)) throw reader.wrong(key, "is missing", `The protocol ${protocolName} needs it.`);
  }
  const location = reader.text("location") ?? "";
  if (protocolName === "file" && !isAbsolute(location)) {
    throw reader.wrong(
      "location",
      `is ${JSON.stringify(location)}, which is not an absolute path`,
      "Write the path from the root on.",
    );
  }
  const driver = Object.fromEntries(
    driverKeys.filter((key) => reader.has(key)).map((key) => [key, reader.value(key)]),
  );
  return { name: reader.name, protocol: protocolName, location, ...layoutOf(reader), driver };
}

function layoutOf(reader: Reader): Omit<StoreConfig, "name" | "protocol" | "location" | "driver"> {
  const prefixes = {
    hash_prefix: prefixOf(reader, "hash_prefix") ?? "_hash",
    schema_prefix: prefixOf(reader, "schema_prefix") ?? "_schema",
    filepath_prefix: prefixOf(reader, "filepath_prefix"),
  };
  refuseNestedPrefixes(reader, prefixes);
  const subfolding = reader.lengths("subfolding");
  const partitionPattern = reader.text("partition_pattern");
  return {
    hashPrefix: prefixes.hash_prefix,
    schemaPrefix: prefixes.schema_prefix,
    ...(prefixes.filepath_prefix === undefined ? {} : { filepathPrefix: prefixes.filepath_prefix }),
    ...(subfolding === undefined ? {} : { subfolding }),
    ...(partitionPattern === undefined ? {} : { partitionPattern }),
    tokenLength: Math.min(16, Math.max(4, reader.integer("token_length") ?? 8)),
  };
}

function prefixOf(reader: Reader, key: string): string | undefined {
  const prefix = reader.text(key)?.replace(/^\/+|\/+$/g, "");
  if (prefix === undefined || prefix === "") return prefix;
  const wrong = prefix
    .split("/")
    .some((part) => part === "" || part === "." || part === ".." || part.includes("\\"));
  if (wrong)
    throw reader.wrong(
      key,
      `is ${JSON.stringify(prefix)}, which is no canonical path`,
      "Use plain names joined by '/'.",
    );
  return prefix;
}

function refuseNestedPrefixes(reader: Reader, prefixes: Readonly<Record<string, string | undefined>>): void {
  const all: (readonly [string, string])[] = reserved.map((name) => [name, name]);
  for (const [key, prefix] of Object.entries(prefixes)) {
    if (prefix === undefined || prefix === "") continue;
    const other = all.find(
      ([, there]) => `${there}/`.startsWith(`${prefix}/`) || `${prefix}/`.startsWith(`${there}/`),
    );
    if (other !== undefined) {
      throw reader.wrong(
        key,
        `is ${JSON.stringify(prefix)}, which overlaps ${other[0]}`,
        "Give every section a folder of its own.",
      );
    }
    all.push([key, prefix]);
  }
}

function refuseOverlap(source: string, store: StoreConfig, other: StoreConfig): void {
  if (store.protocol !== other.protocol || JSON.stringify(place(store)) !== JSON.stringify(place(other)))
    return;
  const inside = (from: string, to: string): boolean => {
    const path = relative(`/${from}`, `/${to}`);
    return path === "" || (path !== ".." && !path.startsWith("../"));
  };
  if (!inside(store.location, other.location) && !inside(other.location, store.location)) return;
  throw invalid({
    source,
    key: `stores.${store.name}.location`,
    what: `lies inside, around or at the location of the store ${JSON.stringify(other.name)}`,
    remedy: "Give every store a location of its own.",
  });
}

function place(store: StoreConfig): unknown {
  if (!Object.hasOwn(ownProtocols, store.protocol)) return store.driver;
  // One server, however it is written.
  const endpoint = String(store.driver["endpoint"] ?? "").toLowerCase();
  const host = endpoint.replace(/^https?:\/\//, "").replace(/(:80|:443)?\/*$/, "");
  return [host, store.driver["bucket"] ?? store.driver["container"]];
}

/** Typed access to the keys of one store. */
class Reader {
  readonly name: string;
  readonly #source: string;
  readonly #values: ReadonlyMap<string, unknown>;

  constructor(source: string, name: string, value: unknown) {
    this.name = name;
    this.#source = source;
    if (!/^[A-Za-z][A-Za-z0-9_-]{0,62}$/.test(name)) {
      throw this.wrong("", "is no store name", "Use a letter, then at most 62 letters, digits, '_' or '-'.");
    }
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw this.wrong("", "must be an object", "Write the keys of the store in braces.");
    }
    this.#values = new Map(Object.entries(value));
  }

  /** Keys that are not among `keys`. */
  strangers(keys: readonly string[]): string[] {
    return [...this.#values.keys()].filter((key) => !keys.includes(key));
  }

  has(key: string): boolean {
    return this.value(key) !== undefined;
  }

  /** `null` counts as absent, as with the peer. */
  value(key: string): unknown {
    return this.#values.get(key) ?? undefined;
  }

  allowOnly(keys: readonly string[]): void {
    for (const key of this.#values.keys()) {
      if (!keys.includes(key)) throw this.wrong(key, "is not a known key", `Known are: ${keys.join(", ")}.`);
    }
  }

  text(key: string): string | undefined {
    const value = this.value(key);
    if (value === undefined || typeof value === "string") return value;
    throw this.wrong(key, "must be text", "Put it in quotes.");
  }

  integer(key: string): number | undefined {
    const value = this.value(key);
    if (value === undefined || (typeof value === "number" && Number.isInteger(value))) return value;
    throw this.wrong(key, "must be a whole number", "Write it without quotes.");
  }

  lengths(key: string): readonly number[] | undefined {
    const value = this.value(key);
    if (value === undefined) return undefined;
    const isLength = (part: unknown): part is number => Number.isInteger(part) && Number(part) > 0;
    if (Array.isArray(value) && value.every(isLength) && value.reduce((sum, part) => sum + part, 0) <= 26)
      return value;
    throw this.wrong(
      key,
      "must be a list of positive whole numbers, 26 in all at most",
      "For example [2, 2].",
    );
  }

  wrong(key: string, what: string, remedy: string): ServiceError {
    return invalid({ source: this.#source, key: `stores.${this.name}${key && `.${key}`}`, what, remedy });
  }
}

function invalid(fault: { source: string; key: string; what: string; remedy: string }): ServiceError {
  return new ServiceError("CONFIG_INVALID", `${fault.source}: ${fault.key} ${fault.what}. ${fault.remedy}`, {
    details: { file: fault.source, field: fault.key, remedy: fault.remedy },
  });
}
