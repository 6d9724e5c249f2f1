/** Bytes of another server: redirects followed by hand, each checked like the first URL, and the body as it arrives. */

import { ServiceError } from "../errors.ts";
import { type Answer, bodyOf, failed, type RemoteLimits, shown, tooLong } from "./body.ts";
import { addressesOf, get, type Resolve } from "./connect.ts";
import { checkUrl, type HostRule, type RemoteTarget } from "./rules.ts";

/** How imports reach other servers. */
export interface RemoteOptions {
  readonly rules: readonly HostRule[];
  readonly limits: RemoteLimits;
  readonly resolve: Resolve;
}

/** What one import asks for. */
export interface RemoteRequest {
  readonly signal?: AbortSignal | undefined;
  /** True when the caller knows size or digest of the bytes, so that an end that came too early is found. */
  readonly isDeclared: boolean;
  /** Takes why a host was not reached, for the log. */
  readonly onTrouble?: ((host: string, reason: unknown) => void) | undefined;
}

/** Bytes on their way. Leaving the body early ends the connection. */
export interface RemoteBytes {
  readonly body: AsyncIterable<Uint8Array>;
  /** As the other server says; absent for chunked answers. */
  readonly sizeBytes?: number;
  /** Host that the bytes come from, after redirects. */
  readonly host: string;
}

/** Opens a URL for reading. */
export type OpenRemote = (url: string, request: RemoteRequest) => Promise<RemoteBytes>;

const maxRedirects = 3;

/** Reads from other servers by `options`. */
export function createRemote(options: RemoteOptions): OpenRemote {
  return (url, request) => open(options, url, request);
}

/**
 * Follows `text` to its bytes.
 * @throws {BAD_USER_INPUT} when it is no URL, {IMPORT_REFUSED} when a URL on the way is not allowed, {IMPORT_FAILED} when a host cannot be
 * reached or gives no file, {LIMIT_EXCEEDED} when the file is too large or takes too long.
 */
async function open(options: RemoteOptions, text: string, request: RemoteRequest): Promise<RemoteBytes> {
  const deadline = AbortSignal.timeout(options.limits.totalMs);
  const signal = request.signal === undefined ? deadline : AbortSignal.any([deadline, request.signal]);
  const call = { ...options, ...request, deadline, signal };
  let target = checkUrl(text, options.rules);
  for (let redirects = 0; ; redirects++) {
    const answer = await ask(call, target);
    if (!isRedirect(answer.status)) return bodyOf(call, target, answer);
    answer.close();
    if (redirects === maxRedirects)
      throw failed(target, `redirects more than ${maxRedirects} times`, "Give the URL that it leads to.");
    target = redirected(target, answer, options.rules);
  }
}

type Call = RemoteOptions & RemoteRequest & { readonly deadline: AbortSignal; readonly signal: AbortSignal };

/** Sends one GET: no cookies, no credentials, nothing of the caller. */
async function ask(call: Call, target: RemoteTarget): Promise<Answer> {
  // Headers that trickle in are not idle, yet they must come to an end; the body has the import's own limits.
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), call.limits.idleMs);
  try {
    return await request(call, target, AbortSignal.any([call.signal, late.signal]));
  } catch (error) {
    throw unreachable(call, target, error);
  } finally {
    clearTimeout(timer);
  }
}

async function request(call: Call, target: RemoteTarget, signal: AbortSignal): Promise<Answer> {
  const addresses = await Promise.race([addressesOf(target, call.resolve), aborted(signal)]);
  const answer = await get(target, { addresses, signal });
  return {
    status: answer.statusCode ?? 0,
    headers: answer.headersDistinct,
    body: answer,
    close: () => answer.destroy(),
  };
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

function unreachable(call: Call, target: RemoteTarget, error: unknown): unknown {
  if (call.deadline.aborted) return tooLong(call.limits);
  if (call.signal.aborted) return call.signal.reason;
  call.onTrouble?.(target.host, error);
  // One text for a name without addresses, an address that is refused and a server that does not answer: the
  // difference would tell what lies in the network of the service.
  const what = `No server that may be imported from gives a file at ${shown(target)}.`;
  const remedy =
    "Check the URL; a host without a public address must stand with its port in HOLDFAST_IMPORT_PRIVATE_HOSTS.";
  return new ServiceError("IMPORT_FAILED", `${what} ${remedy}`, {
    details: { field: "url", value: shown(target), remedy },
    cause: error,
  });
}

function isRedirect(status: number): boolean {
  return [301, 302, 303, 307, 308].includes(status);
}

/** Where an answer leads to, by the rules of a first URL. @throws {IMPORT_REFUSED} when it is not allowed, or less secure. */
function redirected(from: RemoteTarget, { headers }: Answer, rules: readonly HostRule[]): RemoteTarget {
  const [location, ...more] = headers["location"] ?? [];
  if (location === undefined || more.length > 0)
    throw failed(from, "redirects to no one place", "Give the URL of the file itself.");
  const target = onward(from, location, rules);
  if (from.url.protocol === "https:" && target.url.protocol === "http:")
    throw refusedRedirect(from, "from https to http");
  return target;
}

function onward(from: RemoteTarget, location: string, rules: readonly HostRule[]): RemoteTarget {
  try {
    return checkUrl(location, rules, from.url);
  } catch (cause) {
    // Where it leads to is not repeated: the answer of a private host may name others.
    throw refusedRedirect(from, "to a URL that this service does not import from", cause);
  }
}

function refusedRedirect(from: RemoteTarget, where: string, cause?: unknown): ServiceError {
  const remedy = "Give the URL of the file itself.";
  return new ServiceError("IMPORT_REFUSED", `The server at ${shown(from)} redirects ${where}. ${remedy}`, {
    details: { field: "url", value: shown(from), remedy },
    cause,
  });
}
