/** Work on a few items at a time, with results in the order of the items. */

/** Keeps `ahead` items at work. After a failure nothing more is begun; what runs is waited for. */
export async function* inOrder<Item, Result>(
  items: Iterable<Item>,
  ahead: number,
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<Result> {
  const queue = items[Symbol.iterator]();
  const running: Promise<Result>[] = [];
  const begin = (): void => {
    const next = queue.next();
    if (next.done === true) return;
    const task = work(next.value);
    // Whoever waits for it is told; perhaps nobody will.
    task.catch(() => undefined);
    running.push(task);
  };
  try {
    for (let i = 0; i < ahead; i++) begin();
    for (let next = running.shift(); next !== undefined; next = running.shift()) {
      const result = await next;
      begin();
      yield result;
    }
  } finally {
    await Promise.allSettled(running);
  }
}
