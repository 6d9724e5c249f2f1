/** Which URLs an import may take: judged from the URL alone, before anything is looked up or connected. */

import { ServiceError } from "../errors.ts";
import { isAllowed, type Trust } from "./address.ts";

/** One entry of `HOLDFAST_IMPORT_HOSTS` or `HOLDFAST_IMPORT_PRIVATE_HOSTS`. */
export interface HostRule {
  /** `*`, `name`, `*.name` for all names below it, or an address as a URL writes it. */
  readonly host: string;
  /** Absent: 80 for http, 443 for https. */
  readonly port?: number;
  readonly trust: Trust;
}

/** A URL that may be fetched, if its host has addresses that may be. */
export interface RemoteTarget {
  readonly url: URL;
  /** Without brackets and without a final dot. */
  readonly host: string;
  readonly isLiteral: boolean;
  readonly trust: Trust;
}

const maxUrlLength = 8192;

/**
 * The URL as it may be fetched. Only what the URL parser makes of it counts from here on, so there are no two readings of one text.
 * @throws {BAD_USER_INPUT} when it is no URL, {IMPORT_REFUSED} when no rule allows it.
 */
export function checkUrl(text: string, rules: readonly HostRule[], base?: URL): RemoteTarget {
  // Tabs and line ends are dropped by URL parsers: a URL that has them is not what its reader takes it for.
  const isPlain = text.length <= maxUrlLength && text.isWellFormed() && !/[\p{Cc}\s]/u.test(text);
  if (!isPlain || !URL.canParse(text, base?.href)) throw notUrl();
  const url = new URL(text, base);
  if (url.protocol !== "http:" && url.protocol !== "https:")
    throw refused(
      `A URL of the kind ${JSON.stringify(url.protocol.slice(0, 40))} cannot be imported`,
      "Use http or https.",
    );
  if (url.username !== "" || url.password !== "")
    throw refused("A URL with a name or password cannot be imported", "Use a URL that needs none.");
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1").replace(/\.$/, "");
  if (host === "") throw notUrl();
  url.hash = "";
  return { url, host, ...trustOf(url, host, rules) };
}

function trustOf(
  url: URL,
  host: string,
  rules: readonly HostRule[],
): Pick<RemoteTarget, "trust" | "isLiteral"> {
  const isLiteral = isAddress(host);
  const port = Number(url.port || (url.protocol === "https:" ? 443 : 80));
  const fitting = rules.filter((rule) => names(rule.host, host));
  const usable = fitting.filter((rule) => portFits(rule, port));
  const [rule] = usable.toSorted((one, other) => one.trust.localeCompare(other.trust));
  // First: no entry for public hosts would help such an address.
  if (isLiteral && !isAllowed(host, rule?.trust ?? "public")) throw notPublic(host);
  if (rule === undefined) throw fitting.length > 0 ? wrongPort(host, port) : notListed(host);
  return { isLiteral, trust: rule.trust };
}

/** The URL parser has brought every spelling of an IPv4 address into four decimal numbers. */
function isAddress(host: string): boolean {
  return host.includes(":") || /^\d+\.\d+\.\d+\.\d+$/.test(host);
}

function names(pattern: string, host: string): boolean {
  if (pattern === "*") return true;
  return pattern.startsWith("*.") ? host.endsWith(pattern.slice(1)) : pattern === host;
}

function portFits(rule: HostRule, port: number): boolean {
  return rule.port === undefined ? port === 80 || port === 443 : port === rule.port;
}

/** The text is not repeated: it may hold a password. */
function notUrl(): ServiceError {
  const remedy = `Give an http or https URL of at most ${maxUrlLength} characters, without spaces.`;
  return new ServiceError("BAD_USER_INPUT", `This is no URL that can be imported. ${remedy}`, {
    details: { field: "url", remedy },
  });
}

function refused(what: string, remedy: string, value?: string): ServiceError {
  return new ServiceError("IMPORT_REFUSED", `${what}. ${remedy}`, {
    details: { field: "url", ...(value === undefined ? {} : { value }), remedy },
  });
}

function notListed(host: string): ServiceError {
  const shown = host.slice(0, 255);
  const remedy = "The service's HOLDFAST_IMPORT_HOSTS must list it, or *.";
  return refused(`${shown} is not a host that this service imports from`, remedy, shown);
}

function wrongPort(host: string, port: number): ServiceError {
  const shown = `${host.slice(0, 255)}:${port}`;
  const remedy = `Use port 80 or 443, or let HOLDFAST_IMPORT_HOSTS list ${shown}.`;
  return refused(`${shown} has a port that this service does not import from`, remedy, shown);
}

function notPublic(host: string): ServiceError {
  const remedy = "An address that is not public must stand with its port in HOLDFAST_IMPORT_PRIVATE_HOSTS.";
  return refused(`${host} is no public address`, remedy, host);
}
