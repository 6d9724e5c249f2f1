/**
 * Writing to S3: short bodies by one request, longer ones in parts that only we complete. An object is created, never overwritten. When an
 * answer is lost, the object itself tells whether the write happened: each carries the token of its own write.
 */

import { PutObjectCommand } from "@aws-sdk/client-s3";
import type { ObjectHead, PutOptions } from "./contract.ts";
import { BodyParts } from "./s3-body.ts";
import { type S3Context, until } from "./s3-client.ts";
import type { Conditions } from "./s3-condition.ts";
import { digested } from "./s3-payload.ts";
import { putParts } from "./s3-put-parts.ts";
import { newWrite, refuseTaken, settled, type Write } from "./s3-write.ts";

interface Source {
  readonly path: string;
  readonly body: AsyncIterable<Uint8Array>;
  readonly options: PutOptions;
}

export async function put(c: S3Context, conditions: Conditions, source: Source): Promise<ObjectHead> {
  const { path, options } = source;
  c.key(path);
  options.signal?.throwIfAborted();
  const body = new BodyParts(path, source.body, options);
  try {
    const isHonoured = await conditions.areHonoured(options.signal);
    const write = newWrite(path, options, isHonoured);
    const first = await body.next(c.limits.partBytes);
    // Where the store itself does not refuse a second object, and before many bytes are sent in vain.
    const isLong = first.length >= c.limits.partBytes;
    if (!isHonoured || isLong) await refuseTaken(c, write);
    return isLong ? await putParts(c, write, { first, body }) : await putWhole(c, write, first);
  } finally {
    await body.close();
  }
}

async function putWhole(c: S3Context, write: Write, bytes: Buffer<ArrayBuffer>): Promise<ObjectHead> {
  const { path, options, metadata, condition } = write;
  const command = new PutObjectCommand({
    Bucket: c.settings.bucket,
    Key: c.key(path),
    // The signature covers the SHA-256 of the body, so that every server checks what arrives.
    Body: bytes,
    ContentLength: bytes.length,
    Metadata: metadata,
    ...condition,
    ...(options.sha256 === undefined
      ? {}
      : { ChecksumSHA256: Buffer.from(options.sha256, "hex").toString("base64") }),
  });
  await digested(bytes);
  return settled(c, { write, sizeBytes: bytes.length }, async () => {
    const { VersionId } = await c.call({ action: "s3:PutObject", path }, options.signal, () =>
      c.client.send(command, until(options.signal)),
    );
    return VersionId;
  });
}
