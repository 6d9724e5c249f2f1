/** What must not pass unseen in a process that serves: rejections that nobody waits for, and errors that nobody caught. */

import type { Logger } from "pino";

/** A guard that stands. */
interface ProcessGuard {
  /** Rejects with an error that nobody caught: the process cannot be trusted any more and is to stop in order. */
  readonly failed: Promise<never>;
  dispose(): void;
}

/** A rejection that nobody waits for is logged and the service goes on: the request that it belonged to is over. */
export function guardProcess(logger: Logger): ProcessGuard {
  const { promise, reject } = Promise.withResolvers<never>();
  // Whoever starts to wait later is told as well; before that it must not count as unhandled itself.
  promise.catch(() => undefined);
  const rejected = (error: unknown) => logger.error({ err: error }, "a rejection that nobody waits for");
  const thrown = (error: unknown) => {
    logger.fatal({ err: error }, "an error that nobody caught; the service stops");
    reject(error);
  };
  process.on("unhandledRejection", rejected);
  process.on("uncaughtException", thrown);
  return {
    failed: promise,
    dispose: () => {
      process.off("unhandledRejection", rejected);
      process.off("uncaughtException", thrown);
    },
  };
}
