/** Creating an upload: its declarations checked, its key reserved from the field it is for. */

import type { Transaction } from "../db/contract.ts";
import { ServiceError } from "../errors.ts";
import type { StoreConfig } from "../store/contract.ts";
import type { UploadRequest } from "./contract.ts";
import { reserve } from "./lease.ts";
import { schemaPath, tokenHashPath } from "./object-path.ts";
import { declarationsOf, declare } from "./upload-declared.ts";
import { checkQuota } from "./upload-quota.ts";
import type { UploadContext } from "./upload-receive.ts";
import type { UploadTarget } from "./upload-record.ts";

const attempts = 8;

/** Creates an upload and answers its id. @throws {BAD_USER_INPUT} for declarations that cannot be. */
export async function createUpload(context: UploadContext, request: UploadRequest): Promise<string> {
  const { config, driver } = context.stores.get(request.target.store);
  const declared = check(request);
  refuseTooLarge(context, request);
  const takesParts = driver.multipart !== undefined;
  const declarations = declarationsOf(request, takesParts);
  const path = (): string => newPath(config, request);
  return context.db.transaction(async (transaction) => {
    await forgetOld(transaction);
    await checkQuota(transaction, {
      principal: request.target.principal,
      sizeBytes: Number(declared.sizeBytes ?? 0),
      quota: context.quota,
    });
    const { id, path: reserved } = await reserve(transaction, {
      store: config.name,
      paths: Array.from({ length: attempts }, () => path),
      leaseMs: context.uploadMs,
      principal: request.target.principal,
    });
    await insert(transaction, { id, path: reserved, request, declared });
    await declare(transaction, { id, path: reserved, kind: request.kind }, declarations);
    // A write that is killed leaves parts in such a store, whoever sent them.
    if (takesParts)
      await transaction.query("UPDATE holdfast.upload_detail SET sweep_at = expires_at WHERE id = $1", [id]);
    return id;
  });
}

function newPath(config: StoreConfig, { target }: UploadRequest): string {
  // The digest is unknown before the first byte, so a hash-addressed upload gets a key that is random to its last segment.
  return target.addressing === "hash" ? tokenHashPath(config, target.schema) : schemaPath(config, target);
}

interface Declared {
  readonly sizeBytes: string | null;
  readonly sha256: string | null;
}

function check(request: UploadRequest): Declared {
  const { kind, sizeBytes, sha256, prefix, filename, mediaType } = request;
  if (
    sizeBytes !== undefined &&
    (!/^\d{1,16}$/.test(sizeBytes) || Number(sizeBytes) > Number.MAX_SAFE_INTEGER)
  ) {
    throw wrong(request, {
      field: "sizeBytes",
      value: sizeBytes,
      remedy: "Give the number of bytes in digits.",
    });
  }
  if (sha256 !== undefined && !/^[0-9a-f]{64}$/i.test(sha256)) {
    throw wrong(request, { field: "sha256", value: sha256.slice(0, 80), remedy: "Give 64 hex digits." });
  }
  if (
    kind === "TREE" &&
    (sha256 !== undefined || (prefix?.length ?? 0) > 0 || request.target.addressing === "hash")
  ) {
    throw wrong(request, {
      field: "kind",
      value: kind,
      remedy: "Folders have no digest; upload them to a field that takes folders.",
    });
  }
  checkText(request, "filename", filename);
  if (mediaType !== undefined) checkText(request, "mediaType", mediaType);
  return { sizeBytes: sizeBytes ?? null, sha256: sha256?.toLowerCase() ?? null };
}

function refuseTooLarge(context: UploadContext, request: UploadRequest): void {
  const sizes = [request.sizeBytes ?? "0", ...(request.files ?? []).map(({ sizeBytes }) => sizeBytes)];
  const largest = sizes.find((size) => Number(size) > context.maxBytes);
  if (largest === undefined) return;
  throw new ServiceError("LIMIT_EXCEEDED", `A file of ${largest} bytes is larger than this service takes.`, {
    details: {
      field: "sizeBytes",
      value: largest,
      limit: context.maxBytes,
      remedy: "Raise HOLDFAST_UPLOAD_LIMIT at the server, or write several files.",
    },
  });
}

function checkText(request: UploadRequest, field: string, text: string): void {
  const fits = text !== "" && text.isWellFormed() && Buffer.byteLength(text) <= 1024 && !/\p{Cc}/u.test(text);
  if (!fits)
    throw wrong(request, {
      field,
      value: text.slice(0, 80),
      remedy: "Use 1 to 1024 bytes without control characters.",
    });
}

function wrong(
  request: UploadRequest,
  fault: { field: string; value: string; remedy: string },
): ServiceError {
  return new ServiceError(
    "BAD_USER_INPUT",
    `An upload for ${request.field} cannot have ${fault.field} ${JSON.stringify(fault.value)}. ${fault.remedy}`,
    { details: fault },
  );
}

async function insert(
  transaction: Transaction,
  upload: { id: string; path: string; request: UploadRequest; declared: Declared },
): Promise<void> {
  const { request, declared } = upload;
  const { store, addressing, schema, table, column, key, ext } = request.target;
  const target: UploadTarget = {
    store,
    addressing,
    schema,
    table,
    column,
    key,
    ...(ext === undefined ? {} : { ext }),
  };
  await transaction.query(
    `INSERT INTO holdfast.upload_detail (id, kind, field, target, store, path, filename, media_type, declared_size, declared_sha256, prefix, expires_at)
     SELECT $1, $2, $3, $4::jsonb, $5, $6, $7, $8, $9, decode($10, 'hex'), $11, expires_at FROM holdfast.upload WHERE id = $1`,
    [
      upload.id,
      request.kind,
      request.field,
      JSON.stringify(target),
      store,
      upload.path,
      request.filename,
      request.mediaType ?? null,
      declared.sizeBytes,
      declared.sha256,
      Buffer.from(request.prefix ?? []),
    ],
  );
}

/** Details are kept a week longer than their upload, to tell "used" and "expired" from "never was". */
async function forgetOld(transaction: Transaction): Promise<void> {
  await transaction.query(
    `DELETE FROM holdfast.upload_detail WHERE id IN (SELECT id FROM holdfast.upload_detail
       WHERE expires_at < clock_timestamp() - interval '7 days' AND sweep_at IS NULL ORDER BY expires_at LIMIT 100 FOR UPDATE SKIP LOCKED)`,
  );
}
