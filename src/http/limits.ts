/** The limits of the HTTP side; each error about one names the setting that changes it. */

import { ServiceError } from "../errors.ts";

export interface HttpLimits {
  /** Body of a GraphQL request, in bytes. */
  readonly bodyBytes: number;
  /** Bytes of one file that is sent to `/uploads`. */
  readonly uploadBytes: number;
  /** Request line and headers together, in bytes. */
  readonly headerBytes: number;
  /** The URL alone, in characters. */
  readonly urlLength: number;
  /** From a connection's first byte to the end of the headers. */
  readonly headersMs: number;
  /** From the headers to the end of a GraphQL body. Uploads have no such limit: they may take hours. */
  readonly bodyMs: number;
  /** A connection on which nothing moves in either direction for so long is ended. */
  readonly idleMs: number;
  /** How long a connection waits for its next request. */
  readonly keepAliveMs: number;
  /** How long a closing server waits for running requests. */
  readonly drainMs: number;
  /** One readiness check. */
  readonly checkMs: number;
  /** Connections that stream, WebSockets and event streams together. */
  readonly liveConnections: number;
  /** Operations that one WebSocket runs at a time. */
  readonly socketOperations: number;
  /** From a WebSocket's opening to its first message. */
  readonly initMs: number;
  /** How often a connection that streams is sent something; a WebSocket that has not answered by then is ended. */
  readonly pingMs: number;
  /** How often the tokens of connections that stream are looked at again. */
  readonly recheckMs: number;
}

/** Limits where nothing is configured. */
export const defaultHttpLimits: HttpLimits = {
  bodyBytes: 8 * 2 ** 20,
  uploadBytes: 5 * 2 ** 40,
  headerBytes: 32 * 2 ** 10,
  urlLength: 16 * 2 ** 10,
  headersMs: 30_000,
  bodyMs: 60_000,
  idleMs: 300_000,
  keepAliveMs: 72_000,
  drainMs: 10_000,
  checkMs: 5_000,
  liveConnections: 2_000,
  socketOperations: 100,
  initMs: 10_000,
  pingMs: 15_000,
  recheckMs: 2_000,
};

/** Names of the limits that the environment sets. */
export const limitSettings = {
  bodyBytes: "HOLDFAST_BODY_LIMIT",
  uploadBytes: "HOLDFAST_UPLOAD_LIMIT",
  idleMs: "HOLDFAST_IDLE_TIMEOUT_MS",
  drainMs: "HOLDFAST_DRAIN_TIMEOUT_MS",
  liveConnections: "HOLDFAST_MAX_LIVE_CONNECTIONS",
  socketOperations: "HOLDFAST_MAX_SOCKET_OPERATIONS",
} as const satisfies Partial<Record<keyof HttpLimits, string>>;

/** Reads the limits that the environment sets. @throws {CONFIG_INVALID} for what is no positive whole number. */
export function httpLimitsFrom(environment: Readonly<Record<string, string | undefined>>): HttpLimits {
  const read = (name: keyof typeof limitSettings): number => {
    const text = environment[limitSettings[name]];
    if (text === undefined || text === "") return defaultHttpLimits[name];
    const value = /^\d{1,15}$/.test(text) ? Number(text) : 0;
    if (value > 0) return value;
    throw new ServiceError("CONFIG_INVALID", `${limitSettings[name]} is ${JSON.stringify(text)}.`, {
      details: { field: limitSettings[name], value: text, remedy: "Write a positive whole number." },
    });
  };
  return {
    ...defaultHttpLimits,
    bodyBytes: read("bodyBytes"),
    uploadBytes: read("uploadBytes"),
    idleMs: read("idleMs"),
    drainMs: read("drainMs"),
    liveConnections: read("liveConnections"),
    socketOperations: read("socketOperations"),
  };
}

/** The refusal of something larger than a limit. */
export function limitExceeded(what: string, limit: number, setting: string): ServiceError {
  return new ServiceError("LIMIT_EXCEEDED", `${what} is larger than ${limit} bytes.`, {
    details: { limit, setting, remedy: `Send less, or raise ${setting} at the server.` },
  });
}
