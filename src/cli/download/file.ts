/** One file of a data URL to one local file: whole and checked, or not there. Large ones come in pieces and can be gone on with. */

import { createHash } from "node:crypto";
import { mkdir, open, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { eachAtOnce } from "../../client/each.ts";
import { retrying } from "../../client/retry.ts";
import { isServiceError, ServiceError } from "../../errors.ts";
import { dropPart, PartFile } from "./part-file.ts";
import { exists, isThere, moveInto } from "./place.ts";
import { bodyOf, type DataFacts, type DataSource, factsOf } from "./source.ts";
import { missingPieces, type Span } from "./spans.ts";

/** What was written. */
export interface Written {
  readonly path: string;
  readonly bytes: number;
  /** Of what was fetched; absent for what its owner may change at any time. */
  readonly etag?: string;
  /** The digest that the server gave and the bytes had; absent where the server knows none. */
  readonly sha256?: string;
}

/** How a file is fetched. */
export interface DownloadOptions {
  readonly force: boolean;
  /** False: what an earlier run has left is dropped. */
  readonly resume: boolean;
  /** Requests at a time. */
  readonly parallel: number;
  readonly signal: AbortSignal;
  /** Told of bytes as they come, those of an earlier run included; less than before when a piece was begun anew. */
  readonly progress: (done: number, total: number) => void;
}

/** Where a file goes. */
export interface Target {
  readonly path: string;
  /** Where its bytes lie until they are all there. */
  readonly partial: string;
}

/** What comes by one request; anything larger comes in pieces of this size. */
const pieceBytes = 16 * 2 ** 20;

/**
 * Fetches a file.
 * @throws {CONFLICT} when there is a file already and `force` is not set, {OBJECT_CORRUPT} when the bytes are not those of the digest,
 * {REFERENCE_CHANGED} when the value was replaced meanwhile: bytes of two values are never put together.
 */
export async function download(source: DataSource, to: Target, options: DownloadOptions): Promise<Written> {
  if (!options.force && (await isThere(to.path))) throw exists(to.path);
  await mkdir(dirname(to.path), { recursive: true });
  await mkdir(dirname(to.partial), { recursive: true });
  if (!options.resume) await PartFile.discard(to.partial);
  const left = options.resume ? await resumable(source, to, options) : undefined;
  const begun = left ?? (await begin(source, to, options));
  return "bytes" in begun ? begun : await finishPieces(source, to, { ...options, ...begun });
}

interface Pieces {
  readonly part: PartFile;
  readonly sha256: string | undefined;
}

/** What an earlier run has left, if it is of the value that is there now. */
async function resumable(
  source: DataSource,
  to: Target,
  { signal }: DownloadOptions,
): Promise<Pieces | undefined> {
  const part = await PartFile.resume(to.partial);
  if (part === undefined) return undefined;
  try {
    // A byte, not a HEAD: the reason of a refusal comes in a body.
    const ask = { span: [0, 1], ifMatch: part.of.etag, signal } as const;
    const response = await retrying(() => source.ask(ask), signal);
    await response.body?.cancel();
    const facts = response.status === 206 ? factsOf(response) : undefined;
    if (facts?.sizeBytes === part.of.sizeBytes) return { part, sha256: facts.sha256 };
  } catch (error) {
    await part.close();
    throw error;
  }
  await part.close();
  await dropPart(to.partial);
  return undefined;
}

/** The first request brings all of a small file, and of a large one what is to be known. */
async function begin(source: DataSource, to: Target, options: DownloadOptions): Promise<Written | Pieces> {
  const { signal } = options;
  return await retrying(async () => {
    const first = await source.ask({ span: [0, pieceBytes], signal });
    const facts = factsOf(first);
    if (first.status === 200 || facts.sizeBytes <= pieceBytes)
      return await saveWhole(first, to, { ...options, facts });
    await first.body?.cancel();
    const { etag, sizeBytes, sha256 } = facts;
    if (etag !== undefined) return { part: await PartFile.begin(to.partial, { etag, sizeBytes }), sha256 };
    // The user's own files may change at any time: only one answer is sure to be of one file.
    const whole = await source.ask({ signal });
    return await saveWhole(whole, to, { ...options, facts: factsOf(whole) });
  }, signal);
}

interface Whole extends DownloadOptions {
  readonly facts: DataFacts;
}

async function saveWhole(response: Response, to: Target, whole: Whole): Promise<Written> {
  const { facts, signal, force, progress } = whole;
  const partial = `${to.partial}.${process.pid}`;
  const hash = createHash("sha256");
  let bytes = 0;
  const file = await open(partial, "w");
  try {
    // The 416 is about a range of nothing, not about the value.
    const body = response.status === 416 ? [] : bodyOf(response, signal);
    for await (const chunk of body) {
      hash.update(chunk);
      await file.writeFile(chunk);
      bytes += chunk.length;
      progress(bytes, facts.sizeBytes);
    }
    await file.sync();
    check(to.path, facts, { bytes, sha256: hash.digest("hex") });
    await file.close();
    await moveInto(partial, to.path, force);
  } finally {
    await file.close();
    await rm(partial, { force: true });
  }
  return written(to.path, facts);
}

async function finishPieces(
  source: DataSource,
  to: Target,
  options: DownloadOptions & Pieces,
): Promise<Written> {
  const { part, sha256, signal, force, parallel, progress } = options;
  const { sizeBytes } = part.of;
  try {
    progress(part.doneBytes, sizeBytes);
    const pieces = missingPieces(part.done, sizeBytes, pieceBytes);
    await eachAtOnce(pieces, { width: parallel, signal }, (piece, stop) =>
      fetchPiece(source, piece, { part, signal: stop, progress }),
    );
    const facts = { ...part.of, ...(sha256 === undefined ? {} : { sha256 }) };
    if (sha256 !== undefined)
      check(to.path, facts, { bytes: sizeBytes, sha256: await digestOf(part, signal) });
    await part.close();
    await syncAt(to.partial);
    await moveInto(to.partial, to.path, force);
    await dropPart(to.partial);
    return written(to.path, facts);
  } catch (error) {
    const isUseless = isServiceError(error, "REFERENCE_CHANGED") || isServiceError(error, "OBJECT_CORRUPT");
    if (!isUseless) await part.save().catch(() => undefined);
    await part.close().catch(() => undefined);
    if (isUseless) await dropPart(to.partial);
    throw error;
  }
}

interface Piece {
  readonly part: PartFile;
  readonly signal: AbortSignal;
  readonly progress: DownloadOptions["progress"];
}

async function fetchPiece(source: DataSource, [start, end]: Span, piece: Piece): Promise<void> {
  const { part, signal, progress } = piece;
  const { etag, sizeBytes } = part.of;
  let at = start;
  await retrying(async (progressed) => {
    const response = await source.ask({ span: [at, end], ifMatch: etag, signal });
    if (response.status === 412 || (response.headers.get("etag") ?? etag) !== etag) throw changed();
    if (response.headers.get("content-range") !== `bytes ${at}-${end - 1}/${sizeBytes}`) {
      await response.body?.cancel();
      throw new ServiceError("SERVER_UNAVAILABLE", "The server gives other bytes than asked for.", {
        details: { remedy: "Check what stands between here and the server; ranges must be honoured." },
      });
    }
    for await (const chunk of bodyOf(response, signal)) {
      if (at + chunk.length > end) throw cut();
      await part.write(at, chunk);
      at += chunk.length;
      progressed();
      progress(part.doneBytes, sizeBytes);
    }
    if (at !== end) throw cut();
  }, signal);
}

async function digestOf(part: PartFile, signal: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of part.read()) {
    signal.throwIfAborted();
    hash.update(chunk);
  }
  return hash.digest("hex");
}

/** On the disk before it gets its name. */
async function syncAt(path: string): Promise<void> {
  const file = await open(path, "r+");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

function check(
  name: string,
  facts: DataFacts,
  found: { readonly bytes: number; readonly sha256: string },
): void {
  if (found.bytes !== facts.sizeBytes) {
    throw new ServiceError(
      "SERVER_UNAVAILABLE",
      `${name}: ${found.bytes} of ${facts.sizeBytes} bytes arrived.`,
      { details: { value: name, remedy: "Try again." } },
    );
  }
  if (facts.sha256 === undefined || facts.sha256 === found.sha256) return;
  throw new ServiceError(
    "OBJECT_CORRUPT",
    `${name}: the bytes have SHA-256 ${found.sha256}, not ${facts.sha256}.`,
    { details: { value: name, remedy: "Try again; if it stays so, the object in the store is damaged." } },
  );
}

function written(path: string, { sizeBytes, sha256, etag }: DataFacts): Written {
  const known = { ...(etag === undefined ? {} : { etag }), ...(sha256 === undefined ? {} : { sha256 }) };
  return { path, bytes: sizeBytes, ...known };
}

function cut(): ServiceError {
  return new ServiceError("SERVER_UNAVAILABLE", "The bytes that came are not as many as were told.", {
    details: { remedy: "Try again." },
  });
}

function changed(): ServiceError {
  return new ServiceError(
    "REFERENCE_CHANGED",
    "The value was replaced while it was fetched; nothing is kept.",
    {
      details: { remedy: "Fetch it again." },
    },
  );
}
