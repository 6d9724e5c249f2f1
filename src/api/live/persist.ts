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
      const isAway = isServiceError(error, "DATABASE_UNAVAILABLE") || isServiceError(error, "CONFLICT");
      if (!isAway) throw error;
    }
    await sleep(waitMs, undefined, { signal });
  }
}
