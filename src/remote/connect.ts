/** A connection to a host whose addresses were looked up once and checked: to those addresses and no others. */

import type { LookupAddress } from "node:dns";
import type { LookupFunction } from "node:net";
import { Agent, buildConnector } from "undici";
import { canonicalAddress, isAllowed } from "./address.ts";
import type { RemoteTarget } from "./rules.ts";

/** All addresses of a name, as `dns.promises.lookup` gives them. */
export type Resolve = (host: string) => Promise<readonly LookupAddress[]>;

/** Why a host was not reached. For the log: callers are told one thing whatever it was. */
export class Unreachable extends Error {
  override readonly name = "Unreachable";
}

const connectMs = 10_000;
/** Status line and headers of an answer. */
const maxHeaderBytes = 16 * 2 ** 10;

/**
 * The addresses of the target, every one allowed.
 * @throws {Unreachable} when there is none, or when one is not allowed: a name that has public and private addresses is a trap.
 */
export async function addressesOf(target: RemoteTarget, resolve: Resolve): Promise<readonly LookupAddress[]> {
  if (target.isLiteral) return [{ address: target.host, family: target.host.includes(":") ? 6 : 4 }];
  const found = await resolve(target.host).catch((cause: unknown) => {
    throw new Unreachable("the name has no address", { cause });
  });
  if (found.length === 0) throw new Unreachable("the name has no address");
  const refused = found.find(({ address }) => !isAllowed(address, target.trust));
  if (refused !== undefined) throw new Unreachable(`the name leads to ${refused.address}`);
  return found;
}

/** A client that connects to `addresses` and nowhere else: not through a proxy, whatever the environment says. */
export function agentFor(addresses: readonly LookupAddress[], idleMs: number): Agent {
  return new Agent({
    connect: connectorTo(addresses),
    allowH2: false,
    connections: 1,
    // Nothing is asked for twice of one connection.
    pipelining: 0,
    maxHeaderSize: maxHeaderBytes,
    headersTimeout: idleMs,
    bodyTimeout: idleMs,
  });
}

function connectorTo(addresses: readonly LookupAddress[]): buildConnector.connector {
  const lookup: LookupFunction = (_host, options, answer) => {
    const [first] = addresses;
    if (options.all === true) answer(null, [...addresses]);
    else answer(null, first?.address ?? "", first?.family);
  };
  // Certificates are checked even where NODE_TLS_REJECT_UNAUTHORIZED says otherwise for the process.
  const connect = buildConnector({ lookup, timeout: connectMs, rejectUnauthorized: true });
  const checked = new Set(addresses.map(({ address }) => canonicalAddress(address)));
  return (options, callback) =>
    connect(options, (...result) => {
      const [error, socket] = result;
      if (error !== null) return callback(error, null);
      const reached = socket.remoteAddress ?? "";
      // The checked addresses were given to the connection; this holds it to them, however it came to be.
      if (checked.has(canonicalAddress(reached))) return callback(null, socket);
      socket.destroy();
      callback(new Unreachable(`the connection went to ${reached}`), null);
    });
}
