/**
 * Writing to S3: short bodies by one request, longer ones in parts that only we complete. An object is created, never overwritten. When an
 * answer is lost, the object itself tells whether the write happened: each carries the token of its own write.
 */

import { PutObjectCommand } from "@aws-sdk/client-s3";
import type { ObjectHead, PutOptions } from "./contract.ts";
import { BodyParts } from "./s3-body.ts";
import type { Checksums } from "./s3-checksum.ts";
import { type S3Context, until } from "./s3-client.ts";
import type { Conditions } from "./s3-condition.ts";
import { digestOf, signedAs } from "./s3-payload.ts";
import { putParts } from "./s3-put-parts.ts";
import { type Made, newWrite, refuseTaken, settled, type Write } from "./s3-write.ts";
import { digestMismatch } from "./upload-mismatch.ts";

interface Source {
  readonly path: string;
  readonly body: AsyncIterable<Uint8Array>;
  readonly options: PutOptions;
}

/** What is learned of a store before the first write. */
interface Learned {
  readonly conditions: Conditions;
  readonly checksums: Checksums;
}

export async function put(c: S3Context, learned: Learned, source: Source): Promise<ObjectHead> {
  const { path, options } = source;
  c.key(path);
  options.signal?.throwIfAborted();
  const body = new BodyParts(path, source.body, options);
  try {
    const isHonoured = await learned.conditions.areHonoured(options.signal);
    const isCompared = await learned.checksums.areCompared(options.signal);
    const isShort = (options.sizeBytes ?? c.limits.partBytes) < c.limits.partBytes;
    if (isCompared && isShort) body.leaveDigest();
    const write = newWrite(path, options, isHonoured);
    const first = await body.next(c.limits.partBytes);
    // Where the store itself does not refuse a second object, and before many bytes are sent in vain.
    const isLong = first.length >= c.limits.partBytes;
    if (!isHonoured || isLong) await refuseTaken(c, write);
    return isLong
      ? await putParts(c, write, { first, body })
      : await putWhole(c, write, { bytes: first, isCompared });
  } finally {
    await body.close();
  }
}

interface Whole {
  readonly bytes: Buffer<ArrayBuffer>;
  /** Whether the store compares a checksum, and tells its own. */
  readonly isCompared: boolean;
}

async function putWhole(c: S3Context, write: Write, whole: Whole): Promise<ObjectHead> {
  const { path, options } = write;
  // What was declared has been compared while the body was read, or is compared by the store.
  const sha256 = options.sha256 ?? (await digestOf(whole.bytes));
  const sent = { ...whole, sha256, checksum: Buffer.from(sha256, "hex").toString("base64") };
  return settled(c, { write, sizeBytes: whole.bytes.length }, () =>
    c.call({ action: "s3:PutObject", path }, options.signal, async () => {
      return (await putPlainly(c, write, sent)) ?? (await putBySdk(c, write, sent));
    }),
  ).catch(async (error: unknown) => {
    throw (await mismatchOf(write, whole.bytes)) ?? error;
  });
}

/** Whether the store could but refuse the body, since it is not what was declared. */
async function mismatchOf({ path, options }: Write, bytes: Buffer<ArrayBuffer>) {
  const found = options.sha256 === undefined ? undefined : await digestOf(bytes);
  return found === options.sha256 ? undefined : digestMismatch({ path, ...options }, found);
}

interface Sent extends Whole {
  /** In hex; the signature covers it, so that every server checks what arrives. */
  readonly sha256: string;
  /** The same in base64. */
  readonly checksum: string;
}

async function putPlainly(c: S3Context, write: Write, sent: Sent): Promise<Made | undefined> {
  const { path, options, metadata, condition } = write;
  const { bytes, sha256, checksum, isCompared } = sent;
  const named = Object.entries(metadata).map(([name, value]) => [`x-amz-meta-${name}`, value] as const);
  const headers = {
    "content-length": String(bytes.length),
    ...Object.fromEntries(named),
    ...(condition.IfNoneMatch === undefined ? {} : { "if-none-match": condition.IfNoneMatch }),
    ...(isCompared ? { "x-amz-checksum-sha256": checksum } : {}),
  };
  const request = { method: "PUT", key: c.key(path), headers, body: { bytes, sha256 } } as const;
  const answer = await c.plain.ask(request, options.signal);
  if (answer === undefined) return undefined;
  answer.body.resume();
  const told = isCompared ? answer.headers["x-amz-checksum-sha256"] : undefined;
  return madeOf(answer.headers["x-amz-version-id"], told);
}

async function putBySdk(c: S3Context, write: Write, sent: Sent): Promise<Made> {
  const { path, options, metadata, condition } = write;
  const { bytes, sha256, checksum, isCompared } = sent;
  const command = new PutObjectCommand({
    Bucket: c.settings.bucket,
    Key: c.key(path),
    Body: signedAs(bytes, sha256),
    ContentLength: bytes.length,
    Metadata: metadata,
    ...condition,
    ...(isCompared ? { ChecksumSHA256: checksum } : {}),
  });
  const { VersionId, ChecksumSHA256 } = await c.client.send(command, until(options.signal));
  return madeOf(VersionId, isCompared ? ChecksumSHA256 : undefined);
}

function madeOf(versionId: string | undefined, checksum: string | undefined): Made {
  if (checksum === undefined) return { versionId };
  return { versionId, sha256: Buffer.from(checksum, "base64").toString("hex") };
}
