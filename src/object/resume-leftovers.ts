/** What unfinished resumable uploads leave in the stores, and its end. */

import { isServiceError } from "../errors.ts";
import { periodically } from "./periodic.ts";
import { cleanAgain, forget, type Leftover, takeLeftovers } from "./resume-record.ts";
import type { UploadContext } from "./upload-receive.ts";

type CleaningContext = Pick<UploadContext, "db" | "stores">;

/** What one round has done. */
export interface CleanedResumables {
  readonly cleaned: number;
  /** Stores that failed, with what they said; tried again in the next round. */
  readonly failed: readonly { readonly store: string; readonly error: unknown }[];
}

/**
 * Cleans up after resumable uploads that have expired, or were received in another way: temporary files, open multipart uploads, rows; of
 * one store if one is named. Safe in any number of processes at once, at any time.
 */
export async function expireResumables(
  context: CleaningContext,
  signal?: AbortSignal,
  store?: string,
): Promise<CleanedResumables> {
  const failed: { store: string; error: unknown }[] = [];
  for (let cleaned = 0; ; ) {
    const round =
      signal?.aborted === true ? { writer: "", found: [] } : await takeLeftovers(context.db, { store });
    for (const leftover of round.found) {
      const error = await clean(context, round.writer, leftover);
      if (error === undefined) cleaned += 1;
      else failed.push({ store: leftover.store, error });
    }
    if (round.found.length === 0) return { cleaned, failed };
  }
}

/** Cleans up now and every `everyMs`, until closed. What fails is told and tried again. */
export function startExpiring(
  context: CleaningContext,
  { everyMs, log }: { readonly everyMs: number; readonly log: (error: unknown, store: string) => void },
): { close(): Promise<void> } {
  const round = async (closing: AbortSignal): Promise<void> => {
    const { failed } = await expireResumables(context, closing);
    for (const { store, error } of failed) log(error, store);
  };
  return periodically(everyMs, round, (error) => log(error, ""));
}

/** Takes the writing of one upload away from whoever is at it, and drops it. */
export async function cleanLeftovers(context: CleaningContext, id: string): Promise<void> {
  const { writer, found } = await takeLeftovers(context.db, { id });
  for (const leftover of found) {
    const error = await clean(context, writer, leftover);
    if (error !== undefined) throw error;
  }
}

async function clean(context: CleaningContext, writer: string, leftover: Leftover): Promise<unknown> {
  const { path, handle, epoch, dead, live } = leftover;
  try {
    const { resumable } = context.stores.get(leftover.store).driver;
    if (handle !== null) await resumable.discard({ path, id: handle, epoch });
    // A service that ended before it had noted what the store answered.
    else if (dead) await resumable.discard({ path, epoch });
    // S3 may take a part that was under way after the upload was aborted, and the upload is open again.
    if (dead && live && resumable.arrivesLate) await cleanAgain(context.db, leftover.upload, writer);
    else await forget(context.db, leftover.upload, writer);
    return undefined;
  } catch (error) {
    if (isServiceError(error)) return error;
    throw error;
  }
}
