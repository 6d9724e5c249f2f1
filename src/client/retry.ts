/** Trying again what may work a moment later. */

import { setTimeout as sleep } from "node:timers/promises";
import { type ErrorCode, isServiceError } from "../errors.ts";

/** Trouble of the network, the server or its store, which passes. */
const passing: readonly ErrorCode[] = [
  "SERVER_UNAVAILABLE",
  "STORE_UNAVAILABLE",
  "DATABASE_UNAVAILABLE",
  "RATE_LIMITED",
];

/** Whether the same request may work a moment later. */
export function isPassing(error: unknown): boolean {
  return passing.some((code) => isServiceError(error, code));
}

const attempts = 7;
const firstPauseMs = 100;
const longestPauseMs = 4000;

/**
 * Runs `work` until it succeeds. What passes is tried again after growing pauses, a few times without progress; `work` tells of progress by
 * calling its argument. Everything else is thrown at once.
 */
export async function retrying<T>(
  work: (progressed: () => void) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  let failures = 0;
  const progressed = () => {
    failures = 0;
  };
  for (;;) {
    try {
      return await work(progressed);
    } catch (error) {
      failures += 1;
      if (!isPassing(error) || failures >= attempts || signal.aborted) throw error;
      const pause = Math.min(longestPauseMs, firstPauseMs * 2 ** (failures - 1));
      // Clients that were cut off together must not come back together.
      await sleep(pause * (0.5 + Math.random() / 2), undefined, { signal });
    }
  }
}
