/** What S3 tells of an object, in the SDK's words and in its own. */

import type { GetObjectCommandOutput } from "@aws-sdk/client-s3";
import { ServiceError } from "../errors.ts";
import type { ObjectHead } from "./contract.ts";
import type { PlainAnswer } from "./s3-plain.ts";

/** What an answer tells of an object, by the SDK's names. */
export type Told = Pick<
  GetObjectCommandOutput,
  "ContentLength" | "ETag" | "LastModified" | "Metadata" | "VersionId"
>;

const metadataPrefix = "x-amz-meta-";

/** The same from the headers of an answer. */
export function toldBy(headers: PlainAnswer["headers"]): Told {
  const { "content-length": length, "last-modified": modified, etag: ETag } = headers;
  const LastModified = modified === undefined ? undefined : new Date(modified);
  const named = Object.entries(headers).filter(([name]) => name.startsWith(metadataPrefix));
  return {
    ContentLength: length === undefined ? undefined : Number(length),
    LastModified: Number.isNaN(LastModified?.getTime()) ? undefined : LastModified,
    ETag,
    VersionId: headers["x-amz-version-id"],
    Metadata: Object.fromEntries(
      named.map(([name, value = ""]) => [name.slice(metadataPrefix.length), value]),
    ),
  };
}

/** @throws {STORE_UNAVAILABLE} when the answer tells too little. */
export function headOf(
  path: string,
  found: Pick<Told, "LastModified" | "VersionId">,
  sizeBytes: number | undefined,
): ObjectHead {
  const { LastModified, VersionId } = found;
  if (sizeBytes === undefined || LastModified === undefined) {
    throw new ServiceError("STORE_UNAVAILABLE", `The S3 server tells no size or no time of ${path}.`, {
      details: { remedy: "Check what stands between the service and the server." },
    });
  }
  const isVersion = VersionId !== undefined && VersionId !== "null";
  return { path, sizeBytes, modifiedAt: LastModified, ...(isVersion ? { versionId: VersionId } : {}) };
}
