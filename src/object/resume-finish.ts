/** The end of a resumable upload: what was received is compared with what was declared, and becomes the object. */

import { isServiceError, ServiceError } from "../errors.ts";
import { digestOf } from "./digest.ts";
import type { Claim } from "./resume-claim.ts";
import type { ResumableDigest, ResumedDigest } from "./resume-digest.ts";
import type { Pieces } from "./resume-pieces.ts";
import { forget, piecesOf, tailOf, takenBy } from "./resume-record.ts";
import { compare, markReceived, type UploadContext } from "./upload-receive.ts";
import type { UploadRecord } from "./upload-record.ts";

interface Received {
  readonly record: UploadRecord;
  readonly claim: Claim;
  readonly pieces: Pieces;
  readonly digest: ResumableDigest;
}

/** Makes the object. Everything is remembered by now, so whoever comes next can do the same. @throws {UPLOAD_MISMATCH} */
export async function finish(context: UploadContext, received: Received): Promise<void> {
  const { record, claim, pieces } = received;
  const digest = received.digest.finish();
  if (record.declaredSha256 !== undefined && digest.contentSha256 !== record.declaredSha256) {
    await reset(context, record, claim);
    throw mismatch(record, digest);
  }
  await claim.check();
  try {
    await makeObject(context, record, pieces);
  } catch (error) {
    if (!isServiceError(error, "STORE_CONFLICT")) throw error;
    await adopt(context, record, digest);
  }
  await context.faults("put.complete-reply-lost");
  await markReceived(context, record, { ...digest, sizeBytes: pieces.received });
  // What is left over of the writing is cleaned again later where this fails.
  await reset(context, record, claim).catch(() => undefined);
}

async function makeObject(context: UploadContext, record: UploadRecord, pieces: Pieces): Promise<void> {
  const { driver } = context.stores.get(record.store);
  await context.faults("put.before");
  const { unfinished, received: sizeBytes } = pieces;
  if (unfinished === undefined) {
    const bytes = await tailOf(context.db, record.id);
    await driver.put(record.path, once(bytes), { sizeBytes });
    return;
  }
  await driver.resumable.complete(unfinished, { sizeBytes, pieces: await piecesOf(context.db, record.id) });
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.length > 0) yield bytes;
}

/** The reserved key is ours alone: bytes under it came by a request whose end was lost, of this URL or of the one for whole files. */
async function adopt(context: UploadContext, record: UploadRecord, digest: ResumedDigest): Promise<void> {
  const found = await context.stores.get(record.store).driver.get(record.path);
  compare(record.path, digest, found === undefined ? undefined : (await digestOf(found.body)).sha256);
}

/** Forgets what was received, in the store first. */
export async function reset(context: UploadContext, record: UploadRecord, claim: Claim): Promise<void> {
  const { driver } = context.stores.get(record.store);
  const taken = await takenBy(context.db, record.id, claim.writer);
  if (taken === undefined) return;
  const { handle, epoch } = taken;
  if (handle !== null) await driver.resumable.discard({ path: record.path, id: handle, epoch });
  await forget(context.db, record.id, claim.writer);
}

function mismatch({ field, declaredSha256 }: UploadRecord, digest: ResumedDigest): ServiceError {
  return new ServiceError(
    "UPLOAD_MISMATCH",
    `The upload for ${field} brought bytes with SHA-256 ${digest.contentSha256}, but ${declaredSha256} was declared.`,
    { details: { field, remedy: "Send the declared bytes from the beginning, or create another upload." } },
  );
}
