/** Work that several ask for at the same time is done once; it stops when all of them have gone. */

interface Flight<Result> {
  readonly done: Promise<Result>;
  readonly stop: AbortController;
  waiting: number;
}

/** Joins the work of `key` where it is going on, else starts it. A failure is told to all who wait, and is not kept. */
type Join<Result> = (
  key: string,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<Result>,
) => Promise<Result>;

/** Work by key. */
export function createFlights<Result>(): Join<Result> {
  const flying = new Map<string, Flight<Result>>();
  const land = (key: string, flight: Flight<Result>): void => {
    if (flying.get(key) === flight) flying.delete(key);
  };
  const start = (key: string, work: Parameters<Join<Result>>[2]): Flight<Result> => {
    const stop = new AbortController();
    const flight: Flight<Result> = { done: work(stop.signal), stop, waiting: 0 };
    flying.set(key, flight);
    const landed = () => land(key, flight);
    flight.done.then(landed, landed);
    return flight;
  };
  return async (key, signal, work) => {
    signal.throwIfAborted();
    const flight = flying.get(key) ?? start(key, work);
    flight.waiting += 1;
    const gone = Promise.withResolvers<never>();
    const leave = () => gone.reject(signal.reason);
    signal.addEventListener("abort", leave, { once: true });
    try {
      return await Promise.race([flight.done, gone.promise]);
    } finally {
      signal.removeEventListener("abort", leave);
      flight.waiting -= 1;
      if (flight.waiting === 0) {
        // Who comes now must not join what is being stopped.
        land(key, flight);
        flight.stop.abort();
      }
    }
  };
}
