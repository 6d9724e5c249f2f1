/** What was declared of an upload before its first byte: the parts of a file, the files of a folder. */

import type { Queryable, Transaction } from "../db/contract.ts";
import { ServiceError } from "../errors.ts";
import { checkPath } from "../store/path.ts";
import type { DeclaredFile, UploadFile, UploadRequest } from "./contract.ts";
import { type PartPlan, planParts } from "./part-plan.ts";
import type { UploadRecord } from "./upload-record.ts";

/** Files that one upload may declare; larger folders are sent without. */
const maxFiles = 10_000;

/** A declared file as it is written down. */
interface Declaration {
  /** Relative to the folder; "" for the file of an upload of one file. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string | null;
  /** Absent: it comes by PUT. */
  readonly plan: PartPlan | undefined;
}

/**
 * Checks the declared parts and files of a request. `takesParts`: the store takes parts from clients.
 * @throws {BAD_USER_INPUT} {LIMIT_EXCEEDED} naming the file and the value.
 */
export function declarationsOf(request: UploadRequest, takesParts: boolean): readonly Declaration[] {
  const { kind, parts, files } = request;
  if (kind === "FILE") {
    if (files !== undefined)
      throw wrong(request, "files", "Only a folder has files: set kind to TREE, or leave files out.");
    return parts === undefined ? [] : fileInParts(request, { parts, takesParts });
  }
  if (parts !== undefined)
    throw wrong(request, "parts", "Of a folder each file has its own parts: declare them in files.");
  return files === undefined ? [] : folder(request, { files, takesParts });
}

function fileInParts(
  request: UploadRequest,
  { parts, takesParts }: { readonly parts: number; readonly takesParts: boolean },
): readonly Declaration[] {
  if (request.sizeBytes === undefined)
    throw wrong(request, "sizeBytes", "Declare sizeBytes: the service cuts the file into parts by it.");
  const sizeBytes = Number(request.sizeBytes);
  const plan = planParts(sizeBytes, parts);
  // Bytes of ours stand before the content of some fields; those uploads pass through us.
  if (!takesParts || (request.prefix?.length ?? 0) > 0) return [];
  return [{ path: "", sizeBytes, sha256: request.sha256?.toLowerCase() ?? null, plan }];
}

function folder(
  request: UploadRequest,
  { files, takesParts }: { readonly files: readonly DeclaredFile[]; readonly takesParts: boolean },
): readonly Declaration[] {
  if (files.length === 0) throw wrong(request, "files", "A folder has one file at least.");
  if (files.length > maxFiles) {
    throw new ServiceError("LIMIT_EXCEEDED", `An upload declares ${maxFiles} files at most.`, {
      details: {
        field: "files",
        value: files.length,
        limit: maxFiles,
        remedy: "Send the folder without files.",
      },
    });
  }
  const declared = files.map((file, index) => declaration(request, file, { index, takesParts }));
  refuseClashes(request, declared);
  const sum = declared.reduce((bytes, { sizeBytes }) => bytes + sizeBytes, 0);
  if (request.sizeBytes !== undefined && Number(request.sizeBytes) !== sum)
    throw wrong(
      request,
      "sizeBytes",
      `The declared files have ${sum} bytes together; declare that, or nothing.`,
    );
  return declared;
}

function declaration(
  request: UploadRequest,
  { path, sizeBytes, sha256, parts }: DeclaredFile,
  { index, takesParts }: { readonly index: number; readonly takesParts: boolean },
): Declaration {
  checkPath(path);
  if (!/^\d{1,16}$/.test(sizeBytes) || Number(sizeBytes) > Number.MAX_SAFE_INTEGER)
    throw wrong(request, `files.${index}.sizeBytes`, "Give the number of bytes in digits.");
  if (sha256 !== undefined && !/^[0-9a-f]{64}$/i.test(sha256))
    throw wrong(request, `files.${index}.sha256`, "Give 64 hex digits.");
  const plan = parts === undefined ? undefined : planParts(Number(sizeBytes), parts);
  return {
    path,
    sizeBytes: Number(sizeBytes),
    sha256: sha256?.toLowerCase() ?? null,
    plan: takesParts ? plan : undefined,
  };
}

function refuseClashes(request: UploadRequest, declared: readonly Declaration[]): void {
  const paths = new Set<string>();
  for (const { path } of declared) {
    if (paths.has(path)) throw wrong(request, "files", `${JSON.stringify(path)} is declared twice.`);
    paths.add(path);
  }
  for (const path of paths) {
    const around = path.split("/").map((_, index, all) => all.slice(0, index).join("/"));
    const clash = around.find((folder) => paths.has(folder));
    if (clash !== undefined)
      throw wrong(request, "files", `${JSON.stringify(clash)} is declared as a file and as a folder.`);
  }
}

function wrong(request: UploadRequest, field: string, remedy: string): ServiceError {
  return new ServiceError("BAD_USER_INPUT", `The upload for ${request.field}: ${remedy}`, {
    details: { field, remedy },
  });
}

/** Writes down what was declared, in the transaction that makes the upload. */
export async function declare(
  transaction: Transaction,
  upload: { readonly id: string; readonly path: string; readonly kind: UploadRequest["kind"] },
  declared: readonly Declaration[],
): Promise<void> {
  if (declared.length === 0) return;
  for (const { path } of declared) if (path !== "") checkPath(`${upload.path}/${path}`);
  const isByParts = declared.some(({ plan }) => plan !== undefined);
  await transaction.query(
    "UPDATE holdfast.upload_detail SET by_parts = $2, has_manifest = $3 WHERE id = $1",
    [upload.id, isByParts, upload.kind === "TREE"],
  );
  await transaction.query(
    `INSERT INTO holdfast.upload_declared (upload, path, size, sha256, part_size, part_count)
     SELECT $1, path, size, decode(sha256, 'hex'), part_size, part_count
     FROM unnest($2::text[], $3::bigint[], $4::text[], $5::bigint[], $6::int[]) AS t (path, size, sha256, part_size, part_count)`,
    [
      upload.id,
      declared.map(({ path }) => path),
      declared.map(({ sizeBytes }) => sizeBytes),
      declared.map(({ sha256 }) => sha256),
      declared.map(({ plan }) => plan?.partBytes ?? null),
      declared.map(({ plan }) => plan?.count ?? null),
    ],
  );
}

/** What a PUT of one file of a folder must bring, where the folder's files were declared. @throws {BAD_USER_INPUT} for a file that was not. */
export async function declaredOf(
  db: Queryable,
  record: UploadRecord,
  path: string,
): Promise<{ readonly sizeBytes: number; readonly sha256: string | undefined } | undefined> {
  if (!record.hasManifest) return undefined;
  const { rows } = await db.query<{ size: string; sha256: string | null; parts: boolean }>(
    `SELECT size::text AS size, encode(sha256, 'hex') AS sha256, part_count IS NOT NULL AS parts
     FROM holdfast.upload_declared WHERE upload = $1 AND path = $2`,
    [record.id, path],
  );
  const row = rows[0];
  const what =
    row === undefined ? "is not among its declared files" : row.parts ? "goes by parts" : undefined;
  if (row !== undefined && what === undefined)
    return { sizeBytes: Number(row.size), sha256: row.sha256 ?? undefined };
  throw new ServiceError(
    "BAD_USER_INPUT",
    `${JSON.stringify(path)} of the upload for ${record.field} ${what}.`,
    {
      details: { field: record.field, value: path, remedy: "Send the files as they were declared." },
    },
  );
}

/** @throws {BAD_USER_INPUT} for a PUT of a file that goes by parts. */
export function refuseByParts(record: UploadRecord): void {
  if (record.kind === "TREE" || !record.isByParts) return;
  throw new ServiceError("BAD_USER_INPUT", `The upload for ${record.field} goes by parts.`, {
    details: {
      field: record.field,
      remedy: "PUT each part to its own URL (signUploadParts), or create an upload without parts.",
    },
  });
}

/** @throws {UPLOAD_MISMATCH} naming declared files that have not arrived, or otherwise than declared. `withParts`: also those that go by parts. */
export async function checkManifest(
  db: Queryable,
  record: UploadRecord,
  { withParts }: { readonly withParts: boolean },
): Promise<void> {
  if (!record.hasManifest) return;
  const { rows } = await db.query<{ path: string }>(
    `SELECT d.path FROM holdfast.upload_declared d LEFT JOIN holdfast.upload_file f ON f.upload = d.upload AND f.path = d.path
     WHERE d.upload = $1 AND ($2 OR d.part_count IS NULL)
       AND (f.sha256 IS NULL OR f.size <> d.size OR d.sha256 IS NOT NULL AND d.sha256 <> f.sha256)
     ORDER BY d.path LIMIT 6`,
    [record.id, withParts],
  );
  if (rows.length === 0) return;
  const names = rows.slice(0, 5).map(({ path }) => JSON.stringify(path));
  const missing = names.join(", ") + (rows.length > 5 ? " and others" : "");
  throw new ServiceError("UPLOAD_MISMATCH", `The upload for ${record.field} has not received ${missing}.`, {
    details: { field: record.field, remedy: "Send what is missing, then complete it." },
  });
}

/** The declared files of a folder, in byte order. */
export async function declaredFiles(db: Queryable, id: string): Promise<readonly UploadFile[]> {
  const { rows } = await db.query<{ path: string; size: string; parts: number | null; received: boolean }>(
    `SELECT d.path, d.size::text AS size, d.part_count AS parts, f.sha256 IS NOT NULL AS received
     FROM holdfast.upload_declared d LEFT JOIN holdfast.upload_file f ON f.upload = d.upload AND f.path = d.path
     WHERE d.upload = $1 AND d.path <> '' ORDER BY d.path`,
    [id],
  );
  return rows.map(({ path, size, parts, received }) => ({
    path,
    sizeBytes: Number(size),
    ...(parts === null ? {} : { partCount: parts }),
    isReceived: received,
  }));
}
