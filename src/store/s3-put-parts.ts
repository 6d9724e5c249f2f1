/** Long bodies: parts of bounded size, a bounded number on their way, and nothing left behind when one fails. */

import { crc32 } from "node:zlib";
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { ServiceError } from "../errors.ts";
import type { ObjectHead } from "./contract.ts";
import type { BodyParts } from "./s3-body.ts";
import { type S3Context, until } from "./s3-client.ts";
import { statusOf } from "./s3-error.ts";
import { digested } from "./s3-payload.ts";
import { refuseTaken, settled, type Write } from "./s3-write.ts";

/** Parts that S3 takes for one object. */
export const maxParts = 10_000;
export const maxPartBytes = 64 << 20;
/** Bytes that one upload may have in memory. */
const memoryBytes = 64 << 20;
const maxParallel = 4;
const abortMs = 30_000;

interface Parts {
  readonly first: Buffer<ArrayBuffer>;
  readonly body: BodyParts;
}

/** Size of part `number`, counted from 1. Known sizes have parts of one size, which some servers ask for; others grow as they go. */
export function partBytesOf(number: number, least: number, sizeBytes: number | undefined): number {
  if (sizeBytes !== undefined) {
    const even = Math.ceil(sizeBytes / maxParts / (1 << 20)) * (1 << 20);
    return Math.min(maxPartBytes, Math.max(least, even));
  }
  return Math.min(maxPartBytes, least * 2 ** Math.floor((number - 1) / 2000));
}

export async function putParts(c: S3Context, write: Write, parts: Parts): Promise<ObjectHead> {
  const { path, options } = write;
  if ((options.sizeBytes ?? 0) > maxParts * maxPartBytes) throw tooLong(path, maxParts * maxPartBytes);
  const { id, hasChecksum } = await begin(c, write);
  try {
    const sent = await sendParts(c, write, { ...parts, id, hasChecksum });
    return await complete(c, write, { ...sent, id, hasChecksum });
  } catch (error) {
    await drop(c, path, id);
    throw error;
  }
}

/** Parts cost money until somebody drops them; the caller's signal may have fired, so it does not count here. */
export async function drop(c: S3Context, path: string, id: string): Promise<void> {
  const abort = new AbortMultipartUploadCommand({
    Bucket: c.settings.bucket,
    Key: c.key(path),
    UploadId: id,
  });
  await c.client.send(abort, { abortSignal: AbortSignal.timeout(abortMs) }).catch(() => undefined);
}

export async function complete(c: S3Context, write: Write, sent: Sent & Begun): Promise<ObjectHead> {
  const { path, options, condition } = write;
  if (condition.IfNoneMatch === undefined) await refuseTaken(c, write);
  const plain = {
    Bucket: c.settings.bucket,
    Key: c.key(path),
    UploadId: sent.id,
    MultipartUpload: { Parts: sent.parts },
    ...(sent.hasChecksum ? { ChecksumCRC32: base64(sent.crc), ChecksumType: "FULL_OBJECT" as const } : {}),
  };
  const send = (more: Write["condition"]) =>
    c.client.send(new CompleteMultipartUploadCommand({ ...plain, ...more }), until(options.signal));
  return settled(c, { write, sizeBytes: sent.sizeBytes }, () =>
    c.call({ action: "s3:PutObject", path }, options.signal, async () => {
      const { VersionId } = await send(condition).catch(async (error: unknown) => {
        // Some servers know the condition for short bodies only.
        if (statusOf(error) !== 501) throw error;
        await refuseTaken(c, write);
        return send({});
      });
      return { versionId: VersionId };
    }),
  );
}

interface Begun {
  readonly id: string;
  /** Whether the server compares a checksum of the whole object. */
  readonly hasChecksum: boolean;
}

/** Starts with a checksum of the whole object; servers that refuse one get parts whose signatures cover their bytes. */
async function begin(c: S3Context, write: Write): Promise<Begun> {
  const { path, options, metadata } = write;
  const plain = { Bucket: c.settings.bucket, Key: c.key(path), Metadata: metadata };
  const checksum = { ChecksumAlgorithm: "CRC32", ChecksumType: "FULL_OBJECT" } as const;
  const start = (more: Partial<typeof checksum>) =>
    c.client.send(new CreateMultipartUploadCommand({ ...plain, ...more }), until(options.signal));
  return c.call({ action: "s3:PutObject", path }, options.signal, async () => {
    const asked = await start(checksum).catch((error: unknown) => {
      if (![400, 501].includes(statusOf(error) ?? 0)) throw error;
      return undefined;
    });
    const hasChecksum = asked?.ChecksumAlgorithm === "CRC32" && asked.ChecksumType === "FULL_OBJECT";
    // Older servers sum up the parts' checksums instead, which tells nothing of the whole.
    const other = asked?.ChecksumAlgorithm === undefined || hasChecksum ? undefined : asked.UploadId;
    if (other !== undefined) await drop(c, path, other);
    const begun = asked === undefined || other !== undefined ? await start({}) : asked;
    if (begun.UploadId === undefined) throw new Error("The server gave no upload id.");
    return { id: begun.UploadId, hasChecksum };
  });
}

interface Sent {
  readonly parts: CompletedPart[];
  readonly sizeBytes: number;
  readonly crc: number;
}

async function sendParts(c: S3Context, write: Write, upload: Parts & Begun): Promise<Sent> {
  const { body } = upload;
  const { sizeBytes } = write.options;
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, ...(write.options.signal ? [write.options.signal] : [])]);
  const running = new Set<Promise<void>>();
  const parts: CompletedPart[] = [];
  const sizeOf = (number: number) => partBytesOf(number, c.limits.partBytes, sizeBytes);
  let crc = 0;
  try {
    let bytes = upload.first;
    for (let number = 1; bytes.length > 0; number++) {
      if (number > maxParts) throw tooLong(write.path, body.sizeBytes);
      crc = crc32(bytes, crc);
      // One part is being filled while others are on their way: both count.
      const parallel = Math.min(maxParallel, Math.max(1, Math.floor(memoryBytes / sizeOf(number)) - 1));
      while (running.size >= parallel) await Promise.race(running);
      stop.signal.throwIfAborted();
      const sent = bytes;
      const task = sendPart(c, { path: write.path, ...upload, number, bytes, signal }).then((part) => {
        parts[number - 1] = part;
        body.reuse(sent);
        running.delete(task);
      });
      task.catch((reason: unknown) => stop.abort(reason));
      running.add(task);
      bytes = await body.next(sizeOf(number + 1));
    }
    await Promise.all(running);
    return { parts, sizeBytes: body.sizeBytes, crc };
  } catch (error) {
    stop.abort(error);
    await Promise.allSettled(running);
    throw error;
  }
}

interface Part extends Begun {
  readonly path: string;
  readonly number: number;
  readonly bytes: Buffer<ArrayBuffer>;
  readonly signal: AbortSignal;
}

async function sendPart(c: S3Context, part: Part): Promise<CompletedPart> {
  const { path, number, bytes, signal } = part;
  const ChecksumCRC32 = part.hasChecksum ? base64(crc32(bytes)) : undefined;
  const command = new UploadPartCommand({
    Bucket: c.settings.bucket,
    Key: c.key(path),
    UploadId: part.id,
    PartNumber: number,
    Body: bytes,
    ContentLength: bytes.length,
    ChecksumCRC32,
  });
  const { ETag } = await c.slots.run(async () => {
    await digested(bytes);
    return c.call({ action: "s3:PutObject", path }, signal, () => c.client.send(command, until(signal)));
  }, signal);
  return { PartNumber: number, ETag, ChecksumCRC32 };
}

function base64(crc: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc >>> 0);
  return bytes.toString("base64");
}

export function tooLong(path: string, limit: number): ServiceError {
  return new ServiceError("LIMIT_EXCEEDED", `${path} is longer than one object of an S3 store can be here.`, {
    details: {
      field: "sizeBytes",
      limit,
      remedy: "Declare the size, which allows 625 GiB, or write several objects.",
    },
  });
}
