/** What a HEAD cannot say: its answer has no body, so that a missing object, a missing bucket and wrong keys look alike. */

import { ListObjectsV2Command } from "@aws-sdk/client-s3";
import { type S3Context, until } from "./s3-client.ts";
import { codeNameOf, statusOf } from "./s3-error.ts";

/** How long a bucket that was there is taken to be there still. */
const trustMs = 10_000;

const seen = new WeakMap<S3Context, number>();

/** Settles whether the bucket answers. @throws what the SDK throws when it is missing or the credentials are wrong. */
export async function checkBucket(c: S3Context, signal: AbortSignal | undefined): Promise<void> {
  if (performance.now() - (seen.get(c) ?? Number.NEGATIVE_INFINITY) >= trustMs) await askBucket(c, signal);
}

/** The same, whatever was known. */
export async function askBucket(c: S3Context, signal: AbortSignal | undefined): Promise<void> {
  const command = new ListObjectsV2Command({
    Bucket: c.settings.bucket,
    Prefix: `${c.settings.prefix}_obj/`,
    MaxKeys: 1,
  });
  await c.client.send(command, until(signal)).catch((error: unknown) => {
    // Who may not list may still read: then nobody can tell, and the HEAD is believed.
    if (statusOf(error) !== 403 || codeNameOf(error) !== "AccessDenied") throw error;
  });
  seen.set(c, performance.now());
}
