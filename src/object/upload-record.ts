/** One upload as the database has it. */

import type { Queryable } from "../db/contract.ts";
import { ServiceError } from "../errors.ts";
import type { StageRequest, UploadState } from "./contract.ts";
import { expired } from "./lease.ts";

/** What an upload is for; a {@link StageRequest} without what belongs to one request. */
export type UploadTarget = Omit<StageRequest, "signal" | "principal">;

export interface UploadRecord {
  readonly id: string;
  readonly kind: "FILE" | "TREE";
  /** `SEALED`: a folder that takes no more files, its manifest being written. */
  readonly state: "OPEN" | "RECEIVED" | "SEALED" | "COMPLETE";
  readonly field: string;
  readonly target: UploadTarget;
  readonly principal: string | undefined;
  readonly store: string;
  readonly path: string;
  readonly filename: string;
  readonly mediaType: string | undefined;
  /** Content as declared, without the prefix. */
  readonly declaredBytes: number | undefined;
  readonly declaredSha256: string | undefined;
  readonly prefix: Buffer;
  /** Of the stored bytes, prefix included; those that have arrived for good, for folders the sum of the files that have. */
  readonly sizeBytes: number | undefined;
  readonly sha256: string | undefined;
  /** The peer's MD5 text. */
  readonly hash: string | undefined;
  readonly itemCount: number | undefined;
  /** Bytes of an import that is running. */
  readonly importedBytes: number | undefined;
  /** ISO 8601 with microseconds and `+00:00`, as the peer writes it. */
  readonly createdAt: string;
  readonly expiresAt: Date;
  readonly writtenAt: Date | undefined;
  readonly isUsed: boolean;
  readonly isExpired: boolean;
  /** Parts go to the store itself: of the file, or of files that a folder has declared. */
  readonly isByParts: boolean;
  /** A folder whose files were declared. */
  readonly hasManifest: boolean;
  /** The store has made the object of the parts of a file; it is not verified. */
  readonly isAssembled: boolean;
  /** Somebody is completing it. */
  readonly isClaimed: boolean;
  /** Why it never can be completed. */
  readonly fault: string | undefined;
}

interface Row {
  id: string;
  kind: UploadRecord["kind"];
  state: UploadRecord["state"];
  field: string;
  target: string;
  principal: string | null;
  store: string;
  path: string;
  filename: string;
  media_type: string | null;
  declared_size: string | null;
  declared_sha256: string | null;
  prefix: Buffer;
  size: string | null;
  sha256: string | null;
  hash: string | null;
  item_count: number | null;
  imported: string | null;
  created: string;
  expires_ms: number;
  written_ms: number | null;
  used: boolean;
  expired: boolean;
  by_parts: boolean;
  has_manifest: boolean;
  assembled: boolean;
  claimed: boolean;
  fault: string | null;
}

const sql = `
  SELECT d.id, d.kind, d.state, d.field, d.target::text AS target, u.principal, d.store, d.path, d.filename, d.media_type,
    d.declared_size::text AS declared_size, encode(d.declared_sha256, 'hex') AS declared_sha256, d.prefix,
    coalesce(d.size, (SELECT received FROM holdfast.upload_resume WHERE upload = d.id))::text AS size, encode(d.sha256, 'hex') AS sha256, convert_from(d.md5, 'UTF8') AS hash, d.item_count,
    to_char(d.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"') AS created,
    (extract(epoch FROM d.expires_at) * 1000)::float8 AS expires_ms,
    (extract(epoch FROM d.written_at) * 1000)::float8 AS written_ms,
    (SELECT received::text FROM holdfast.upload_import i WHERE i.upload = d.id AND d.state = 'OPEN'
      AND i.claimed_until > clock_timestamp()) AS imported,
    coalesce(u.expires_at = '-infinity', d.expires_at > clock_timestamp()) AS used,
    coalesce(u.expires_at, d.expires_at) <= clock_timestamp() AS expired,
    d.by_parts, d.has_manifest, d.fault, coalesce(d.claim_until > clock_timestamp(), false) AS claimed,
    d.by_parts AND EXISTS (SELECT FROM holdfast.upload_declared f WHERE f.upload = d.id AND f.path = '' AND f.assembled_at IS NOT NULL) AS assembled
  FROM holdfast.upload_detail d LEFT JOIN holdfast.upload u USING (id) WHERE d.id = $1`;

/** The upload `id`. @throws {NOT_FOUND} when there never was one, or it is long gone. */
export async function loadUpload(db: Queryable, id: string): Promise<UploadRecord> {
  const isId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id);
  const { rows } = isId ? await db.query<Row>(sql, [id], { name: "upload-load" }) : { rows: [] };
  const row = rows[0];
  if (row !== undefined) return recordOf(row);
  throw new ServiceError("NOT_FOUND", `There is no upload ${JSON.stringify(id.slice(0, 80))}.`, {
    details: { field: "upload", value: id.slice(0, 80), remedy: "Create an upload with createUpload." },
  });
}

function recordOf(row: Row): UploadRecord {
  // Written by `create` from a value of this type.
  const target = JSON.parse(row.target) as UploadTarget;
  return {
    id: row.id,
    kind: row.kind,
    state: row.state,
    field: row.field,
    target,
    principal: row.principal ?? undefined,
    store: row.store,
    path: row.path,
    filename: row.filename,
    mediaType: row.media_type ?? undefined,
    declaredBytes: numberOf(row.declared_size),
    declaredSha256: row.declared_sha256 ?? undefined,
    prefix: row.prefix,
    sizeBytes: numberOf(row.size),
    sha256: row.sha256 ?? undefined,
    hash: row.hash ?? undefined,
    itemCount: row.item_count ?? undefined,
    importedBytes: numberOf(row.imported),
    createdAt: row.created,
    expiresAt: new Date(row.expires_ms),
    writtenAt: row.written_ms === null ? undefined : new Date(row.written_ms),
    isUsed: row.used,
    isExpired: row.expired,
    isByParts: row.by_parts,
    hasManifest: row.has_manifest,
    isAssembled: row.assembled,
    isClaimed: row.claimed,
    fault: row.fault ?? undefined,
  };
}

function numberOf(text: string | null): number | undefined {
  return text === null ? undefined : Number(text);
}

/** Answers the record when it can still be worked with. @throws {UPLOAD_EXPIRED} when it is used or too old, {UPLOAD_MISMATCH} when it was refused. */
export function usable(record: UploadRecord): UploadRecord {
  if (record.fault !== undefined) throw refused(record, record.fault);
  if (record.isUsed || record.isExpired) throw expired();
  return record;
}

/** What an upload is told as whose bytes are not those that were declared, and cannot be sent again. */
export function refused({ field }: UploadRecord, fault: string): ServiceError {
  return new ServiceError("UPLOAD_MISMATCH", `The upload for ${field} brought ${fault}.`, {
    details: { field, remedy: "Create another upload and send the declared bytes." },
  });
}

function statusOf(record: UploadRecord): UploadState["state"] {
  if (record.isUsed) return "USED";
  if (record.isExpired || record.fault !== undefined) return "EXPIRED";
  if (record.state === "COMPLETE") return "COMPLETE";
  if (record.isClaimed) return "VERIFYING";
  return record.state === "OPEN" && !record.isAssembled ? "OPEN" : "RECEIVED";
}

/** The upload as its caller sees it. */
export function stateOf(record: UploadRecord): UploadState {
  return {
    id: record.id,
    kind: record.kind,
    state: statusOf(record),
    receivedBytes: String(
      record.importedBytes ?? Math.max(0, (record.sizeBytes ?? 0) - record.prefix.length),
    ),
    expiresAt: record.expiresAt,
    field: record.field,
    filename: record.filename,
    ...(record.mediaType === undefined ? {} : { mediaType: record.mediaType }),
  };
}
