/**
 * Reading from S3. A body that breaks off, stalls or comes short is taken up again where it ended, of the same object; when that fails
 * too, it is an error, never a short object.
 */

import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { GetObjectCommand, type GetObjectCommandOutput, HeadObjectCommand } from "@aws-sdk/client-s3";
import { isServiceError, ServiceError } from "../errors.ts";
import type { GetOptions, ObjectHead, StoreDriver } from "./contract.ts";
import { askBucket, checkBucket } from "./s3-bucket.ts";
import { type S3Context, until } from "./s3-client.ts";
import { codeNameOf, statusOf } from "./s3-error.ts";
import { collected, watched } from "./s3-stream.ts";
import { headOf, type Told, toldBy } from "./s3-told.ts";

/** A body of at most this size is read at once, so that an unused one holds no connection. */
const smallBytes = 256 * 1024;
/** What S3 calls an object, or a version of one, that is not there. */
const absent: ReadonlySet<string> = new Set(["NoSuchKey", "NoSuchVersion"]);
/** How often a body is taken up again without a byte of progress. */
const resumes = 3;

/** What S3 tells of one object. */
export interface S3Head extends ObjectHead {
  readonly etag: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
}

export async function head(
  c: S3Context,
  path: string,
  signal?: AbortSignal,
  versionId?: string,
): Promise<S3Head | undefined> {
  const target = {
    Bucket: c.settings.bucket,
    Key: c.key(path),
    ...(versionId === undefined ? {} : { VersionId: versionId }),
  };
  const ask = async (): Promise<Told | undefined> => {
    const plain = await lookPlainly(c, path, { signal, versionId });
    if (plain === "absent") return undefined;
    return plain ?? (await c.client.send(new HeadObjectCommand(target), until(signal)));
  };
  const found = await c.call({ action: actionOf(versionId), path }, signal, async () => {
    try {
      // Why it is refused only an answer with a body can tell, which also sets a clock that is wrong: then it is asked again.
      const told = await ask().catch(async (error: unknown) => {
        if (statusOf(error) !== 403 && (statusOf(error) !== 400 || versionId !== undefined)) throw error;
        await askBucket(c, signal);
        return ask();
      });
      if (told !== undefined) return told;
    } catch (error) {
      if (versionId !== undefined && isNoVersion(error)) return undefined;
      if (statusOf(error) !== 404) throw error;
    }
    await checkBucket(c, signal);
    return undefined;
  });
  return (
    found && { ...headOf(path, found, found.ContentLength), etag: found.ETag, metadata: found.Metadata ?? {} }
  );
}

async function lookPlainly(
  c: S3Context,
  path: string,
  { signal, versionId }: Pick<Span, "signal" | "versionId">,
): Promise<Told | "absent" | undefined> {
  const request = { method: "HEAD", key: c.key(path), versionId, headers: {} } as const;
  const answer = await c.plain.ask(request, signal, versionId === undefined ? 404 : undefined);
  if (answer === undefined) return undefined;
  answer.body.resume();
  return answer.status === 404 ? "absent" : toldBy(answer.headers);
}

/** 400: what is no version id of this store at all; 405: the version is the marker of a deletion. */
function isNoVersion(error: unknown): boolean {
  return [400, 405].includes(statusOf(error) ?? 0);
}

function actionOf(versionId: string | undefined): "s3:GetObject" | "s3:GetObjectVersion" {
  return versionId === undefined ? "s3:GetObject" : "s3:GetObjectVersion";
}

interface Span {
  readonly path: string;
  readonly start: number;
  /** Absent: to the end. */
  readonly end: number | undefined;
  readonly etag?: string | undefined;
  readonly versionId: string | undefined;
  readonly signal: AbortSignal | undefined;
}

export async function get(c: S3Context, path: string, options: GetOptions): ReturnType<StoreDriver["get"]> {
  const { signal, range, versionId } = options;
  const span: Span = { path, start: range?.start ?? 0, end: range?.end, versionId, signal };
  if (span.start < 0 || (span.end !== undefined && span.end < span.start))
    throw beyond(span.start, undefined);
  const isEmpty = span.start === span.end;
  const answer = isEmpty ? "beyond" : await request(c, span);
  if (answer === undefined) return undefined;
  if (answer === "beyond") return empty(c, span);
  const { found, first, sizeBytes } = answer;
  const end = Math.min(span.end ?? sizeBytes, sizeBytes);
  const whole: WholeSpan = { ...span, end, etag: found.etag };
  if (end - span.start > smallBytes) return { head: found.head, body: download(c, whole, first) };
  const short = { bytes: end - span.start, stallMs: c.limits.stallMs, signal };
  const chunks = (await collected(first, short)) ?? (await again(c, whole));
  return { head: found.head, body: pieces(chunks) };
}

async function again(c: S3Context, span: WholeSpan): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of download(c, span, undefined)) chunks.push(chunk);
  return chunks;
}

async function empty(c: S3Context, span: Span): ReturnType<StoreDriver["get"]> {
  const found = await head(c, span.path, span.signal, span.versionId);
  if (found === undefined) return undefined;
  if (span.start > found.sizeBytes) throw beyond(span.start, found.sizeBytes);
  return { head: found, body: pieces([]) };
}

async function* pieces(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

function beyond(start: number, sizeBytes: number | undefined): ServiceError {
  const has = sizeBytes === undefined ? "" : `: the object has ${sizeBytes}`;
  return new ServiceError("RANGE_NOT_SATISFIABLE", `No bytes at ${start}${has}.`);
}

type Body = NonNullable<GetObjectCommandOutput["Body"]>;
/** What is used of the answer to a read. */
type Got = Told & { readonly Body?: Body | IncomingMessage; readonly ContentRange?: string | undefined };

interface Answer {
  readonly found: { readonly head: ObjectHead; readonly etag: string | undefined };
  readonly sizeBytes: number;
  readonly first: Readable;
}

async function request(c: S3Context, span: Span): Promise<Answer | "beyond" | undefined> {
  const { path, start, end, etag, versionId, signal } = span;
  // Always a range, even of all bytes: its answer tells the size of the object besides the length of the body.
  const range = `bytes=${start}-${end === undefined ? "" : end - 1}`;
  const command = () =>
    new GetObjectCommand({
      Bucket: c.settings.bucket,
      Key: c.key(path),
      Range: range,
      ...(etag === undefined ? {} : { IfMatch: etag }),
      ...(versionId === undefined ? {} : { VersionId: versionId }),
    });
  return c.call({ action: actionOf(versionId), path }, signal, async () => {
    try {
      const got = (await readPlainly(c, span, range)) ?? (await c.client.send(command(), until(signal)));
      return answerOf(span, got);
    } catch (error) {
      const status = statusOf(error);
      if (status === 416) return "beyond";
      // Any other 404 is about the bucket, the account, or from something that is no S3 server.
      if (absent.has(codeNameOf(error)) || (versionId !== undefined && isNoVersion(error))) return undefined;
      if (status === 412 && etag !== undefined) throw replaced(path);
      throw error;
    }
  });
}

async function readPlainly(c: S3Context, span: Span, range: string): Promise<Got | undefined> {
  const { path, etag, versionId, signal } = span;
  const headers = { range, ...(etag === undefined ? {} : { "if-match": etag }) };
  const answer = await c.plain.ask({ method: "GET", key: c.key(path), versionId, headers }, signal);
  if (answer === undefined) return undefined;
  return { ...toldBy(answer.headers), Body: answer.body, ContentRange: answer.headers["content-range"] };
}

function answerOf(span: Span, got: Got): Answer {
  const first = bodyOf(got.Body);
  const [, from, size] = /^bytes (\d+)-\d+\/(\d+)$/.exec(got.ContentRange ?? "") ?? [];
  const sizeBytes = size === undefined ? got.ContentLength : Number(size);
  const head = headOf(span.path, got, sizeBytes);
  const expected = Math.min(span.end ?? head.sizeBytes, head.sizeBytes) - span.start;
  if (Number(from ?? 0) === span.start && got.ContentLength === expected) {
    return { found: { head, etag: got.ETag }, sizeBytes: head.sizeBytes, first };
  }
  first.destroy();
  throw new ServiceError(
    "STORE_UNAVAILABLE",
    `The S3 server gives other bytes of ${span.path} than asked for.`,
    {
      details: { remedy: "Check what stands between the service and the server; ranges must be honoured." },
    },
  );
}

function bodyOf(body: Got["Body"]): Readable {
  if (!(body instanceof Readable)) throw new Error("The SDK gave no stream.");
  // A stream that breaks before anyone reads it must not end the process.
  body.on("error", () => undefined);
  return body;
}

interface WholeSpan extends Span {
  readonly end: number;
}

async function* download(
  c: S3Context,
  span: WholeSpan,
  first: Readable | undefined,
): AsyncGenerator<Uint8Array> {
  let stream = first;
  let at = span.start;
  for (let failures = 0; at < span.end; ) {
    try {
      stream ??= await reopen(c, { ...span, start: at });
      for await (const chunk of watched(stream, c.limits.stallMs, span.signal)) {
        at += chunk.length;
        failures = 0;
        if (at > span.end) throw new Error("The server gave more bytes than it announced.");
        yield chunk;
      }
      if (at < span.end) throw new Error(`The body ended ${span.end - at} bytes early.`);
    } catch (error) {
      span.signal?.throwIfAborted();
      if (isServiceError(error, "REFERENCE_CHANGED") || isServiceError(error, "OBJECT_MISSING")) throw error;
      failures += 1;
      if (failures > resumes) throw cut(c, span, { at, error });
      await delay(50 * 2 ** failures * (0.5 + Math.random()), undefined, { ref: false });
    } finally {
      stream?.destroy();
      stream = undefined;
    }
  }
}

async function reopen(c: S3Context, span: WholeSpan): Promise<Readable> {
  const answer = await request(c, span);
  if (typeof answer === "object") return answer.first;
  throw new ServiceError("OBJECT_MISSING", `The object ${span.path} went away while it was read.`, {
    details: {
      store: c.settings.name,
      path: span.path,
      remedy: "Restore the object from a backup of the store.",
    },
  });
}

function cut(c: S3Context, span: WholeSpan, { at, error }: { at: number; error: unknown }): ServiceError {
  if (isServiceError(error)) return error;
  return new ServiceError(
    "STORE_UNAVAILABLE",
    `The S3 store ${c.settings.name} broke off at byte ${at} of ${span.path}, ${span.end - at} before the end.`,
    {
      details: { store: c.settings.name, remedy: "Check the server and the network, then try again." },
      cause: error,
    },
  );
}

function replaced(path: string): ServiceError {
  return new ServiceError("REFERENCE_CHANGED", `The object ${path} was replaced while it was read.`, {
    details: { remedy: "Read it again." },
  });
}
