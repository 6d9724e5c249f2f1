/** Lets a number of callers in at a time; the others wait in order, and may leave. */

/** Gives back the function that ends the turn. */
type TakeTurn = (signal: AbortSignal | undefined) => Promise<() => void>;

export function createTurns(atOnce: number): TakeTurn {
  const waiting = new Set<() => void>();
  let free = atOnce;
  const end = (): void => {
    const [next] = waiting;
    if (next === undefined) {
      free += 1;
      return;
    }
    waiting.delete(next);
    next();
  };
  return async (signal) => {
    signal?.throwIfAborted();
    if (free > 0) {
      free -= 1;
      return end;
    }
    const turn = Promise.withResolvers<void>();
    const leave = (): void => {
      // Who has the turn already passes it on by ending it.
      if (waiting.delete(turn.resolve)) turn.reject(signal?.reason);
    };
    waiting.add(turn.resolve);
    signal?.addEventListener("abort", leave, { once: true });
    try {
      await turn.promise;
    } finally {
      signal?.removeEventListener("abort", leave);
    }
    return end;
  };
}
