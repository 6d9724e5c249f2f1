/**
 * The `Host` header must name this server: a page of another site that re-points its own name at this machine (DNS rebinding)
 * is refused before anything else happens.
 */

import { hostname, networkInterfaces } from "node:os";
import { ServiceError } from "../errors.ts";

/** A `Host` header taken apart; `name` is lower-case, without a trailing dot, IPv6 in brackets and compressed. */
export interface HostName {
  readonly name: string;
  readonly port?: number;
}

/** Decides which `Host` headers are answered. */
export interface HostGuard {
  /** @throws {HOST_NOT_ALLOWED} naming the setting that allows more. */
  check(header: string | undefined): HostName;
  /** The host that gives data and nothing else, where the header names it; never a host that {@link check} answers. */
  dataHost(header: string | undefined): HostName | undefined;
}

const loopbackNames = ["localhost", "127.0.0.1", "[::1]"];

/**
 * `bound` is the address that the server listens on; `more` are entries of `HOLDFAST_HOSTS`: a name stands for all ports, `name:port`
 * for one. `dataOrigin` is `HOLDFAST_DATA_ORIGIN`. @throws {CONFIG_INVALID} for an entry that is no host.
 */
export function createHostGuard(bound: string, more: readonly string[], dataOrigin?: string): HostGuard {
  const isData = dataOrigin === undefined ? () => false : dataHostTest(new URL(dataOrigin));
  const allowed = more.filter((entry) => entry.trim() !== "").map(entryOf);
  const accepted = new Map<string, HostName>();
  let forgetAt = 0;
  return {
    check(header = "") {
      // The machine's own names come and go, so what was accepted is asked for anew after a while.
      const now = performance.now();
      if (now >= forgetAt || accepted.size >= acceptedHeaders) {
        accepted.clear();
        forgetAt = now + acceptedForMs;
      }
      const known = accepted.get(header);
      if (known !== undefined) return known;
      const host = parseHost(header);
      const isOurs =
        host !== undefined &&
        !isData(host) &&
        (boundNames(bound).has(host.name) || allowed.some((entry) => matches(entry, host)));
      if (!isOurs) throw refusal(header);
      accepted.set(header, host);
      return host;
    },
    dataHost(header = "") {
      const host = dataOrigin === undefined ? undefined : parseHost(header);
      return host !== undefined && isData(host) ? host : undefined;
    },
  };
}

/** Clients leave the port out where it is the scheme's own; some proxies put it in. */
function dataHostTest(origin: URL): (host: HostName) => boolean {
  const usual = origin.protocol === "https:" ? 443 : 80;
  const port = origin.port === "" ? usual : Number(origin.port);
  return (host) => host.name === origin.hostname && (host.port ?? usual) === port;
}

const acceptedHeaders = 100;
const acceptedForMs = 1000;

/** Whether `host` is an address of this machine only. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host);
}

/** Takes a `Host` header apart; undefined when it is none. */
function parseHost(header: string): HostName | undefined {
  const match = /^(\[[0-9a-f:.]+\]|[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_-])?\.?)(?::(\d{1,5}))?$/.exec(
    header.trim().toLowerCase(),
  );
  if (match?.[1] === undefined) return undefined;
  const name = canonicalName(match[1]);
  if (name === undefined) return undefined;
  if (match[2] === undefined) return { name };
  const port = Number(match[2]);
  return port >= 1 && port <= 65535 ? { name, port } : undefined;
}

function canonicalName(name: string): string | undefined {
  if (!name.startsWith("[")) return name.replace(/\.$/, "");
  try {
    return new URL(`http://${name}/`).hostname;
  } catch {
    return undefined;
  }
}

function entryOf(entry: string): HostName {
  const host = parseHost(entry.includes("::") && !entry.startsWith("[") ? `[${entry.trim()}]` : entry);
  if (host !== undefined) return host;
  throw new ServiceError(
    "CONFIG_INVALID",
    `HOLDFAST_HOSTS has ${JSON.stringify(entry)}, which is no host name.`,
    {
      details: {
        field: "HOLDFAST_HOSTS",
        value: entry,
        remedy: "Write names or name:port, separated by commas.",
      },
    },
  );
}

function matches(entry: HostName, host: HostName): boolean {
  return entry.name === host.name && (entry.port === undefined || entry.port === host.port);
}

function boundNames(bound: string): Set<string> {
  const own =
    bound.startsWith("[") || !bound.includes(":") ? bound.toLowerCase() : `[${bound.toLowerCase()}]`;
  if (isLoopback(bound)) return new Set([...loopbackNames, own]);
  if (bound !== "0.0.0.0" && bound !== "::" && bound !== "[::]") return new Set([own]);
  // Bound to every address: the machine's own names.
  const addresses = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const shown = addresses.map((each) =>
    each.family === "IPv6" ? `[${each.address.split("%", 1)[0]}]` : each.address,
  );
  return new Set([...loopbackNames, hostname().toLowerCase(), ...shown]);
}

function refusal(header: string | undefined): ServiceError {
  const shown = (header ?? "").slice(0, 200);
  return new ServiceError(
    "HOST_NOT_ALLOWED",
    `This server does not answer for the host ${JSON.stringify(shown)}.`,
    {
      details: {
        field: "Host",
        value: shown,
        remedy: "Add the name to HOLDFAST_HOSTS, separated by commas.",
      },
    },
  );
}
