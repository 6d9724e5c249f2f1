/**
 * The S3 store: AWS and whatever speaks its protocol. Loaded only where one is configured, because the SDK is heavy.
 *
 * Keys are `location/path` in the bucket, as the peer lays them. Behaviour and limits: `docs/reference/stores.md`, "The S3 driver".
 */

import { GetObjectCommand, ListObjectsV2Command } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { ServiceError } from "../errors.ts";
import type { PresignOptions, StoreConfig, StoreDriver } from "./contract.ts";
import { Checksums } from "./s3-checksum.ts";
import { createS3Context, defaultS3Limits, type S3Context, type S3Limits, until } from "./s3-client.ts";
import { Conditions } from "./s3-condition.ts";
import { s3Settings } from "./s3-config.ts";
import { copy } from "./s3-copy.ts";
import { refusesLate, remove } from "./s3-delete.ts";
import { get, head } from "./s3-get.ts";
import { list } from "./s3-list.ts";
import { multipartOf } from "./s3-multipart.ts";
import { put } from "./s3-put.ts";
import { resumableOf } from "./s3-resumable.ts";
import { tagsOf } from "./s3-tags.ts";
import { versions } from "./s3-versions.ts";

const maxPresignSeconds = 300;

/** The driver of an S3 store; it is first reached by the first call. @throws {CONFIG_INVALID} naming the key. */
export function createS3Driver(config: StoreConfig, limits: Partial<S3Limits> = {}): StoreDriver {
  const c = createS3Context(s3Settings(config, process.env), { ...defaultS3Limits, ...limits });
  const conditions = new Conditions(c);
  const checksums = new Checksums(c);
  return {
    protocol: "s3",
    head: async (path, signal, versionId) => {
      const found = await head(c, path, signal, versionId);
      if (found === undefined) return undefined;
      const { etag: _, metadata: __, ...told } = found;
      return told;
    },
    get: async (path, options) => get(c, path, options ?? {}),
    put: (path, body, options) => put(c, { conditions, checksums }, { path, body, options: options ?? {} }),
    copy: async (from, to, options) => copy(c, conditions, { from, to, ...options }),
    list: (prefix, options) => list(c, prefix, options ?? {}),
    delete: async (path, options) => remove(c, path, options ?? {}),
    refusesLate: (path, signal) => refusesLate(c, path, signal),
    presign: async (path, options) => presign(c, path, options),
    versions: (prefix, signal) => versions(c, prefix, signal),
    multipart: multipartOf(c),
    resumable: resumableOf(c, conditions),
    tags: tagsOf(c),
    probe: (signal) => probe(c, signal),
  };
}

async function probe(c: S3Context, signal: AbortSignal | undefined): Promise<void> {
  const command = new ListObjectsV2Command({
    Bucket: c.settings.bucket,
    Prefix: c.settings.prefix,
    MaxKeys: 1,
  });
  await c.call({ action: "s3:ListBucket" }, signal, () => c.client.send(command, until(signal)));
}

async function presign(c: S3Context, path: string, options: PresignOptions): Promise<string> {
  if (options.expiresInSeconds > maxPresignSeconds) {
    throw new ServiceError("LIMIT_EXCEEDED", `A store URL lives ${maxPresignSeconds} s at most.`, {
      details: { field: "expiresInSeconds", limit: maxPresignSeconds, remedy: "Ask for another one later." },
    });
  }
  const command = new GetObjectCommand({
    Bucket: c.settings.bucket,
    Key: c.key(path),
    ResponseContentDisposition: options.disposition,
    ResponseContentType: "application/octet-stream",
  });
  return c.call({ action: "s3:GetObject", path }, undefined, () =>
    getSignedUrl(c.client, command, { expiresIn: options.expiresInSeconds }),
  );
}
