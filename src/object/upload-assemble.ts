/** Putting the parts of a file together, at the store, into the object of its reserved key. */

import { setTimeout as delay } from "node:timers/promises";
import { isServiceError, ServiceError } from "../errors.ts";
import type { StoredPart } from "../store/contract.ts";
import { expired } from "./lease.ts";
import { partSize } from "./part-plan.ts";
import { arrived, multipartOf, type PartFile } from "./upload-parts.ts";
import type { UploadContext } from "./upload-receive.ts";

/** A part as its sender was told of it by the store. */
export interface SentPart {
  readonly number: number;
  readonly tag?: string;
}

/** The last and longest pause before an object that a store does not show is given up: all pauses together are twice this. */
const maxPauseMs = 3_200;
/** Parts that are named in a message. */
const maxNamed = 20;

/**
 * Holds what has arrived against the plan; "gone" when the store has the multipart upload no more.
 * @throws {UPLOAD_MISMATCH} naming the parts that are missing or wrong: nothing is visible, they can be sent and the upload completed later.
 */
export async function checkParts(
  context: UploadContext,
  file: PartFile,
  { sent = [], signal }: { readonly sent?: readonly SentPart[]; readonly signal?: AbortSignal | undefined },
): Promise<readonly StoredPart[] | "gone"> {
  const found = await arrived(context, file, signal);
  if (found === "gone") return found;
  const byNumber = new Map(found.map((part) => [part.number, part]));
  const missing: number[] = [];
  const wrong: number[] = [];
  const planned: StoredPart[] = [];
  for (let number = 1; number <= file.plan.count; number++) {
    const part = byNumber.get(number);
    if (part === undefined) missing.push(number);
    else if (part.sizeBytes !== partSize(file.sizeBytes, file.plan, number)) wrong.push(number);
    else planned.push(part);
  }
  for (const { number, tag } of sent) {
    const isSame = tag === undefined || bare(byNumber.get(number)?.tag) === bare(tag);
    if (!isSame && !missing.includes(number) && !wrong.includes(number)) wrong.push(number);
  }
  if (missing.length > 0 || wrong.length > 0) throw notAsPlanned(file, { missing, wrong });
  return planned;
}

/** An ETag without its quotes. */
function bare(tag: string | undefined): string | undefined {
  return tag?.replace(/^(W\/)?"(.*)"$/, "$2");
}

function notAsPlanned(
  file: PartFile,
  { missing, wrong }: { readonly missing: readonly number[]; readonly wrong: readonly number[] },
): ServiceError {
  const faults = [
    ...(missing.length > 0 ? [`has not received part ${named(missing)}`] : []),
    ...(wrong.length > 0 ? [`has other bytes than those of part ${named(wrong)}`] : []),
  ];
  const of = file.path === "" ? "" : ` (${JSON.stringify(file.path)})`;
  return new ServiceError(
    "UPLOAD_MISMATCH",
    `The upload for ${file.upload.field}${of} ${faults.join(" and ")}.`,
    {
      details: {
        field: file.upload.field,
        ...(file.path === "" ? {} : { value: file.path }),
        missingParts: missing.slice(0, maxNamed),
        wrongParts: wrong.slice(0, maxNamed),
        remedy: "Have those parts signed by signUploadParts, send them, then complete the upload.",
      },
    },
  );
}

function named(numbers: readonly number[]): string {
  const names = numbers.slice(0, maxNamed).join(", ");
  return numbers.length > maxNamed ? `${names} and ${numbers.length - maxNamed} others` : names;
}

/** Makes the object of a file and writes down that it was made. It may have been made before: by a call that was cut short, or by one beside this. */
export async function assemble(context: UploadContext, file: PartFile, signal: AbortSignal): Promise<void> {
  if (file.isAssembled) return;
  if (file.plan.count === 0) await putEmpty(context, file, signal);
  else {
    const parts = await checkParts(context, file, { signal });
    if (parts === "gone") await requireObject(context, file, signal);
    else await putTogether(context, file, { parts, signal });
  }
  await context.faults("parts.assembled");
  await context.db.query(
    "UPDATE holdfast.upload_declared SET assembled_at = coalesce(assembled_at, clock_timestamp()) WHERE upload = $1 AND path = $2",
    [file.upload.id, file.path],
  );
}

async function putEmpty(context: UploadContext, file: PartFile, signal: AbortSignal): Promise<void> {
  const { driver } = context.stores.get(file.upload.store);
  try {
    await driver.put(file.key, nothing(), { sizeBytes: 0, signal });
  } catch (error) {
    // The key is ours alone: an earlier completion got this far.
    if (!isServiceError(error, "STORE_CONFLICT")) throw error;
  }
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

async function putTogether(
  context: UploadContext,
  file: PartFile,
  { parts, signal }: { readonly parts: readonly StoredPart[]; readonly signal: AbortSignal },
): Promise<void> {
  const { multipart = "" } = file;
  try {
    await multipartOf(context, file.upload.store).complete(file.key, multipart, { parts, signal });
  } catch (error) {
    signal.throwIfAborted();
    // Refused by the store, or its answer was lost: then the object is there.
    if (isServiceError(error, "NOT_FOUND")) return requireObject(context, file, signal);
    const made = await context.stores
      .get(file.upload.store)
      .driver.head(file.key, signal)
      .catch(() => undefined);
    if (made === undefined) throw error;
  }
}

/**
 * The reserved key is ours alone, so bytes under it are those of these parts. A store may drop the parts a moment before it shows the object,
 * and a completion whose caller has gone may still be at it: what is not there yet is looked for again.
 * @throws {UPLOAD_EXPIRED} when the store has dropped them.
 */
async function requireObject(context: UploadContext, file: PartFile, signal: AbortSignal): Promise<void> {
  const { driver } = context.stores.get(file.upload.store);
  for (let pauseMs = 50; pauseMs <= maxPauseMs; pauseMs *= 2) {
    if ((await driver.head(file.key, signal)) !== undefined) return;
    await delay(pauseMs, undefined, { signal });
  }
  if ((await driver.head(file.key, signal)) !== undefined) return;
  throw expired(new Error(`The store has neither the parts nor the object ${file.key}.`));
}
