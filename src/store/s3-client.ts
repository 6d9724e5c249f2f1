/** One connection to one S3 store, and the single place where its errors are translated. */

import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { getCACertificates } from "node:tls";
import { S3Client } from "@aws-sdk/client-s3";
import { ServiceError } from "../errors.ts";
import { checkPath } from "./path.ts";
import type { S3Settings } from "./s3-config.ts";
import { type S3Attempt, s3Error } from "./s3-error.ts";
import { signKnownDigests } from "./s3-payload.ts";
import { PlainCalls } from "./s3-plain.ts";
import { Slots } from "./slots.ts";

/** Times and sizes of an S3 driver; tests make them small. */
export interface S3Limits {
  /** How long a server may send nothing, in milliseconds. */
  readonly stallMs: number;
  readonly connectMs: number;
  /** Attempts of one call, the first included. */
  readonly attempts: number;
  /** How long a server may take to put the parts of a large object together; some copy them, and say nothing meanwhile. */
  readonly assemblyMs: number;
  /** Bytes of a part of a multipart upload; S3 wants 5 MiB at least. */
  readonly partBytes: number;
  /** Bytes that one request copies: a server may send nothing before it is done, and must not be taken for lost. */
  readonly copyBytes: number;
}

export const defaultS3Limits: S3Limits = {
  stallMs: 30_000,
  connectMs: 5_000,
  attempts: 5,
  assemblyMs: 600_000,
  partBytes: 8 << 20,
  copyBytes: 512 << 20,
};

/** What every operation of the driver stands on. */
export interface S3Context {
  readonly client: S3Client;
  /** For requests that take the server long: see {@link S3Limits.assemblyMs}. */
  readonly patientClient: S3Client;
  /** For the calls that come by the thousand. */
  readonly plain: PlainCalls;
  readonly settings: S3Settings;
  readonly limits: S3Limits;
  readonly agent: HttpAgent;
  /** Bounds the parts that all uploads together have on their way. */
  readonly slots: Slots;
  /** Runs one call; what it throws is an error of the service, or the signal's own reason. */
  call<T>(attempt: S3Attempt, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T>;
  /** The key of a path. @throws {BAD_USER_INPUT} when the path is not canonical, or too long with the location. */
  key(path: string): string;
}

/** The options of one SDK call that `signal` can end. */
export function until(signal: AbortSignal | undefined): { abortSignal?: AbortSignal } {
  return signal === undefined ? {} : { abortSignal: signal };
}

const maxKeyBytes = 1024;

export function createS3Context(settings: S3Settings, limits: S3Limits): S3Context {
  const agent = agentOf(settings);
  const client = clientOf(settings, limits, agent);
  return {
    client,
    patientClient: clientOf(settings, { ...limits, stallMs: limits.assemblyMs, attempts: 2 }, agent),
    plain: new PlainCalls({ client, settings, limits, agent }),
    settings,
    limits,
    agent,
    slots: new Slots(8),
    call: (attempt, signal, work) => call(settings, { attempt, signal, work }),
    key: (path) => keyOf(settings, path),
  };
}

function clientOf(settings: S3Settings, limits: S3Limits, agent: HttpAgent): S3Client {
  const client = new S3Client({
    endpoint: settings.endpoint,
    region: settings.region,
    // As the peer's client does: the bucket goes into the host name only where AWS itself serves it.
    forcePathStyle: !settings.isAws,
    followRegionRedirects: settings.isAws,
    ...(settings.credentials === undefined ? {} : { credentials: settings.credentials }),
    maxAttempts: limits.attempts,
    retryMode: "standard",
    // Other servers than AWS stumble over checksums that nobody asked for.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    requestHandler: {
      connectionTimeout: limits.connectMs,
      socketTimeout: limits.stallMs,
      httpAgent: agent,
      ...(agent instanceof HttpsAgent ? { httpsAgent: agent } : {}),
    },
  });
  signKnownDigests(client);
  return client;
}

function agentOf(settings: S3Settings): HttpAgent {
  const { proxy, authorities } = settings;
  const options = {
    keepAlive: true,
    maxSockets: 64,
    ...(proxy === undefined ? {} : { proxyEnv: { HTTP_PROXY: proxy, HTTPS_PROXY: proxy } }),
  };
  if (!settings.endpoint.startsWith("https:")) return new HttpAgent(options);
  const ca = authorities === undefined ? {} : { ca: [...getCACertificates("default"), authorities] };
  return new HttpsAgent({ ...options, ...ca });
}

interface Call<T> {
  readonly attempt: S3Attempt;
  readonly signal: AbortSignal | undefined;
  readonly work: () => Promise<T>;
}

async function call<T>(settings: S3Settings, { attempt, signal, work }: Call<T>): Promise<T> {
  signal?.throwIfAborted();
  try {
    return await work();
  } catch (error) {
    signal?.throwIfAborted();
    throw s3Error(settings, attempt, error);
  }
}

function keyOf(settings: S3Settings, path: string): string {
  const key = settings.prefix + checkPath(path);
  if (Buffer.byteLength(key) <= maxKeyBytes) return key;
  throw new ServiceError("BAD_USER_INPUT", `The path is too long for the store ${settings.name}.`, {
    details: {
      field: "path",
      limit: maxKeyBytes - Buffer.byteLength(settings.prefix),
      remedy: "Use shorter names.",
    },
  });
}
