/**
 * A connection to a host whose addresses were looked up once and checked: to those addresses and no others.
 *
 * Node's own client, not undici: 8.12 fails bodies that came whole when the server closes the connection without saying so, at some sizes.
 */

import type { LookupAddress } from "node:dns";
import { once } from "node:events";
import { type IncomingMessage, request as send } from "node:http";
import { type LookupFunction, connect as openSocket, type Socket } from "node:net";
import { connect as openTls } from "node:tls";
import { canonicalAddress, isAllowed } from "./address.ts";
import type { RemoteTarget } from "./rules.ts";

/** All addresses of a name, as `dns.promises.lookup` gives them. */
export type Resolve = (host: string) => Promise<readonly LookupAddress[]>;

/** Why a host was not reached. For the log: callers are told one thing whatever it was. */
class Unreachable extends Error {
  override readonly name = "Unreachable";
}

/** Status line and headers of an answer. */
const maxHeaderBytes = 16 * 2 ** 10;

/** What a GET takes besides its target. */
interface GetOptions {
  /** Every address that may be connected to, checked. */
  readonly addresses: readonly LookupAddress[];
  /** Ends whatever is being done, the body included. */
  readonly signal: AbortSignal;
}

/**
 * The addresses of the target, every one allowed.
 * @throws {Unreachable} when there is none, or when one is not allowed: a name that has public and private addresses is a trap.
 */
export async function addressesOf(target: RemoteTarget, resolve: Resolve): Promise<readonly LookupAddress[]> {
  if (target.isLiteral) return [{ address: target.host, family: target.host.includes(":") ? 6 : 4 }];
  const found = await resolve(target.host);
  if (found.length === 0) throw new Unreachable("the name has no address");
  const refused = found.find(({ address }) => !isAllowed(address, target.trust));
  if (refused !== undefined) throw new Unreachable(`the name leads to ${refused.address}`);
  return found;
}

/**
 * Sends one GET over a connection of its own: no cookies, no credentials, nothing of the caller, and no proxy whatever the environment
 * names. Answers when the headers are in.
 */
export async function get(target: RemoteTarget, options: GetOptions): Promise<IncomingMessage> {
  const socket = await connect(target, options);
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const request = send({
    createConnection: () => socket,
    path: target.url.pathname + target.url.search,
    setHost: false,
    headers: {
      host: target.url.host,
      accept: "*/*",
      // What is fetched is stored: it must be the file, not a packed form of it.
      "accept-encoding": "identity",
      connection: "close",
      "user-agent": "Holdfast",
    },
    maxHeaderSize: maxHeaderBytes,
    insecureHTTPParser: false,
    signal: options.signal,
  });
  request.on("response", resolve);
  request.on("error", reject);
  request.end();
  return await promise;
}

/** Opens a connection to one of the addresses, TLS checked against the name. @throws {Unreachable} when it went elsewhere. */
export async function connect(target: RemoteTarget, { addresses, signal }: GetOptions): Promise<Socket> {
  const lookup: LookupFunction = (_host, asked, answer) => {
    const [first] = addresses;
    if (asked.all === true) answer(null, [...addresses]);
    else answer(null, first?.address ?? "", first?.family);
  };
  const { url, host, isLiteral } = target;
  const isSecure = url.protocol === "https:";
  const port = Number(url.port || (isSecure ? 443 : 80));
  const place = { host, port, lookup, autoSelectFamily: true };
  const socket = isSecure
    ? // Certificates are checked even where NODE_TLS_REJECT_UNAUTHORIZED says otherwise for the process.
      openTls({ ...place, ...(isLiteral ? {} : { servername: host }), rejectUnauthorized: true })
    : openSocket(place);
  try {
    await once(socket, isSecure ? "secureConnect" : "connect", { signal });
    const reached = canonicalAddress(socket.remoteAddress ?? "");
    // The lookup above gives only checked addresses; this holds the connection to them, however it came to be.
    if (addresses.some(({ address }) => canonicalAddress(address) === reached)) return socket;
    throw new Unreachable(`the connection went to ${reached}`);
  } catch (error) {
    socket.on("error", () => undefined);
    socket.destroy();
    throw error;
  }
}
