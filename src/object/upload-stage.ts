/** From a completed upload to bytes that a row may publish, for the field it was made for and no other. */

import { ServiceError } from "../errors.ts";
import type { StagedObject, StageRequest } from "./contract.ts";
import { dedupKey, findEqualContent } from "./equal-content.ts";
import { locatorOf } from "./locator.ts";
import { complete } from "./upload-complete.ts";
import type { UploadContext } from "./upload-receive.ts";
import { loadUpload, type UploadRecord, usable } from "./upload-record.ts";

/** Steps 1–4 for the bytes of an upload. A file that was received whole is completed on the way. */
export async function stageUpload(
  context: UploadContext,
  id: string,
  request: StageRequest,
): Promise<StagedObject> {
  const found = usable(await loadUpload(context.db, id));
  checkTarget(found, request);
  if (found.isClaimed && found.state !== "COMPLETE") throw beingVerified(found);
  if (found.state === "OPEN" || found.state === "SEALED") throw notComplete(found);
  const record = found.state === "COMPLETE" ? found : await complete(context, id);
  const { target, sha256, hash, itemCount } = record;
  const dedup =
    target.addressing === "hash" && sha256 !== undefined
      ? dedupKey(record.store, target.schema, sha256)
      : undefined;
  // Publishing names an object of equal content, if there is one: it must have its bytes.
  if (dedup !== undefined)
    await findEqualContent(context, { store: record.store, dedup, sizeBytes: record.sizeBytes ?? 0 });
  return {
    schema: target.schema,
    locator: locatorOf(record.store, record.path),
    object: {
      store: record.store,
      path: record.path,
      schema: target.schema,
      sizeBytes: record.sizeBytes ?? 0,
      ...(sha256 === undefined ? {} : { sha256 }),
      ...(hash === undefined || target.addressing !== "hash" ? {} : { hash }),
      ...(target.ext === undefined ? {} : { ext: target.ext }),
      isTree: record.kind === "TREE",
      ...(itemCount === undefined ? {} : { itemCount }),
      writtenAt: record.writtenAt ?? new Date(),
    },
    uploadId: id,
    ...(dedup === undefined ? {} : { dedup }),
  };
}

/** @throws {FORBIDDEN} when somebody else made the upload. */
export function ownUpload(record: UploadRecord, principal: string | undefined): void {
  if (record.principal === undefined || principal === undefined || record.principal === principal) return;
  throw new ServiceError("FORBIDDEN", `The upload for ${record.field} was made by somebody else.`, {
    details: { field: record.field, remedy: "Create an upload of your own." },
  });
}

function checkTarget(record: UploadRecord, request: StageRequest): void {
  const { target } = record;
  ownUpload(record, request.principal);
  const same = (["store", "addressing", "schema", "table", "column"] as const).every(
    (name) => target[name] === request[name],
  );
  const keysKnown = target.key.length > 0 && request.key.length > 0;
  const sameKey = !keysKnown || JSON.stringify(target.key) === JSON.stringify(request.key);
  if (same && sameKey) return;
  const place = `${request.schema}.${request.table}.${request.column} in the store ${request.store}`;
  throw new ServiceError(
    "BAD_USER_INPUT",
    `The upload was made for ${record.field}${same ? " of a row with another key" : ""}; it cannot be used for ${place}.`,
    {
      details: { field: record.field, value: record.id, remedy: "Create an upload for this field and key." },
    },
  );
}

function notComplete(record: UploadRecord): ServiceError {
  return new ServiceError("UPLOAD_MISMATCH", `The upload for ${record.field} is not complete.`, {
    details: {
      field: record.field,
      value: record.id,
      remedy: "Send its bytes, call completeUpload, then use it.",
    },
  });
}

function beingVerified(record: UploadRecord): ServiceError {
  return new ServiceError("CONFLICT", `The upload for ${record.field} is still being verified.`, {
    details: {
      field: record.field,
      value: record.id,
      remedy: "Call completeUpload until it answers COMPLETE, then use it.",
    },
  });
}
