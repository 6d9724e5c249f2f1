/**
 * Copying within one S3 store: the server moves the bytes, and the copy is created, never written over anything. Where the server honours no
 * condition on a copy, the parts of a multipart upload are copied, whose completion has the condition of every write.
 */

import {
  type CompletedPart,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  UploadPartCopyCommand,
} from "@aws-sdk/client-s3";
import { isServiceError, ServiceError } from "../errors.ts";
import type { CopyOptions, ObjectHead } from "./contract.ts";
import { type S3Context, until } from "./s3-client.ts";
import type { Conditions } from "./s3-condition.ts";
import { codeNameOf, statusOf } from "./s3-error.ts";
import { head, type S3Head } from "./s3-get.ts";
import { complete, drop } from "./s3-put-parts.ts";
import { newWrite, refuseTaken, settled, type Write } from "./s3-write.ts";

const parallel = 4;

interface Source {
  readonly path: string;
  readonly found: S3Head;
  readonly range: Readonly<Record<"CopySource" | "CopySourceIfMatch", string>>;
}

export async function copy(
  c: S3Context,
  conditions: Conditions,
  request: CopyOptions & { readonly from: string; readonly to: string },
): Promise<ObjectHead> {
  const { from, to, versionId, signal } = request;
  c.key(to);
  const found = await head(c, from, signal, versionId);
  if (found?.etag === undefined) throw absent(c, from);
  const key = c.key(from).split("/").map(encodeURIComponent).join("/");
  const version = versionId === undefined ? "" : `?versionId=${encodeURIComponent(versionId)}`;
  const CopySource = `${c.settings.bucket}/${key}${version}`;
  const source: Source = { path: from, found, range: { CopySource, CopySourceIfMatch: found.etag } };
  const isHonoured = await conditions.areHonoured(signal);
  const send = async (isConditional: boolean): Promise<ObjectHead> => {
    const write = newWrite(to, { sizeBytes: found.sizeBytes, signal }, isConditional);
    await refuseTaken(c, write);
    // An empty object has no part to copy.
    const isOne = found.sizeBytes === 0 || !isConditional || (await conditions.areHonouredByCopies(signal));
    return isOne && found.sizeBytes <= c.limits.copyBytes
      ? copyWhole(c, write, source)
      : copyParts(c, write, source);
  };
  try {
    return await send(isHonoured);
  } catch (error) {
    if (!isHonoured || !isServiceError(error, "STORE_CONFLICT")) throw error;
    // Some servers (versitygw) take the marker of a deletion for an object. Where versions are kept, nothing is lost by what comes second.
    if (found.versionId === undefined || (await head(c, to, signal)) !== undefined) throw error;
    return send(false);
  }
}

async function copyWhole(c: S3Context, write: Write, source: Source): Promise<ObjectHead> {
  const { path, options, metadata, condition } = write;
  const command = new CopyObjectCommand({
    Bucket: c.settings.bucket,
    Key: c.key(path),
    ...source.range,
    MetadataDirective: "REPLACE",
    Metadata: metadata,
    ...condition,
  });
  return settled(c, { write, sizeBytes: source.found.sizeBytes }, async () => {
    const { VersionId } = await copying(c, write, source, () =>
      c.client.send(command, until(options.signal)),
    );
    return { versionId: VersionId };
  });
}

async function copyParts(c: S3Context, write: Write, source: Source): Promise<ObjectHead> {
  const { path, options, metadata } = write;
  const target = { Bucket: c.settings.bucket, Key: c.key(path) };
  const id = await c.call({ action: "s3:PutObject", path }, options.signal, async () => {
    const command = new CreateMultipartUploadCommand({ ...target, Metadata: metadata });
    const { UploadId } = await c.client.send(command, until(options.signal));
    if (UploadId === undefined) throw new Error("The server gave no upload id.");
    return UploadId;
  });
  const { sizeBytes } = source.found;
  const count = Math.ceil(sizeBytes / c.limits.copyBytes);
  const copyOne = async (index: number): Promise<CompletedPart> => {
    const start = index * c.limits.copyBytes;
    const end = Math.min(start + c.limits.copyBytes, sizeBytes);
    const command = new UploadPartCopyCommand({
      ...target,
      ...source.range,
      UploadId: id,
      PartNumber: index + 1,
      ...(count === 1 ? {} : { CopySourceRange: `bytes=${start}-${end - 1}` }),
    });
    const { CopyPartResult } = await c.slots.run(
      () => copying(c, write, source, () => c.client.send(command, until(options.signal))),
      options.signal,
    );
    return { PartNumber: index + 1, ETag: CopyPartResult?.ETag };
  };
  try {
    const parts: CompletedPart[] = [];
    for (let at = 0; at < count; at += parallel) {
      const some = Array.from({ length: Math.min(parallel, count - at) }, (_, index) => copyOne(at + index));
      // All have ended before one's failure ends the upload.
      await Promise.allSettled(some);
      parts.push(...(await Promise.all(some)));
    }
    return await complete(c, write, { parts, sizeBytes, crc: 0, id, hasChecksum: false });
  } catch (error) {
    await drop(c, path, id);
    throw error;
  }
}

/** A copy's own preconditions concern the source: told apart from a target that exists. */
function copying<T>(c: S3Context, write: Write, source: Source, send: () => Promise<T>): Promise<T> {
  const { path, options } = write;
  return c.call({ action: "s3:PutObject", path }, options.signal, async () => {
    try {
      return await send();
    } catch (error) {
      const name = codeNameOf(error);
      if (statusOf(error) === 404 && name !== "NoSuchBucket") throw absent(c, source.path);
      if (statusOf(error) !== 412) throw error;
      const now = await head(c, source.path, options.signal);
      if (now?.etag !== source.found.etag && source.found.versionId === undefined)
        throw replaced(source.path);
      throw error;
    }
  });
}

function absent(c: S3Context, path: string): ServiceError {
  return new ServiceError("OBJECT_MISSING", `There is nothing to copy at ${path}.`, {
    details: { store: c.settings.name, field: "from", value: path, remedy: "Name an object that is there." },
  });
}

function replaced(path: string): ServiceError {
  return new ServiceError("REFERENCE_CHANGED", `The object ${path} was replaced while it was copied.`, {
    details: { remedy: "Copy it again." },
  });
}
