/** Puts the collector together: its steps over one database and one set of stores. */

import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { removeBytes } from "./bytes.ts";
import { collect } from "./collect.ts";
import type { CollectorContext } from "./context.ts";
import type { Collector } from "./contract.ts";
import { fsck } from "./fsck.ts";
import { databaseDoubts } from "./guard.ts";
import { policies, setPolicy } from "./policy.ts";
import { revive } from "./revive.ts";
import { storeDoubts } from "./store-doubts.ts";

/** What a collector is made of; `worker` is its own. */
export type CollectorOptions = Omit<CollectorContext, "worker">;

/** The collector of one process. The database must be migrated, the stores registered. */
export function createCollector(options: CollectorOptions): Collector {
  const context: CollectorContext = {
    ...options,
    worker: `${hostname()}:${process.pid}:${randomUUID().slice(0, 8)}`,
  };
  const stop = new AbortController();
  const running = new Set<Promise<unknown>>();
  const run = async <T>(signal: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>) => {
    stop.signal.throwIfAborted();
    const task = work(signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]));
    running.add(task);
    try {
      return await task;
    } finally {
      running.delete(task);
    }
  };
  return {
    collect: (request) =>
      run(request.signal, (signal) => collect(context, { ...request, signal }, { removeBytes, storeDoubts })),
    fsck: (request) =>
      run(request.signal, (signal) => fsck(context, { ...request, signal }, { databaseDoubts })),
    revive: (request) => run(request.signal, (signal) => revive(context, { ...request, signal })),
    policies: () => policies(context),
    setPolicy: (policy, by) => setPolicy(context, policy, by),
    close: async () => {
      stop.abort(new Error("The collector is closing."));
      await Promise.allSettled(running);
    },
  };
}
