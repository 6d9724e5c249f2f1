/** What the environment and the command line say, checked once, at start. */

import { resolve } from "node:path";
import type { ChangeRetention } from "../db/changes.ts";
import { ServiceError } from "../errors.ts";
import { type DecodeLimits, decodeLimitsFrom } from "../format/decode-limits.ts";
import { type HttpLimits, httpLimitsFrom } from "../http/limits.ts";
import { type JobSettings, jobSettingsFrom } from "../job/schedule.ts";
import { type UploadQuota, uploadQuotaFrom } from "../object/upload-quota.ts";
import { type RemoteSettings, remoteSettingsFrom } from "../remote/settings.ts";

/** Options of the command line that stand before the environment. */
export interface Flags {
  readonly schema?: string;
  readonly port?: string;
  readonly host?: string;
  readonly data?: string;
  readonly extensions?: string;
}

/** Everything a service is started with. Paths are absolute. */
export interface Settings {
  readonly schemaPath: string;
  /** Absent: `extensions.ts`, `.js` or `.mjs` beside the schema file, where there is one. */
  readonly extensionsPath?: string;
  readonly host: string;
  readonly port: number;
  /** True when the port was asked for: then a busy one is an error instead of a reason to take the next. */
  readonly portGiven: boolean;
  readonly dataFolder: string;
  /** Absent: the embedded database below the data folder. */
  readonly databaseUrl?: string;
  /** File of hashed bearer tokens. */
  readonly tokensFile?: string;
  /** What commands show to a server that asks for one. */
  readonly token?: string;
  /** Further names that the `Host` header may carry. */
  readonly hosts: readonly string[];
  /** Where clients reach the service, for the URLs it gives. */
  readonly publicUrl?: string;
  /** Where the bytes of values are read, when it is another host than the service's: `https://data.lab.org`. */
  readonly dataOrigin?: string;
  /** Absent: chosen by where the log goes. */
  readonly logLevel?: string;
  /** False behind a transaction-mode pooler. */
  readonly prepared: boolean;
  readonly httpLimits: HttpLimits;
  /** What decoding one stored value may take. */
  readonly decodeLimits: DecodeLimits;
  /** From where uploads may be filled. */
  readonly imports: RemoteSettings;
  readonly uploadQuota: UploadQuota;
  /** How much of the record of changes stays, for subscriptions that resume. */
  readonly changesKept: ChangeRetention;
  /** What runs by itself, and when. */
  readonly jobs: JobSettings;
  /** Fault injection of the drills: `name:action`. */
  readonly fault?: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"];

/** @throws {CONFIG_INVALID} naming the variable, its value and what it may be. */
export function readSettings(flags: Flags, environment: Environment, cwd: string): Settings {
  // A variable that is set to nothing is not set: that is how service managers and test runners clear one.
  const env: Environment = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== ""),
  );
  const port = flags.port ?? env["PORT"];
  const database = databaseUrl(env);
  const extensions = flags.extensions ?? env["HOLDFAST_EXTENSIONS"];
  return {
    schemaPath: resolve(cwd, flags.schema ?? env["HOLDFAST_SCHEMA"] ?? "schema.graphql"),
    ...optional("extensionsPath", extensions && resolve(cwd, extensions)),
    host: flags.host ?? env["HOST"] ?? "127.0.0.1",
    port: port === undefined ? 4000 : whole("PORT", port, 0, 65_535),
    portGiven: port !== undefined,
    dataFolder: resolve(cwd, flags.data ?? env["HOLDFAST_DATA"] ?? "data"),
    ...(database === undefined ? {} : { databaseUrl: database }),
    ...optional("tokensFile", env["HOLDFAST_TOKENS"] && resolve(cwd, env["HOLDFAST_TOKENS"])),
    ...optional("token", env["HOLDFAST_TOKEN"]),
    hosts: list(env["HOLDFAST_HOSTS"]),
    ...optional("publicUrl", url("HOLDFAST_URL", env["HOLDFAST_URL"], ["http:", "https:"])),
    ...optional("dataOrigin", origin("HOLDFAST_DATA_ORIGIN", env["HOLDFAST_DATA_ORIGIN"])),
    ...optional("logLevel", env["LOG_LEVEL"] && oneOf("LOG_LEVEL", env["LOG_LEVEL"], logLevels)),
    prepared: oneOf("HOLDFAST_PREPARED", env["HOLDFAST_PREPARED"] ?? "on", ["on", "off"]) === "on",
    httpLimits: httpLimitsFrom(env),
    decodeLimits: decodeLimitsFrom(env),
    imports: remoteSettingsFrom(env),
    uploadQuota: uploadQuotaFrom(env),
    changesKept: {
      keptSeconds: whole("HOLDFAST_CHANGES_KEPT", env["HOLDFAST_CHANGES_KEPT"] ?? "3600", 10, 31_536_000),
      maxEntries: whole("HOLDFAST_CHANGES_CAP", env["HOLDFAST_CHANGES_CAP"] ?? "1000000", 1000, 2 ** 31),
    },
    jobs: jobSettingsFrom(env),
    ...optional("fault", env["HOLDFAST_FAULT"]),
  };
}

function optional<K extends string>(key: K, value: string | undefined): { [key in K]?: string } {
  // The computed key is K, which TypeScript widens to string.
  return (value === undefined || value === "" ? {} : { [key]: value }) as { [key in K]?: string };
}

function list(text: string | undefined): string[] {
  return (text ?? "")
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

function databaseUrl(env: Environment): string | undefined {
  if (env["DATABASE_URL"]) return url("DATABASE_URL", env["DATABASE_URL"], ["postgres:", "postgresql:"]);
  if (!env["PGHOST"]) return undefined;
  const made = new URL("postgresql://localhost");
  made.hostname = env["PGHOST"];
  made.port = env["PGPORT"] ?? "5432";
  made.username = encodeURIComponent(env["PGUSER"] ?? "postgres");
  made.password = encodeURIComponent(env["PGPASSWORD"] ?? "");
  made.pathname = `/${encodeURIComponent(env["PGDATABASE"] ?? env["PGUSER"] ?? "postgres")}`;
  return made.href;
}

function url(name: string, text: string | undefined, protocols: readonly string[]): string | undefined {
  if (text === undefined || text === "") return undefined;
  if (URL.canParse(text) && protocols.includes(new URL(text).protocol)) return text;
  // The value may hold a password: it is not repeated.
  throw wrong(
    name,
    undefined,
    `a URL that begins with ${protocols.map((protocol) => `${protocol}//`).join(" or ")}`,
  );
}

function origin(name: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const parsed = URL.canParse(text) ? new URL(text) : undefined;
  const isOrigin = parsed !== undefined && parsed.origin === text.replace(/\/$/, "").toLowerCase();
  if (isOrigin && /^https?:$/.test(parsed.protocol)) return parsed.origin;
  throw wrong(name, undefined, "http:// or https:// and a host, without a path");
}

function whole(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw wrong(name, text, `a whole number from ${least} to ${most}`);
}

function oneOf(name: string, text: string, values: readonly string[]): string {
  if (values.includes(text)) return text;
  throw wrong(name, text, `one of ${values.join(", ")}`);
}

function wrong(name: string, value: string | undefined, expected: string): ServiceError {
  const said = value === undefined ? "is not valid" : `is ${JSON.stringify(value)}`;
  return new ServiceError("CONFIG_INVALID", `${name} ${said}; it must be ${expected}.`, {
    details: {
      field: name,
      ...(value === undefined ? {} : { value }),
      remedy: `Set ${name} to ${expected}.`,
    },
  });
}
