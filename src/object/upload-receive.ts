/** Receiving the bytes of an upload: one PUT of a file, or of one file of a folder, straight to the reserved key. */

import type { Database } from "../db/contract.ts";
import { isServiceError, ServiceError } from "../errors.ts";
import type { Stores } from "../store/contract.ts";
import { checkPath } from "../store/path.ts";
import type { Uploads } from "./contract.ts";
import { digestOf } from "./digest.ts";
import type { FaultPoints } from "./fault-points.ts";
import { expired } from "./lease.ts";
import { declaredOf, refuseByParts } from "./upload-declared.ts";
import { Intake, type UploadDigest } from "./upload-intake.ts";
import type { UploadQuota } from "./upload-quota.ts";
import { loadUpload, type UploadRecord, usable } from "./upload-record.ts";

export interface UploadContext {
  readonly db: Database;
  readonly stores: Stores;
  readonly faults: FaultPoints;
  /** Life of an upload. */
  readonly uploadMs: number;
  readonly quota: UploadQuota;
  /** Of one file. */
  readonly maxBytes: number;
}

type ReceiveOptions = Parameters<Uploads["receive"]>[2];

/** Takes the body of one PUT for the upload `id`. Sending the same bytes again is fine; sending others is STORE_CONFLICT. */
export async function receive(
  context: UploadContext,
  id: string,
  request: { readonly body: AsyncIterable<Uint8Array>; readonly options: ReceiveOptions },
): Promise<void> {
  const record = usable(await loadUpload(context.db, id));
  const { options } = request;
  refuseByParts(record);
  if (record.kind === "FILE") {
    if (options.path !== undefined) throw wrongPath(record, "takes one file: PUT it to the upload's own URL");
    const intake = intakeOf(context, record, request);
    return closing(intake, receiveFile(context, record, { intake, signal: options.signal }));
  }
  if (options.path === undefined)
    throw wrongPath(record, "takes a folder: PUT each file to url/relative/path");
  const path = checkPath(options.path);
  checkPath(`${record.path}/${path}`);
  const declared = await declaredOf(context.db, record, path);
  const intake = intakeOf(context, declared === undefined ? record : asDeclared(record, declared), request);
  return closing(intake, receiveTreeFile(context, record, { intake, path, signal: options.signal }));
}

/** A file of a folder is received like a file of its own. */
function asDeclared(
  record: UploadRecord,
  { sizeBytes, sha256 }: { readonly sizeBytes: number; readonly sha256: string | undefined },
): UploadRecord {
  return {
    ...record,
    kind: "FILE",
    declaredBytes: sizeBytes,
    declaredSha256: sha256,
    prefix: Buffer.alloc(0),
  };
}

async function closing(intake: Intake, work: Promise<void>): Promise<void> {
  try {
    await work;
  } finally {
    await intake.close();
  }
}

function wrongPath(record: UploadRecord, what: string): ServiceError {
  return new ServiceError("BAD_USER_INPUT", `The upload for ${record.field} ${what}.`, {
    details: { field: record.field, remedy: "Use the URL as described." },
  });
}

function intakeOf(
  context: UploadContext,
  record: UploadRecord,
  request: { readonly body: AsyncIterable<Uint8Array>; readonly options: ReceiveOptions },
): Intake {
  const isFile = record.kind === "FILE";
  const declared = isFile ? record.declaredBytes : undefined;
  const announced = request.options.sizeBytes;
  if (declared !== undefined && announced !== undefined && declared !== announced) {
    throw new ServiceError(
      "UPLOAD_MISMATCH",
      `The upload for ${record.field} announces ${announced} bytes, but ${declared} were declared.`,
      {
        details: {
          field: record.field,
          value: announced,
          remedy: "Send the declared bytes, or create another upload.",
        },
      },
    );
  }
  return new Intake(request.body, {
    prefix: isFile ? record.prefix : new Uint8Array(),
    field: record.field,
    sizeBytes: declared ?? announced,
    sha256: isFile ? record.declaredSha256 : undefined,
    isNamed: isFile && record.target.addressing === "hash",
    onPart: (part) => context.faults(`put.part[${part}]`),
  });
}

interface Incoming {
  readonly intake: Intake;
  readonly signal: AbortSignal | undefined;
}

async function receiveFile(context: UploadContext, record: UploadRecord, incoming: Incoming): Promise<void> {
  if (record.state !== "OPEN") return compare(record.path, await incoming.intake.digest(), record.sha256);
  const digest = await put(context, record, { ...incoming, path: record.path });
  await markReceived(context, record, digest);
}

/** Notes that the whole file lies under its key. @throws {STORE_CONFLICT} when other bytes were received meanwhile, {UPLOAD_EXPIRED}. */
export async function markReceived(
  context: Pick<UploadContext, "db">,
  record: UploadRecord,
  digest: UploadDigest,
): Promise<void> {
  const { rowCount } = await context.db.query(
    `UPDATE holdfast.upload_detail d SET state = 'RECEIVED', size = $2, sha256 = decode($3, 'hex'), md5 = convert_to($4, 'UTF8'),
       written_at = clock_timestamp()
     WHERE id = $1 AND state = 'OPEN' AND EXISTS (SELECT FROM holdfast.upload u WHERE u.id = d.id AND u.expires_at > clock_timestamp())`,
    [record.id, digest.sizeBytes, digest.sha256, digest.hash ?? null],
  );
  if (rowCount === 1) return;
  // Another PUT of the same upload came first.
  compare(record.path, digest, usable(await loadUpload(context.db, record.id)).sha256);
}

async function receiveTreeFile(
  context: UploadContext,
  record: UploadRecord,
  incoming: Incoming & { readonly path: string },
): Promise<void> {
  const known = await announce(context, record, incoming.path);
  if (known !== null) return compare(incoming.path, await incoming.intake.digest(), known);
  const digest = await put(context, record, { ...incoming, path: `${record.path}/${incoming.path}` });
  await context.db.query(
    // The upload's row first: the order in which `announce` takes its locks.
    `WITH d AS (SELECT id FROM holdfast.upload_detail WHERE id = $1 FOR NO KEY UPDATE),
       file AS (UPDATE holdfast.upload_file f SET size = $3, sha256 = decode($4, 'hex') FROM d
         WHERE f.upload = d.id AND f.path = $2 AND f.sha256 IS NULL RETURNING f.size)
     UPDATE holdfast.upload_detail SET size = coalesce(upload_detail.size, 0) + file.size FROM file WHERE id = $1 AND state = 'OPEN'`,
    [record.id, incoming.path, digest.sizeBytes, digest.sha256],
  );
}

/** Notes that a file is on its way, so that the folder cannot be completed without it. Answers its digest when it has arrived before. */
async function announce(context: UploadContext, record: UploadRecord, path: string): Promise<string | null> {
  const folders = path.split("/").map((_, index, all) => all.slice(0, index).join("/"));
  const { rows } = await context.db.query<{ sha256: string | null; blocked: boolean }>(
    `WITH d AS (SELECT d.id FROM holdfast.upload_detail d WHERE d.id = $1 AND d.state = 'OPEN'
         AND EXISTS (SELECT FROM holdfast.upload u WHERE u.id = d.id AND u.expires_at > clock_timestamp()) FOR SHARE OF d),
       other AS (SELECT EXISTS (SELECT FROM holdfast.upload_file WHERE upload = $1
         AND (path = ANY ($3::text[]) OR path > $2 || '/' AND path < $2 || '0')) AS blocked),
       file AS (INSERT INTO holdfast.upload_file (upload, path) SELECT d.id, $2 FROM d, other WHERE NOT blocked
         ON CONFLICT (upload, path) DO UPDATE SET path = excluded.path RETURNING encode(sha256, 'hex') AS sha256)
     SELECT blocked, file.sha256 FROM d, other LEFT JOIN file ON true`,
    [record.id, path, folders.slice(1)],
  );
  const row = rows[0];
  if (row === undefined) throw await notOpen(context, record);
  if (!row.blocked) return row.sha256;
  throw new ServiceError(
    "STORE_CONFLICT",
    `${JSON.stringify(path)} is a file and a folder in the upload for ${record.field}.`,
    {
      details: { field: record.field, value: path, remedy: "Give files and folders different names." },
    },
  );
}

async function notOpen(context: UploadContext, record: UploadRecord): Promise<ServiceError> {
  const now = await loadUpload(context.db, record.id);
  if (now.isUsed || now.isExpired) return expired();
  return new ServiceError(
    "STORE_CONFLICT",
    `The upload for ${record.field} was completed and takes no more files.`,
    {
      details: { field: record.field, remedy: "Create another upload." },
    },
  );
}

async function put(
  context: UploadContext,
  record: UploadRecord,
  incoming: Incoming & { readonly path: string },
): Promise<UploadDigest> {
  const { driver } = context.stores.get(record.store);
  const { intake, path, signal } = incoming;
  await context.faults("put.before");
  try {
    await driver.put(path, intake.pieces(), signal === undefined ? {} : { signal });
  } catch (error) {
    if (!isServiceError(error, "STORE_CONFLICT")) throw error;
    return adopt(context, record, incoming);
  }
  await context.faults("put.complete-reply-lost");
  return intake.digest();
}

/** The reserved key is ours alone, so bytes under it came by an earlier PUT whose answer was lost: equal ones are taken as received. */
async function adopt(
  context: UploadContext,
  record: UploadRecord,
  incoming: Incoming & { readonly path: string },
): Promise<UploadDigest> {
  const digest = await incoming.intake.digest();
  const found = await context.stores.get(record.store).driver.get(incoming.path, { signal: incoming.signal });
  compare(
    incoming.path,
    digest,
    found === undefined ? undefined : (await digestOf(found.body, incoming.signal)).sha256,
  );
  return digest;
}

export function compare(
  path: string,
  digest: Pick<UploadDigest, "sha256">,
  received: string | undefined,
): void {
  if (digest.sha256 === received) return;
  throw new ServiceError(
    "STORE_CONFLICT",
    `The upload has received other bytes already (${JSON.stringify(path)}).`,
    {
      details: { field: "upload", value: path, remedy: "Create another upload for these bytes." },
    },
  );
}
