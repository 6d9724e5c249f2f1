/** An upload with its parts and files, as its caller sees it. */

import { ServiceError } from "../errors.ts";
import type { UploadPart, UploadState } from "./contract.ts";
import { declaredFiles } from "./upload-declared.ts";
import { maxSigned, partFiles, partsOf, plannedParts, signParts } from "./upload-parts.ts";
import type { UploadContext } from "./upload-receive.ts";
import { loadUpload, stateOf, type UploadRecord } from "./upload-record.ts";

/** The new upload, the first of its parts with their URLs. */
export async function firstParts(
  context: UploadContext,
  record: UploadRecord,
  signal: AbortSignal | undefined,
): Promise<UploadState> {
  const [file] = record.isByParts ? await partFiles(context.db, record, "") : [];
  if (file === undefined) return withFiles(context, record, stateOf(record));
  const numbers = Array.from({ length: Math.min(maxSigned, file.plan.count) }, (_, index) => index + 1);
  const signed =
    numbers.length === 0
      ? []
      : await signParts(context, record.id, { request: { numbers }, caller: { signal } });
  const parts = plannedParts(file, () => false).map((part, index) => signed[index] ?? part);
  return { ...stateOf(record), parts };
}

/** With what is known without asking the store. */
export async function partsTold(context: UploadContext, record: UploadRecord): Promise<UploadState> {
  const [file] = record.isByParts ? await partFiles(context.db, record, "") : [];
  if (file === undefined) return withFiles(context, record, stateOf(record));
  return told(
    record,
    plannedParts(file, () => true),
  );
}

/** With what the store has received. */
export async function progress(
  context: UploadContext,
  id: string,
  { path = "", signal }: { readonly path?: string; readonly signal?: AbortSignal },
): Promise<UploadState> {
  const record = await loadUpload(context.db, id);
  const [file] = record.isByParts ? await partFiles(context.db, record, path) : [];
  if (file !== undefined) {
    const isOver = stateOf(record).state === "COMPLETE" || record.isUsed;
    const parts = isOver ? plannedParts(file, () => true) : await partsOf(context, file, signal);
    return path === "" ? told(record, parts) : { ...stateOf(record), parts };
  }
  if (path === "") return withFiles(context, record, stateOf(record));
  throw new ServiceError(
    "BAD_USER_INPUT",
    `The upload for ${record.field} has no file ${JSON.stringify(path.slice(0, 200))} that goes by parts.`,
    {
      details: {
        field: "path",
        value: path.slice(0, 200),
        remedy: "Name a file that was declared with parts.",
      },
    },
  );
}

function told(record: UploadRecord, parts: readonly UploadPart[]): UploadState {
  const received = parts.reduce((sum, part) => sum + (part.isReceived ? part.sizeBytes : 0), 0);
  return { ...stateOf(record), receivedBytes: String(received), parts };
}

async function withFiles(
  context: UploadContext,
  record: UploadRecord,
  state: UploadState,
): Promise<UploadState> {
  return record.hasManifest ? { ...state, files: await declaredFiles(context.db, record.id) } : state;
}
