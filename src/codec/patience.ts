/** A time limit for work that is also interrupted by waiting for others, which does not count. */

/** Runs out once, unless it is stopped before. */
interface Patience {
  start(): void;
  /** Time stands still until the promise is settled. */
  pause<T>(waiting: Promise<T>): Promise<T>;
  stop(): void;
}

/** @param ms how long the work may take in all, once started, in milliseconds */
export function createPatience(ms: number, runOut: () => void): Patience {
  let left = ms;
  let since = 0;
  let pauses = 0;
  let started = false;
  let timer: NodeJS.Timeout | undefined;
  const go = (): void => {
    if (!started || pauses > 0) return;
    since = performance.now();
    timer = setTimeout(runOut, left);
  };
  const halt = (): void => {
    if (timer === undefined) return;
    clearTimeout(timer);
    timer = undefined;
    left = Math.max(0, left - (performance.now() - since));
  };
  return {
    start() {
      started = true;
      go();
    },
    async pause(waiting) {
      halt();
      pauses += 1;
      try {
        return await waiting;
      } finally {
        pauses -= 1;
        go();
      }
    },
    stop() {
      halt();
      started = false;
    },
  };
}
