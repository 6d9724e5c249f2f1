/** Ending an upload before its time. */

import type { UploadCaller } from "./contract.ts";
import { expired } from "./lease.ts";
import { cleanLeftovers } from "./resume-leftovers.ts";
import { multipartOf, partFiles, refuseOthers } from "./upload-parts.ts";
import type { UploadContext } from "./upload-receive.ts";
import { loadUpload, type UploadRecord } from "./upload-record.ts";
import { endUpload } from "./upload-verify.ts";

/** Multipart uploads that are aborted at once; the rest, and what cannot be reached now, is swept later. */
const atOnce = 16;

/** Ends the upload `id`; again is fine. @throws {UPLOAD_EXPIRED} for one that a row has, {FORBIDDEN} for one of somebody else. */
export async function abortUpload(
  context: UploadContext,
  id: string,
  caller: UploadCaller,
): Promise<UploadRecord> {
  const record = await loadUpload(context.db, id);
  refuseOthers(record, caller);
  await endUpload(context.db, id);
  const after = await loadUpload(context.db, id);
  if (after.isUsed) throw expired();
  if (record.isByParts && record.state === "OPEN") await dropParts(context, record);
  // What cannot be reached now is cleaned later.
  if (!record.isByParts) await cleanLeftovers(context, id).catch(() => undefined);
  return after;
}

async function dropParts(context: UploadContext, record: UploadRecord): Promise<void> {
  const files = await partFiles(context.db, record);
  const open = files.filter(({ multipart, isAssembled }) => multipart !== undefined && !isAssembled);
  const ability = multipartOf(context, record.store);
  await Promise.allSettled(
    open.slice(0, atOnce).map(({ key, multipart = "" }) => ability.abort(key, multipart)),
  );
}
