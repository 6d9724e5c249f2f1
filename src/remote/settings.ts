/** What the environment says about imports. Nothing is imported from anywhere until a host is named. */

import { ServiceError } from "../errors.ts";
import { type RemoteLimits, remoteLimitSettings } from "./body.ts";
import type { HostRule } from "./rules.ts";

/** Which hosts imports may reach, and what they may cost. */
export interface RemoteSettings {
  /** Empty: imports are off. */
  readonly rules: readonly HostRule[];
  readonly limits: RemoteLimits;
  /** Imports of one caller that run at a time. */
  readonly atATime: number;
}

/** Limits where nothing is configured. */
const defaultRemoteLimits: RemoteLimits = {
  bytes: 64 * 2 ** 30,
  totalMs: 6 * 3_600_000,
  idleMs: 30_000,
};

/** Node's timers take no more. */
const largestMs = 2 ** 31 - 1;

/** Reads the settings of imports. @throws {CONFIG_INVALID} naming the variable and the entry that is wrong. */
export function remoteSettingsFrom(
  environment: Readonly<Record<string, string | undefined>>,
): RemoteSettings {
  const whole = (setting: string, otherwise: number, most: number): number => {
    const text = environment[setting];
    if (text === undefined || text === "") return otherwise;
    const value = /^\d{1,15}$/.test(text) ? Number(text) : 0;
    if (value > 0 && value <= most) return value;
    throw wrong(setting, text, `a whole number from 1 to ${most}`);
  };
  const limit = (name: keyof RemoteLimits, most: number) =>
    whole(remoteLimitSettings[name], defaultRemoteLimits[name], most);
  return {
    rules: [
      ...entriesOf(environment, "HOLDFAST_IMPORT_HOSTS").map(publicRule),
      ...entriesOf(environment, "HOLDFAST_IMPORT_PRIVATE_HOSTS").map(privateRule),
    ],
    limits: {
      bytes: limit("bytes", 5 * 2 ** 40),
      totalMs: limit("totalMs", largestMs),
      idleMs: limit("idleMs", largestMs),
    },
    atATime: whole("HOLDFAST_MAX_IMPORTS", 4, 10_000),
  };
}

function entriesOf(environment: Readonly<Record<string, string | undefined>>, setting: string): string[] {
  const entries = (environment[setting] ?? "").split(",").map((entry) => entry.trim());
  return entries.filter((entry) => entry !== "");
}

function publicRule(entry: string): HostRule {
  const rule = ruleOf(entry, "public");
  if (rule !== undefined) return rule;
  throw wrong("HOLDFAST_IMPORT_HOSTS", entry, "a list of *, name, *.name, name:port or *.name:port");
}

function privateRule(entry: string): HostRule {
  const rule = ruleOf(entry, "private");
  if (rule?.port !== undefined && !rule.host.startsWith("*")) return rule;
  throw wrong("HOLDFAST_IMPORT_PRIVATE_HOSTS", entry, "a list of name:port, or address:port");
}

/** Names are brought into the form that the URL parser gives the names of URLs. */
function ruleOf(entry: string, trust: HostRule["trust"]): HostRule | undefined {
  const parts = /^(?<wild>\*\.)?(?<host>\*|\[[0-9a-f:.]+\]|[^\s:/?#@[\]*\\%]+)(?::(?<port>\d{1,5}))?$/i.exec(
    entry,
  );
  if (parts === null) return undefined;
  const { wild = "", host = "", port } = parts.groups ?? {};
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65_535)) return undefined;
  if (host === "*" && wild !== "") return undefined;
  const name = host === "*" ? host : parsedHost(host);
  if (name === undefined) return undefined;
  return { host: wild + name, trust, ...(port === undefined ? {} : { port: Number(port) }) };
}

function parsedHost(host: string): string | undefined {
  if (!URL.canParse(`http://${host}`)) return undefined;
  return new URL(`http://${host}`).hostname.replace(/^\[(.*)\]$/, "$1").replace(/\.$/, "");
}

function wrong(setting: string, value: string, expected: string): ServiceError {
  return new ServiceError(
    "CONFIG_INVALID",
    `${setting} has ${JSON.stringify(value.slice(0, 300))}; it must be ${expected}.`,
    { details: { field: setting, value: value.slice(0, 300), remedy: `Set ${setting} to ${expected}.` } },
  );
}
