/** Work on the database that waits for it where it is away, instead of failing. */

import { setTimeout as sleep } from "node:timers/promises";
import { isServiceError } from "../../errors.ts";

const firstWaitMs = 50;
const longestWaitMs = 5_000;

/** Runs `work` until it is done; only other errors than an unreachable database are thrown, and the signal's reason. */
export async function persist<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let waitMs = firstWaitMs; ; waitMs = Math.min(waitMs * 2, longestWaitMs)) {
    signal.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      if (!isPassing(error)) throw error;
    }
    await sleep(waitMs, undefined, { signal });
  }
}

/** A fault of the protocol counts as a lost connection elsewhere; here it would come again for ever. */
function isPassing(error: unknown): boolean {
  if (isServiceError(error, "CONFLICT")) return true;
  return isServiceError(error, "DATABASE_UNAVAILABLE") && error.details["sqlstate"] !== "08P01";
}
