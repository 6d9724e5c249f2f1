/** The versions that a bucket keeps. Where it keeps none, each object is its only version, without a name. */

import { ListObjectVersionsCommand } from "@aws-sdk/client-s3";
import type { ObjectHead } from "./contract.ts";
import { isCanonicalPath } from "./path.ts";
import { type S3Context, until } from "./s3-client.ts";

export async function* versions(
  c: S3Context,
  prefix: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<ObjectHead> {
  const from = c.settings.prefix;
  const wanted = { Bucket: c.settings.bucket, Prefix: from + prefix };
  let at: { KeyMarker?: string; VersionIdMarker?: string } | undefined = {};
  while (at !== undefined) {
    const command: ListObjectVersionsCommand = new ListObjectVersionsCommand({ ...wanted, ...at });
    const page = await c.call({ action: "s3:ListBucketVersions" }, signal, () =>
      c.client.send(command, until(signal)),
    );
    for (const { Key = "", Size, LastModified, VersionId } of page.Versions ?? []) {
      const path = Key.slice(from.length);
      if (!Key.startsWith(from + prefix) || !isCanonicalPath(path)) continue;
      if (Size === undefined || LastModified === undefined) continue;
      const isVersion = VersionId !== undefined && VersionId !== "null";
      yield {
        path,
        sizeBytes: Size,
        modifiedAt: LastModified,
        ...(isVersion ? { versionId: VersionId } : {}),
      };
    }
    const { NextKeyMarker: KeyMarker, NextVersionIdMarker: VersionIdMarker } = page;
    const isMore = page.IsTruncated === true && KeyMarker !== undefined;
    at = isMore ? { KeyMarker, ...(VersionIdMarker === undefined ? {} : { VersionIdMarker }) } : undefined;
  }
}
