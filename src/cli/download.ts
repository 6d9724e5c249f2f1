/** One file of a data URL to one local file: whole and checked, or not there. */

import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { link, mkdir, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type ErrorCode, errorTable, ServiceError } from "../errors.ts";
import { translated } from "./ask.ts";

/** What was written. */
export interface Written {
  readonly path: string;
  readonly bytes: number;
  /** The digest that the server gave and the bytes had; absent where the server knows none. */
  readonly sha256?: string;
}

/** How a file is fetched. */
export interface DownloadOptions {
  readonly force: boolean;
  readonly signal: AbortSignal;
}

/**
 * Writes beside the target and renames, so that a cut transfer leaves nothing that looks whole.
 * @throws {CONFLICT} when there is a file already and `force` is not set, {OBJECT_CORRUPT} when the bytes are not those of the digest.
 */
export async function download(
  url: string,
  path: string,
  { force, signal }: DownloadOptions,
): Promise<Written> {
  if (!force && (await isThere(path))) throw exists(path);
  const response = await open(url, signal);
  await mkdir(dirname(path), { recursive: true });
  const partial = `${path}.${process.pid}.part`;
  try {
    const received = await receive(response, createWriteStream(partial, { flags: "wx" }), signal);
    checkReceived(path, response, received);
    if (force) await rename(partial, path);
    else await link(partial, path).catch((error: unknown) => Promise.reject(linkError(error, path)));
    return { path, bytes: received.bytes, ...(declaredDigest(response) && { sha256: received.sha256 }) };
  } finally {
    await rm(partial, { force: true });
  }
}

/** Sends the bytes to standard output; what arrives cut or damaged ends in an error. */
export async function downloadToStdout(url: string, signal: AbortSignal): Promise<number> {
  const response = await open(url, signal);
  const received = await receive(response, process.stdout, signal);
  checkReceived("the value", response, received);
  return received.bytes;
}

async function open(url: string, signal: AbortSignal): Promise<Response> {
  const response = await fetch(url, { signal, headers: { "accept-encoding": "identity" } }).catch(
    (error: unknown) => Promise.reject(translated(error, { url: new URL(url).origin })),
  );
  if (response.ok) return response;
  throw await refusal(response);
}

interface Received {
  readonly bytes: number;
  readonly sha256: string;
}

async function receive(
  response: Response,
  to: NodeJS.WritableStream,
  signal: AbortSignal,
): Promise<Received> {
  const hash = createHash("sha256");
  let bytes = 0;
  const measure = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      bytes += chunk.length;
      done(null, chunk);
    },
  });
  const source = response.body === null ? Readable.from([]) : Readable.fromWeb(response.body);
  // Standard output stays open: others may still write to it.
  await pipeline(source, measure, to, { signal, end: to !== process.stdout });
  return { bytes, sha256: hash.digest("hex") };
}

function checkReceived(name: string, response: Response, { bytes, sha256 }: Received): void {
  const length = response.headers.get("content-length");
  if (length !== null && Number(length) !== bytes) {
    throw new ServiceError("SERVER_UNAVAILABLE", `${name}: ${bytes} of ${length} bytes arrived.`, {
      details: { value: name, remedy: "Try again." },
    });
  }
  const declared = declaredDigest(response);
  if (declared === undefined || declared === sha256) return;
  throw new ServiceError("OBJECT_CORRUPT", `${name}: the bytes have SHA-256 ${sha256}, not ${declared}.`, {
    details: { value: name, remedy: "Try again; if it stays so, the object in the store is damaged." },
  });
}

/** A strong ETag `"sha256:<hex>"` is the digest of the whole. */
function declaredDigest(response: Response): string | undefined {
  return /^"sha256:([0-9a-f]{64})"$/.exec(response.headers.get("etag") ?? "")?.[1];
}

/** The server's own error, with its code, so that exit codes are those of the table. */
export async function refusal(response: Response): Promise<ServiceError> {
  const text = await response.text();
  const { message, extensions } = toldIn(text);
  const code = Object.keys(errorTable).find((name): name is ErrorCode => name === extensions?.["code"]);
  return new ServiceError(code ?? "SERVER_UNAVAILABLE", message ?? `HTTP ${response.status}: ${text}`, {
    details: { ...extensions },
  });
}

function toldIn(text: string): { message?: string; extensions?: Readonly<Record<string, unknown>> } {
  try {
    // Holdfast answers every error in the shape of GraphQL; anything else shows as text.
    const { errors } = JSON.parse(text) as {
      errors?: { message: string; extensions: Record<string, unknown> }[];
    };
    return errors?.[0] ?? {};
  } catch {
    return {};
  }
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function linkError(error: unknown, path: string): unknown {
  return error instanceof Error && "code" in error && error.code === "EEXIST" ? exists(path) : error;
}

function exists(path: string): ServiceError {
  return new ServiceError("CONFLICT", `${path} exists already.`, {
    details: { value: path, remedy: "Name another with -o, or replace it with --force." },
  });
}
