/** Doing the same to many things, a few at a time, however many there are. */

/** Takes one item after the other and has `count` of them in work. When one fails no other is begun, and all have ended before it is thrown. */
export async function inParallel<T>(
  items: AsyncIterable<T> | Iterable<T>,
  count: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const iterator = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  const state = { isOver: false };
  const lane = async (): Promise<void> => {
    try {
      while (!state.isOver) {
        const next = await iterator.next();
        if (next.done === true) break;
        await work(next.value);
      }
    } finally {
      state.isOver = true;
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: count }, lane));
  await iterator.return?.();
  for (const one of ended) if (one.status === "rejected") throw one.reason;
}
