/** Work that is done at once and then every so often, one round at a time, until it is closed. */

/** A round that takes longer than the interval is not queued up behind; what it throws goes to `failed`, and the next one comes all the same. */
export function periodically(
  everyMs: number,
  round: (closing: AbortSignal) => Promise<void>,
  failed: (error: unknown) => void,
): { close(): Promise<void> } {
  const closing = new AbortController();
  let running: Promise<void> | undefined;
  const run = (): void => {
    running ??= round(closing.signal)
      .catch(failed)
      .finally(() => {
        running = undefined;
      });
  };
  const timer = setInterval(run, everyMs).unref();
  run();
  return {
    close: async () => {
      clearInterval(timer);
      closing.abort();
      await running;
    },
  };
}
