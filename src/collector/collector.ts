/** The collector of one process: its parts put together, and ended together. */

import { removeBytes } from "./bytes.ts";
import { collect } from "./collect.ts";
import type { CollectorContext } from "./context.ts";
import type { Collector } from "./contract.ts";
import { fsck } from "./fsck.ts";
import { databaseDoubts } from "./guard.ts";
import { policies, setPolicy } from "./policy.ts";
import { revive } from "./revive.ts";
import { storeDoubts } from "./store-doubts.ts";

/** Makes the collector. Nothing runs before it is asked to. */
export function createCollector(context: CollectorContext): Collector {
  const closing = new AbortController();
  const running = new Set<Promise<unknown>>();
  const run = async <Request extends { readonly signal?: AbortSignal | undefined }, Answer>(
    request: Request,
    work: (request: Request) => Promise<Answer>,
  ): Promise<Answer> => {
    const signals = [closing.signal, ...(request.signal === undefined ? [] : [request.signal])];
    const done = work({ ...request, signal: AbortSignal.any(signals) });
    running.add(done);
    try {
      return await done;
    } finally {
      running.delete(done);
    }
  };
  return {
    collect: (request) => run(request, (asked) => collect(context, asked, { removeBytes, storeDoubts })),
    fsck: (request) => run(request, (asked) => fsck(context, asked, { databaseDoubts })),
    revive: (request) => run(request, (asked) => revive(context, asked)),
    policies: () => policies(context),
    setPolicy: (policy, by) => setPolicy(context, policy, by),
    async close() {
      closing.abort(new Error("The service is stopping."));
      await Promise.allSettled(running);
    },
  };
}
