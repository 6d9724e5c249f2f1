/** Reading back what a store has made of parts: until this has found it as declared, no row can use it. */

import type { Database } from "../db/contract.ts";
import { ServiceError } from "../errors.ts";
import { type Digest, digestOf } from "./digest.ts";
import type { PartFile } from "./upload-parts.ts";
import type { UploadContext } from "./upload-receive.ts";
import { refused } from "./upload-record.ts";

/**
 * Reads the object of `file` as a stream and takes its digests.
 * @throws {UPLOAD_MISMATCH} when they are not those declared; the upload is over then, its bytes are left to the collector.
 */
export async function readBack(context: UploadContext, file: PartFile, signal: AbortSignal): Promise<Digest> {
  const found = await context.stores.get(file.upload.store).driver.get(file.key, { signal });
  if (found === undefined) {
    throw new ServiceError(
      "OBJECT_MISSING",
      `The store has lost ${file.key}, made for ${file.upload.field}.`,
      {
        details: {
          field: file.upload.field,
          value: file.key,
          remedy: "Check the store, then create another upload.",
        },
      },
    );
  }
  const digest = await digestOf(found.body, signal);
  const fault = faultOf(file, digest);
  if (fault === undefined) return digest;
  await endUpload(context.db, file.upload.id, fault);
  throw refused(file.upload, fault);
}

function faultOf(file: PartFile, digest: Digest): string | undefined {
  const of = file.path === "" ? "" : ` in ${JSON.stringify(file.path)}`;
  if (digest.sizeBytes !== file.sizeBytes)
    return `${digest.sizeBytes} bytes${of}, but ${file.sizeBytes} were declared`;
  if (file.sha256 === undefined || file.sha256 === digest.sha256) return undefined;
  return `bytes with SHA-256 ${digest.sha256}${of}, but ${file.sha256} was declared`;
}

/**
 * Ends an upload before its time: no row can take it any more, the reaper takes its reservation and whatever lies under its key. Answers
 * whether it was still open; one that a row has stays as it is.
 */
export async function endUpload(db: Database, id: string, fault?: string): Promise<boolean> {
  return db.transaction(async (transaction) => {
    const { rowCount } = await transaction.query(
      "UPDATE holdfast.upload SET expires_at = clock_timestamp() WHERE id = $1 AND expires_at > clock_timestamp()",
      [id],
    );
    if (rowCount === 0) return false;
    await transaction.query(
      `UPDATE holdfast.upload_detail SET expires_at = clock_timestamp(), fault = coalesce(fault, $2),
         sweep_at = CASE WHEN sweep_at IS NULL THEN NULL ELSE clock_timestamp() END WHERE id = $1`,
      [id, fault ?? null],
    );
    return true;
  });
}
