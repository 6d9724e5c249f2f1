/** Uploads whose parts others send to the store itself; only the service begins and completes them. */

import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { type ErrorCode, ServiceError } from "../errors.ts";
import type { MultipartAbility, OpenMultipart, PartRequest, StoredPart } from "./contract.ts";
import { type S3Context, until } from "./s3-client.ts";
import { codeNameOf, statusOf } from "./s3-error.ts";

const maxPartSeconds = 900;

export function multipartOf(c: S3Context): MultipartAbility {
  const at = (path: string, uploadId: string) => ({
    Bucket: c.settings.bucket,
    Key: c.key(path),
    UploadId: uploadId,
  });
  return {
    begin: (path, signal) =>
      c.call({ action: "s3:PutObject", path }, signal, async () => {
        const command = new CreateMultipartUploadCommand({ Bucket: c.settings.bucket, Key: c.key(path) });
        const { UploadId } = await c.client.send(command, until(signal));
        if (UploadId === undefined) throw new Error("The server gave no upload id.");
        return UploadId;
      }),
    partUrl: (path, uploadId, part) => partUrl(c, at(path, uploadId), part),
    parts: (path, uploadId, signal) => told(path, () => parts(c, { path, uploadId, signal })),
    complete: (path, uploadId, { parts: sent, signal }) =>
      told(path, () =>
        c.call({ action: "s3:PutObject", path }, signal, async () => {
          const Parts = sent.map(({ number, tag }) => ({ PartNumber: number, ETag: tag }));
          const command = new CompleteMultipartUploadCommand({
            ...at(path, uploadId),
            MultipartUpload: { Parts },
          });
          await c.patientClient.send(command, until(signal));
        }),
      ),
    abort: (path, uploadId, signal) =>
      c.call({ action: "s3:AbortMultipartUpload", path }, signal, async () => {
        const command = new AbortMultipartUploadCommand(at(path, uploadId));
        await c.client.send(command, until(signal)).catch((error: unknown) => {
          if (statusOf(error) !== 404 || codeNameOf(error) === "NoSuchBucket") throw error;
        });
      }),
    open: (prefix, signal) => open(c, prefix, signal),
  };
}

/** What callers of the ability tell apart, by the server's own code. */
const answers: Readonly<
  Record<string, { readonly code: ErrorCode; readonly what: string; readonly remedy: string }>
> = {
  NoSuchUpload: {
    code: "NOT_FOUND",
    what: "is not open",
    remedy: "Look whether the object is there; if not, begin another.",
  },
  InvalidPart: {
    code: "UPLOAD_MISMATCH",
    what: "has other parts than it was told",
    remedy: "List the parts again.",
  },
};

async function told<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const reason = error instanceof ServiceError ? error.details["reason"] : undefined;
    const answer = typeof reason === "string" ? answers[reason] : undefined;
    if (answer === undefined) throw error;
    throw new ServiceError(answer.code, `The multipart upload of ${path} ${answer.what}.`, {
      details: { field: "upload", value: path, remedy: answer.remedy },
      cause: error,
    });
  }
}

interface Target {
  readonly Bucket: string;
  readonly Key: string;
  readonly UploadId: string;
}

/** The length is signed, so that a part cannot be larger than was agreed. */
async function partUrl(c: S3Context, target: Target, part: PartRequest): Promise<string> {
  if (part.expiresInSeconds > maxPartSeconds) {
    throw new ServiceError("LIMIT_EXCEEDED", `A part URL lives ${maxPartSeconds} s at most.`, {
      details: { field: "expiresInSeconds", limit: maxPartSeconds, remedy: "Ask for another one later." },
    });
  }
  const command = new UploadPartCommand({
    ...target,
    PartNumber: part.number,
    ContentLength: part.sizeBytes,
  });
  return getSignedUrl(c.client, command, { expiresIn: part.expiresInSeconds });
}

interface Upload {
  readonly path: string;
  readonly uploadId: string;
  readonly signal: AbortSignal | undefined;
}

async function parts(c: S3Context, { path, uploadId, signal }: Upload): Promise<StoredPart[]> {
  const found: StoredPart[] = [];
  const target = { Bucket: c.settings.bucket, Key: c.key(path), UploadId: uploadId };
  for (let more = true; more; ) {
    const last = found.at(-1)?.number ?? 0;
    const command = new ListPartsCommand({
      ...target,
      ...(last === 0 ? {} : { PartNumberMarker: String(last) }),
    });
    const page = await c.call({ action: "s3:ListMultipartUploadParts", path }, signal, () =>
      c.client.send(command, until(signal)),
    );
    for (const { PartNumber = 0, Size = 0, ETag = "" } of page.Parts ?? []) {
      if (PartNumber <= (found.at(-1)?.number ?? 0)) throw disorder(c);
      found.push({ number: PartNumber, sizeBytes: Size, tag: ETag });
    }
    more = page.IsTruncated === true;
    if (more && found.length === 0) throw disorder(c);
  }
  return found;
}

async function* open(
  c: S3Context,
  prefix: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<OpenMultipart> {
  const from = c.settings.prefix;
  for (let marker: { KeyMarker?: string; UploadIdMarker?: string } = {}; ; ) {
    const command = new ListMultipartUploadsCommand({
      Bucket: c.settings.bucket,
      Prefix: from + prefix,
      ...marker,
    });
    const page = await c.call({ action: "s3:ListBucketMultipartUploads" }, signal, () =>
      c.client.send(command, until(signal)),
    );
    for (const { Key = "", UploadId = "", Initiated = new Date(0) } of page.Uploads ?? []) {
      if (Key.startsWith(from))
        yield { path: Key.slice(from.length), uploadId: UploadId, startedAt: Initiated };
    }
    if (page.IsTruncated !== true) return;
    const { NextKeyMarker, NextUploadIdMarker } = page;
    if (
      NextKeyMarker === undefined ||
      (NextKeyMarker === marker.KeyMarker && NextUploadIdMarker === marker.UploadIdMarker)
    )
      throw disorder(c);
    marker = {
      KeyMarker: NextKeyMarker,
      ...(NextUploadIdMarker === undefined ? {} : { UploadIdMarker: NextUploadIdMarker }),
    };
  }
}

function disorder(c: S3Context): ServiceError {
  return new ServiceError(
    "STORE_UNAVAILABLE",
    `The S3 store ${c.settings.name} lists its uploads out of order.`,
    {
      details: { store: c.settings.name, remedy: "Check the server and what stands before it." },
    },
  );
}
