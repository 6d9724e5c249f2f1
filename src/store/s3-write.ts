/** What writes of all sizes share: the token by which a write knows its object again, and the check that nothing is overwritten. */

import { randomUUID } from "node:crypto";
import { isServiceError, ServiceError } from "../errors.ts";
import type { ObjectHead, PutOptions } from "./contract.ts";
import type { S3Context } from "./s3-client.ts";
import { head } from "./s3-get.ts";

/** User metadata that names the write which made an object. */
const writeKey = "holdfast-write";

/** One object on its way. */
export interface Write {
  readonly path: string;
  readonly token: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly options: PutOptions;
  /** Headers that make the store refuse a second object, where it can. */
  readonly condition: { readonly IfNoneMatch?: "*" };
}

export function newWrite(path: string, options: PutOptions, isConditionHonoured: boolean): Write {
  return writeOf(randomUUID(), path, { options, isConditionHonoured });
}

/** The write that has this token. */
export function writeOf(
  token: string,
  path: string,
  { options, isConditionHonoured }: { readonly options: PutOptions; readonly isConditionHonoured: boolean },
): Write {
  const condition = isConditionHonoured ? ({ IfNoneMatch: "*" } as const) : {};
  return { path, token, metadata: { [writeKey]: token }, options, condition };
}

/** @throws {STORE_CONFLICT} when the key has bytes. */
export async function refuseTaken(c: S3Context, write: Write): Promise<void> {
  if ((await head(c, write.path, write.options.signal)) === undefined) return;
  throw new ServiceError("STORE_CONFLICT", `The store already has bytes at ${write.path}.`, {
    details: { field: "path", value: write.path, remedy: "Write under another path." },
  });
}

/** What the store answered to the request that made an object. */
export interface Made {
  readonly versionId: string | undefined;
  /** As the store itself has taken it of the bytes it has. */
  readonly sha256?: string;
}

/** Runs the request that makes the object; when it fails, asks whether the object was made all the same. */
export async function settled(
  c: S3Context,
  { write, sizeBytes }: { readonly write: Write; readonly sizeBytes: number },
  work: () => Promise<Made>,
): Promise<ObjectHead> {
  const { path, token, options } = write;
  try {
    const { versionId, ...proof } = await work();
    const isVersion = versionId !== undefined && versionId !== "null";
    return { path, sizeBytes, modifiedAt: new Date(), ...(isVersion ? { versionId } : {}), ...proof };
  } catch (error) {
    options.signal?.throwIfAborted();
    if (!isServiceError(error)) throw error;
    const found = await head(c, path, options.signal).catch((unknown: unknown) => {
      // Bytes of which nobody can tell whose they are may be ours: that is no conflict.
      if (isServiceError(error, "STORE_CONFLICT")) throw unknown;
      return undefined;
    });
    if (found?.metadata[writeKey] === token && found.sizeBytes === sizeBytes) return found;
    throw error;
  }
}
