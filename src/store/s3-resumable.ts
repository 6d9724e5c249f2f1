/** Objects that several requests write: one multipart upload, whose parts are named by tags that the caller remembers. */

import { randomUUID } from "node:crypto";
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { isServiceError, ServiceError } from "../errors.ts";
import type { ObjectHead, Piece, ResumableAbility, Unfinished } from "./contract.ts";
import { type S3Context, until } from "./s3-client.ts";
import type { Conditions } from "./s3-condition.ts";
import { statusOf } from "./s3-error.ts";
import { multipartOf } from "./s3-multipart.ts";
import { maxPartBytes, maxParts, partBytesOf, tooLong } from "./s3-put-parts.ts";
import { refuseTaken, settled, type Write, writeOf } from "./s3-write.ts";

/** The name of an unfinished object is the token of its write, by which a lost answer is settled, and the server's own name for it. */
export function resumableOf(c: S3Context, conditions: Conditions): ResumableAbility {
  return {
    pieceBytes: (number, sizeBytes) => {
      if (number > maxParts || (sizeBytes ?? 0) > maxParts * maxPartBytes)
        throw tooLong("This upload", maxParts * maxPartBytes);
      return partBytesOf(number, c.limits.partBytes, sizeBytes);
    },
    takesShortPieces: false,
    arrivesLate: true,
    begin: (path, _epoch, signal) => begin(c, path, signal),
    // A part that an earlier writer replaces has another tag than the one remembered, so it is never taken into the object.
    take: async () => undefined,
    write: (unfinished, piece, signal) => write(c, unfinished, { ...piece, signal }),
    complete: (unfinished, whole, signal) => complete(c, conditions, { unfinished, ...whole, signal }),
    discard: (unfinished, signal) => discard(c, unfinished, signal),
  };
}

interface Named {
  readonly token: string;
  readonly uploadId: string;
}

function named(id: string): Named {
  const dash = id.indexOf(":");
  return { token: id.slice(0, dash), uploadId: id.slice(dash + 1) };
}

async function begin(c: S3Context, path: string, signal: AbortSignal | undefined): Promise<string> {
  const token = randomUUID();
  const { metadata } = writeOf(token, path, { options: {}, isConditionHonoured: false });
  const command = new CreateMultipartUploadCommand({
    Bucket: c.settings.bucket,
    Key: c.key(path),
    Metadata: metadata,
  });
  return c.call({ action: "s3:PutObject", path }, signal, async () => {
    const { UploadId } = await c.client.send(command, until(signal));
    if (UploadId === undefined) throw new Error("The server gave no upload id.");
    return `${token}:${UploadId}`;
  });
}

interface Part {
  readonly number: number;
  readonly bytes: Uint8Array;
  readonly signal: AbortSignal | undefined;
}

async function write(
  c: S3Context,
  { path, id }: Unfinished,
  { number, bytes, signal }: Part,
): Promise<string> {
  const command = new UploadPartCommand({
    Bucket: c.settings.bucket,
    Key: c.key(path),
    UploadId: named(id).uploadId,
    PartNumber: number,
    // The signature covers the SHA-256 of the body, so that every server checks what arrives.
    Body: bytes,
    ContentLength: bytes.length,
  });
  const { ETag = "" } = await c.slots
    .run(() => c.call({ action: "s3:PutObject", path }, signal, () => c.client.send(command, until(signal))))
    .catch(async (error: unknown) => {
      throw await whyUnwritten(c, { path, id, signal }, error);
    });
  return ETag;
}

/** A server that refuses a part before it has read it cuts the connection, and its answer is lost: whether the upload is there is asked for then. */
async function whyUnwritten(
  c: S3Context,
  { path, id, signal }: Pick<Unfinished, "path" | "id"> & { readonly signal: AbortSignal | undefined },
  error: unknown,
): Promise<unknown> {
  if (!isServiceError(error, "STORE_UNAVAILABLE") || signal?.aborted === true) return goneOr(error, path);
  const asked = await multipartOf(c)
    .parts(path, named(id).uploadId, signal)
    .catch((other: unknown) => other);
  return isServiceError(asked, "NOT_FOUND") ? gone(path, asked) : error;
}

interface Whole {
  readonly unfinished: Unfinished;
  readonly sizeBytes: number;
  readonly pieces: readonly Piece[];
  readonly signal: AbortSignal | undefined;
}

async function complete(c: S3Context, conditions: Conditions, whole: Whole): Promise<ObjectHead> {
  const { unfinished, sizeBytes, signal } = whole;
  const { path, id } = unfinished;
  const isConditionHonoured = await conditions.areHonoured(signal);
  const write = writeOf(named(id).token, path, { options: { signal }, isConditionHonoured });
  const send = (condition: Write["condition"]) =>
    c.client.send(
      new CompleteMultipartUploadCommand({
        Bucket: c.settings.bucket,
        Key: c.key(path),
        UploadId: named(id).uploadId,
        MultipartUpload: {
          Parts: whole.pieces.map(({ number, tag }) => ({ PartNumber: number, ETag: tag })),
        },
        ...condition,
      }),
      until(signal),
    );
  return settled(c, { write, sizeBytes }, async () => {
    if (!isConditionHonoured) await refuseTaken(c, write);
    return c.call({ action: "s3:PutObject", path }, signal, async () => {
      const { VersionId } = await send(write.condition).catch(async (error: unknown) => {
        // Some servers know the condition for short bodies only.
        if (statusOf(error) !== 501) throw error;
        await refuseTaken(c, write);
        return send({});
      });
      return { versionId: VersionId };
    });
  }).catch((error: unknown) => {
    throw goneOr(error, path);
  });
}

async function discard(
  c: S3Context,
  { path, id }: { readonly path: string; readonly id?: string },
  signal: AbortSignal | undefined,
): Promise<void> {
  const multipart = multipartOf(c);
  if (id !== undefined) return multipart.abort(path, named(id).uploadId, signal);
  for await (const open of multipart.open(path, signal)) {
    if (open.path === path) await multipart.abort(path, open.uploadId, signal);
  }
}

function goneOr(error: unknown, path: string): unknown {
  if (!isServiceError(error) || !["NoSuchUpload", "InvalidPart"].includes(String(error.details["reason"])))
    return error;
  return gone(path, error);
}

function gone(path: string, cause: unknown): ServiceError {
  return new ServiceError("OBJECT_MISSING", `The store no longer has the unfinished bytes of ${path}.`, {
    details: { field: "path", value: path, remedy: "Send the bytes again from the beginning." },
    cause,
  });
}
