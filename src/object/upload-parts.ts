/** The parts of an upload that its sender puts into the store itself: begun, signed, looked at. */

import type { Queryable } from "../db/contract.ts";
import { isServiceError, ServiceError } from "../errors.ts";
import type { MultipartAbility, StoredPart } from "../store/contract.ts";
import type { UploadCaller, UploadPart } from "./contract.ts";
import { expired } from "./lease.ts";
import { type PartPlan, partSize } from "./part-plan.ts";
import type { UploadContext } from "./upload-receive.ts";
import { loadUpload, type UploadRecord, usable } from "./upload-record.ts";

/** Longest life of a part's URL. */
const urlSeconds = 900;
/** URLs signed in one call. */
export const maxSigned = 100;

/** A file that goes by parts. */
export interface PartFile {
  readonly upload: UploadRecord;
  /** Relative to a folder; "" for the file of an upload of one file. */
  readonly path: string;
  /** In the store. */
  readonly key: string;
  readonly sizeBytes: number;
  readonly sha256: string | undefined;
  readonly plan: PartPlan;
  /** The store's name of the multipart upload; absent: not begun. */
  readonly multipart: string | undefined;
  /** The store has made the object. */
  readonly isAssembled: boolean;
  /** The object was read back and is as declared. */
  readonly isVerified: boolean;
}

interface Row {
  path: string;
  size: string;
  sha256: string | null;
  part_size: string;
  part_count: number;
  multipart: string | null;
  assembled: boolean;
  verified: boolean;
}

/** The files of an upload that go by parts, in byte order; with `path` that one, if it does. */
export async function partFiles(
  db: Queryable,
  upload: UploadRecord,
  path?: string,
): Promise<readonly PartFile[]> {
  const { rows } = await db.query<Row>(
    `SELECT d.path, d.size::text AS size, encode(d.sha256, 'hex') AS sha256, d.part_size::text AS part_size, d.part_count, d.multipart,
       d.assembled_at IS NOT NULL AS assembled, f.sha256 IS NOT NULL AS verified
     FROM holdfast.upload_declared d LEFT JOIN holdfast.upload_file f ON f.upload = d.upload AND f.path = d.path
     WHERE d.upload = $1 AND d.part_count IS NOT NULL AND ($2::text IS NULL OR d.path = $2) ORDER BY d.path`,
    [upload.id, path ?? null],
  );
  return rows.map((row) => ({
    upload,
    path: row.path,
    key: row.path === "" ? upload.path : `${upload.path}/${row.path}`,
    sizeBytes: Number(row.size),
    sha256: row.sha256 ?? undefined,
    plan: { partBytes: Number(row.part_size), count: row.part_count },
    multipart: row.multipart ?? undefined,
    isAssembled: row.assembled,
    isVerified: row.verified || upload.state === "COMPLETE",
  }));
}

/** The store's ability; there is always one where parts were planned, unless the store was configured anew. */
export function multipartOf(context: Pick<UploadContext, "stores">, store: string): MultipartAbility {
  const { multipart } = context.stores.get(store).driver;
  if (multipart !== undefined) return multipart;
  throw new ServiceError("STORE_UNAVAILABLE", `The store ${store} takes no parts any more.`, {
    details: { field: "store", value: store, remedy: "Restore its configuration, or create another upload." },
  });
}

/** What has arrived of a file; "gone" when the store knows of no such multipart upload (any more). */
export async function arrived(
  context: UploadContext,
  file: PartFile,
  signal?: AbortSignal,
): Promise<readonly StoredPart[] | "gone"> {
  if (file.multipart === undefined) return [];
  try {
    return await multipartOf(context, file.upload.store).parts(file.key, file.multipart, signal);
  } catch (error) {
    if (isServiceError(error, "NOT_FOUND")) return "gone";
    throw error;
  }
}

/** All parts of a file, with what has arrived of them, unsigned. */
export async function partsOf(
  context: UploadContext,
  file: PartFile,
  signal?: AbortSignal,
): Promise<readonly UploadPart[]> {
  if (file.isAssembled || file.upload.isExpired) return plannedParts(file, () => file.isAssembled);
  const found = await arrived(context, file, signal);
  const sizes = new Map(found === "gone" ? [] : found.map((part) => [part.number, part.sizeBytes]));
  // Gone, and not expired: it is being put together right now.
  return plannedParts(file, (number, sizeBytes) => found === "gone" || sizes.get(number) === sizeBytes);
}

/** The parts as planned. */
export function plannedParts(
  file: PartFile,
  isReceived: (number: number, sizeBytes: number) => boolean,
): readonly UploadPart[] {
  return Array.from({ length: file.plan.count }, (_, index) => {
    const sizeBytes = partSize(file.sizeBytes, file.plan, index + 1);
    return { number: index + 1, sizeBytes, isReceived: isReceived(index + 1, sizeBytes) };
  });
}

interface SignRequest {
  readonly numbers: readonly number[];
  readonly path?: string;
}

/** Signs a URL for each of these parts; begins the multipart upload where nobody has. */
export async function signParts(
  context: UploadContext,
  id: string,
  { request, caller }: { readonly request: SignRequest; readonly caller: UploadCaller },
): Promise<readonly UploadPart[]> {
  const record = usable(await loadUpload(context.db, id));
  refuseOthers(record, caller);
  const file = await fileToSign(context, record, request);
  const { signal } = caller;
  const multipart = file.multipart ?? (await begin(context, file, signal));
  const found = file.multipart === undefined ? [] : await arrived(context, file, signal);
  if (found === "gone") throw notOpen(file);
  const seconds = Math.floor(Math.min(urlSeconds, (record.expiresAt.getTime() - Date.now()) / 1000));
  if (seconds < 1) throw expired();
  const ability = multipartOf(context, record.store);
  return Promise.all(
    request.numbers.map(async (number) => {
      const sizeBytes = partSize(file.sizeBytes, file.plan, number);
      const isReceived = found.some((part) => part.number === number && part.sizeBytes === sizeBytes);
      const expiresAt = new Date(Date.now() + seconds * 1000);
      const url = await ability.partUrl(file.key, multipart, {
        number,
        sizeBytes,
        expiresInSeconds: seconds,
      });
      return { number, sizeBytes, url, expiresAt, isReceived };
    }),
  );
}

/** @throws {FORBIDDEN} when somebody else made the upload. */
export function refuseOthers(record: UploadRecord, { principal }: UploadCaller): void {
  if (principal === undefined || record.principal === undefined || principal === record.principal) return;
  throw new ServiceError("FORBIDDEN", `The upload for ${record.field} was made by somebody else.`, {
    details: { field: record.field, remedy: "Create an upload of your own." },
  });
}

async function fileToSign(
  context: UploadContext,
  record: UploadRecord,
  request: SignRequest,
): Promise<PartFile> {
  const { numbers, path = "" } = request;
  const [file] = record.isByParts ? await partFiles(context.db, record, path) : [];
  if (file === undefined) {
    const what = path === "" ? "" : ` (${JSON.stringify(path.slice(0, 200))})`;
    throw new ServiceError("BAD_USER_INPUT", `The upload for ${record.field} has no parts${what}.`, {
      details: {
        field: path === "" ? "id" : "path",
        value: path === "" ? record.id : path.slice(0, 200),
        remedy:
          record.kind === "TREE"
            ? "Name a file that was declared with parts; PUT the others to url/relative/path."
            : "PUT the bytes to the upload's url.",
      },
    });
  }
  if (file.isAssembled || record.state !== "OPEN") throw notOpen(file);
  if (numbers.length > maxSigned) {
    throw new ServiceError("LIMIT_EXCEEDED", `One call signs ${maxSigned} parts at most.`, {
      details: {
        field: "numbers",
        value: numbers.length,
        limit: maxSigned,
        remedy: "Ask for the others later.",
      },
    });
  }
  const odd = numbers.find((number) => !Number.isInteger(number) || number < 1 || number > file.plan.count);
  if (odd === undefined) return file;
  throw new ServiceError("BAD_USER_INPUT", `The upload for ${record.field} has no part ${odd}.`, {
    details: { field: "numbers", value: odd, remedy: `Its parts are numbered from 1 to ${file.plan.count}.` },
  });
}

function notOpen({ upload, path }: PartFile): ServiceError {
  return new ServiceError("STORE_CONFLICT", `The upload for ${upload.field} takes no more parts.`, {
    details: {
      field: upload.field,
      ...(path === "" ? {} : { value: path }),
      remedy: "Complete it, or create another upload.",
    },
  });
}

/** Begins the multipart upload. Of two that begin at once one counts; the other has no URLs, and goes. */
async function begin(
  context: UploadContext,
  file: PartFile,
  signal: AbortSignal | undefined,
): Promise<string> {
  const ability = multipartOf(context, file.upload.store);
  const multipart = await ability.begin(file.key, signal);
  await context.faults("parts.begun");
  const { rows } = await context.db.query<{ multipart: string }>(
    // The upload may have ended, and been swept, meanwhile: then it is swept again.
    `WITH d AS (UPDATE holdfast.upload_detail SET sweep_at = coalesce(sweep_at, clock_timestamp()) WHERE id = $1)
     UPDATE holdfast.upload_declared SET multipart = coalesce(multipart, $3) WHERE upload = $1 AND path = $2 RETURNING multipart`,
    [file.upload.id, file.path, multipart],
  );
  const counts = rows[0]?.multipart;
  if (counts !== multipart) await ability.abort(file.key, multipart).catch(() => undefined);
  if (counts === undefined) throw expired();
  return counts;
}
