/** Doing something to many, a bounded number at a time. */

/** Runs `work` for every item, `width` at a time. The first failure stops the others: nothing more is begun, and their signal is aborted. */
export async function eachAtOnce<Item>(
  items: Iterable<Item>,
  { width, signal }: { readonly width: number; readonly signal: AbortSignal },
  work: (item: Item, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  const ended = AbortSignal.any([signal, stop.signal]);
  const queue = items[Symbol.iterator]();
  let failure: { readonly error: unknown } | undefined;
  const lane = async (): Promise<void> => {
    for (let next = queue.next(); next.done !== true && !ended.aborted; next = queue.next()) {
      try {
        await work(next.value, ended);
      } catch (error) {
        failure ??= { error };
        stop.abort();
      }
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
  if (failure !== undefined) throw failure.error;
  signal.throwIfAborted();
}
