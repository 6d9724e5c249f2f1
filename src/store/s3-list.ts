/**
 * Listing S3. Each page is asked for by the last path of the one before, not by a token: a page that is repeated, left out, out of order or
 * cut is seen and is an error, never a shorter listing.
 */

import { ListObjectsV2Command, type ListObjectsV2CommandOutput } from "@aws-sdk/client-s3";
import { ServiceError } from "../errors.ts";
import type { ListOptions, ObjectHead } from "./contract.ts";
import { compareBytes, isCanonicalPath } from "./path.ts";
import { type S3Context, until } from "./s3-client.ts";

interface Page {
  readonly keys: readonly { readonly key: string; readonly sizeBytes: number; readonly modifiedAt: Date }[];
  readonly isLast: boolean;
  readonly isFull: boolean;
}

export async function* list(c: S3Context, prefix: string, options: ListOptions): AsyncGenerator<ObjectHead> {
  const from = c.settings.prefix;
  const wanted = { prefix: from + prefix, signal: options.signal };
  let after = options.after === undefined ? undefined : from + options.after;
  for (let pages = 1; ; pages++) {
    const page = await fetchPage(c, { ...wanted, after });
    for (const { key, ...facts } of page.keys) {
      after = key;
      const path = key.slice(from.length);
      // Foreign names that no path can carry, folders' place holders among them, are nobody's objects.
      if (isCanonicalPath(path)) yield { path, ...facts };
    }
    // A page that says it is the last is believed at once only when it could not have held more.
    if (page.isLast && (page.keys.length === 0 || (pages === 1 && !page.isFull))) return;
    if (!page.isLast && page.keys.length === 0) throw broken(c, "says there is more and gives nothing");
  }
}

interface Wanted {
  readonly prefix: string;
  readonly after: string | undefined;
  readonly signal: AbortSignal | undefined;
}

async function fetchPage(c: S3Context, wanted: Wanted): Promise<Page> {
  const { prefix, after, signal } = wanted;
  const command = new ListObjectsV2Command({
    Bucket: c.settings.bucket,
    Prefix: prefix,
    EncodingType: "url",
    ...(after === undefined ? {} : { StartAfter: after }),
  });
  const got = await c.call({ action: "s3:ListBucket" }, signal, () => c.client.send(command, until(signal)));
  return checked(c, got, wanted);
}

function checked(c: S3Context, got: ListObjectsV2CommandOutput, wanted: Wanted): Page {
  const decode = got.EncodingType === "url" ? decodeKey : (text: string) => text;
  const contents = got.Contents ?? [];
  if (got.IsTruncated === undefined) throw broken(c, "is cut");
  if (got.KeyCount !== undefined && got.KeyCount !== contents.length) {
    throw broken(c, `has ${contents.length} of ${got.KeyCount} objects`);
  }
  for (const [echo, asked] of [
    [got.Prefix, wanted.prefix],
    [got.StartAfter, wanted.after],
  ] as const) {
    if (echo !== undefined && echo !== "" && decode(echo) !== (asked ?? ""))
      throw broken(c, "answers another question");
  }
  let last = wanted.after;
  const keys = contents.map((object) => {
    if (object.Key === undefined || object.Size === undefined || object.LastModified === undefined) {
      throw broken(c, "has an object without key, size or time");
    }
    const key = decode(object.Key);
    if (!key.startsWith(wanted.prefix)) throw broken(c, "has an object that was not asked for");
    if (last !== undefined && compareBytes(key, last) <= 0)
      throw broken(c, "is not in byte order, or repeats itself");
    last = key;
    return { key, sizeBytes: object.Size, modifiedAt: object.LastModified };
  });
  return { keys, isLast: !got.IsTruncated, isFull: keys.length >= (got.MaxKeys ?? 1000) };
}

function decodeKey(text: string): string {
  return decodeURIComponent(text.replaceAll("+", " "));
}

function broken(c: S3Context, what: string): ServiceError {
  return new ServiceError(
    "STORE_UNAVAILABLE",
    `A page of the listing of the S3 store ${c.settings.name} ${what}.`,
    {
      details: {
        store: c.settings.name,
        remedy: "Check the server and what stands before it; directory buckets cannot be used.",
      },
    },
  );
}
