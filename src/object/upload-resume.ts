/** Resumable uploads: one file, sent by several requests one after the other, through restarts of client and service. */

import { createHash } from "node:crypto";
import { isServiceError, ServiceError } from "../errors.ts";
import type { AppendRequest, ResumableUploads, ResumeState } from "./contract.ts";
import { expired } from "./lease.ts";
import { Claim } from "./resume-claim.ts";
import { type DigestStates, ResumableDigest } from "./resume-digest.ts";
import { finish, reset } from "./resume-finish.ts";
import { cleanLeftovers } from "./resume-leftovers.ts";
import { Pieces } from "./resume-pieces.ts";
import { type Resumption, tailOf } from "./resume-record.ts";
import { refuseByParts } from "./upload-declared.ts";
import type { UploadContext } from "./upload-receive.ts";
import { loadUpload, type UploadRecord, usable } from "./upload-record.ts";
import { endUpload } from "./upload-verify.ts";

/** The resumable uploads of a service. */
export function createResumableUploads(context: UploadContext): ResumableUploads {
  return {
    progress: (id) => progress(context, id),
    append: (id, request) => append(context, id, request),
    terminate: (id) => terminate(context, id),
  };
}

async function load(context: UploadContext, id: string): Promise<UploadRecord> {
  const record = usable(await loadUpload(context.db, id));
  refuseByParts(record);
  if (record.kind === "FILE") return record;
  throw new ServiceError(
    "BAD_USER_INPUT",
    `The upload for ${record.field} takes a folder; this URL takes one file.`,
    {
      details: { field: record.field, remedy: "PUT each file to the upload's url/relative/path." },
    },
  );
}

/** Bytes of the content among `received` stored ones. */
function contentBytes(record: UploadRecord, received = record.sizeBytes ?? 0): number {
  return Math.max(0, received - record.prefix.length);
}

function stateAt(record: UploadRecord, offset: number): ResumeState {
  const { declaredBytes, expiresAt, filename, state } = record;
  const sizeBytes = state === "OPEN" ? declaredBytes : contentBytes(record);
  return { offset, expiresAt, filename, ...(sizeBytes === undefined ? {} : { sizeBytes }) };
}

/** Where to go on. What is all there and was not finished, because the service ended, is finished first. */
async function progress(context: UploadContext, id: string): Promise<ResumeState> {
  const record = await load(context, id);
  const offset = contentBytes(record);
  if (record.state !== "OPEN" || offset !== record.declaredBytes) return stateAt(record, offset);
  return append(context, id, { offset, body: nothing() });
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

async function append(context: UploadContext, id: string, request: AppendRequest): Promise<ResumeState> {
  const found = await load(context, id);
  const record = await withSize(context, found, request.sizeBytes);
  checkLength(record, request);
  if (record.state !== "OPEN") {
    if (request.offset !== contentBytes(record)) throw wrongOffset(record, contentBytes(record));
    return stateAt(record, request.offset);
  }
  const { claim, from } = await Claim.open(context.db, record);
  try {
    const offset = await takeBody(context, { record, claim, from, request });
    return stateAt(record, offset);
  } catch (error) {
    if (!isServiceError(error, "OBJECT_MISSING")) throw error;
    // Somebody cleaned the store: what is remembered is worth nothing.
    await reset(context, record, claim);
    throw wrongOffset(record, 0);
  } finally {
    await claim.close();
  }
}

/** Takes note of a size that comes after the upload was made. */
async function withSize(
  context: UploadContext,
  record: UploadRecord,
  sizeBytes: number | undefined,
): Promise<UploadRecord> {
  if (sizeBytes === undefined || sizeBytes === record.declaredBytes) return record;
  if (record.declaredBytes === undefined && record.state === "OPEN" && sizeBytes >= contentBytes(record)) {
    await context.db.query(
      "UPDATE holdfast.upload_detail SET declared_size = $2 WHERE id = $1 AND declared_size IS NULL AND state = 'OPEN'",
      [record.id, sizeBytes],
    );
    const now = await load(context, record.id);
    if (now.declaredBytes === sizeBytes) return now;
  }
  throw new ServiceError("BAD_USER_INPUT", `The upload for ${record.field} cannot have ${sizeBytes} bytes.`, {
    details: { field: "Upload-Length", value: sizeBytes, remedy: "Declare the size once, and truly." },
  });
}

function checkLength(record: UploadRecord, { offset, bodyBytes = 0 }: AppendRequest): void {
  if (offset + bodyBytes > (record.declaredBytes ?? Number.POSITIVE_INFINITY)) throw tooMany(record);
}

function tooMany({ field, declaredBytes }: UploadRecord): ServiceError {
  return new ServiceError(
    "UPLOAD_MISMATCH",
    `The upload for ${field} brought more than the declared ${declaredBytes} bytes.`,
    { details: { field, remedy: "Send the declared bytes, or create another upload." } },
  );
}

interface Taking {
  readonly record: UploadRecord;
  readonly claim: Claim;
  readonly from: Resumption;
  readonly request: AppendRequest;
}

/** Answers the offset of the content. What came before the body broke off is kept, except where its checksum is to be compared. */
async function takeBody(context: UploadContext, taking: Taking): Promise<number> {
  const { record, claim, from, request } = taking;
  const at = contentBytes(record, from.received);
  if (request.offset !== at) throw wrongOffset(record, at);
  const digest = await openDigest(context, taking);
  const { pieces, take } = await openPieces(context, { ...taking, digest });
  try {
    const broken = await receive(request, take);
    if (broken !== undefined && request.checksum !== undefined) throw broken.cause;
    const isWhole = contentBytes(record, pieces.received) === record.declaredBytes;
    if (isWhole || contentBytes(record, pieces.received) > at)
      await pieces.end(isWhole && broken === undefined);
    if (broken !== undefined) throw broken.cause;
    if (isWhole) await claim.during(() => finish(context, { record, claim, pieces, digest }));
    return contentBytes(record, pieces.received);
  } finally {
    await pieces.abandon();
  }
}

async function openDigest(context: UploadContext, { record, claim, from }: Taking): Promise<ResumableDigest> {
  const wanted = {
    md5: record.target.addressing === "hash",
    content: record.declaredSha256 !== undefined && record.prefix.length > 0,
  };
  const open = (states: DigestStates | undefined) => ResumableDigest.open(wanted, states);
  if (from.states === undefined) return open(undefined);
  return open(from.states).catch(async () => {
    // The states are of another version of the library: nothing can be gone on with.
    await reset(context, record, claim);
    throw wrongOffset(record, 0);
  });
}

async function openPieces(context: UploadContext, taking: Taking & { readonly digest: ResumableDigest }) {
  const { record, claim, from, request, digest } = taking;
  const { resumable: ability } = context.stores.get(record.store).driver;
  const sizeBytes =
    record.declaredBytes === undefined ? undefined : record.declaredBytes + record.prefix.length;
  if (from.handle !== undefined)
    await ability.take({ path: record.path, id: from.handle, epoch: from.epoch });
  const pieces = new Pieces({
    ability,
    path: record.path,
    claim,
    digest,
    from,
    tail: () => tailOf(context.db, record.id),
    sizeBytes,
    isHeld: request.checksum !== undefined,
  });
  if (from.received === 0) await pieces.prefix(record.prefix);
  const take = async (chunk: Uint8Array): Promise<void> => {
    claim.moved();
    const received = contentBytes(record, pieces.received) + chunk.length;
    if (received > (record.declaredBytes ?? Number.POSITIVE_INFINITY)) throw tooMany(record);
    await pieces.push(chunk);
  };
  return { pieces, take };
}

/** Reads the body to its end, or to where it breaks off, which is answered. @throws what `take` throws, or for a wrong checksum. */
async function receive(
  { body, checksum }: AppendRequest,
  take: (chunk: Uint8Array) => Promise<void>,
): Promise<{ readonly cause: unknown } | undefined> {
  const hash = checksum === undefined ? undefined : createHash(checksum.algorithm);
  const source = body[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await source.next().catch((cause: unknown) => ({ cause }));
      if ("cause" in next) return next;
      if (next.done === true) break;
      hash?.update(next.value);
      await take(next.value);
    }
  } finally {
    await source.return?.();
  }
  if (hash !== undefined && checksum !== undefined && !hash.digest().equals(checksum.digest))
    throw wrongChecksum();
  return undefined;
}

function wrongChecksum(): ServiceError {
  return new ServiceError(
    "UPLOAD_MISMATCH",
    "The bytes received are not those that Upload-Checksum declares.",
    {
      details: { field: "Upload-Checksum", httpStatus: 460, remedy: "Send the same bytes again." },
    },
  );
}

function wrongOffset(record: UploadRecord, offset: number): ServiceError {
  return new ServiceError("CONFLICT", `The upload for ${record.field} goes on at ${offset}.`, {
    details: { field: "Upload-Offset", value: offset, remedy: "Ask for the offset, then go on from there." },
  });
}

/** Ends an upload that no row has, and drops what it has received. @throws {UPLOAD_EXPIRED} when it is over already. */
async function terminate(context: UploadContext, id: string): Promise<void> {
  const record = await load(context, id);
  if (!(await endUpload(context.db, record.id))) throw expired();
  await cleanLeftovers(context, record.id);
}
