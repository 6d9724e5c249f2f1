/** TX release: a schema lets go of objects that no row of it refers to. No grace is needed: the object is still there. */

import { isPassing } from "./batch.ts";
import type { CollectorContext, Run } from "./context.ts";
import type { Tally } from "./counts.ts";
import { decide, reasons, type Tell } from "./decision.ts";
import { holders } from "./referrers.ts";
import { type Sweep, sweep } from "./sweep.ts";

/** Sweeps the holds of every adopted schema. A schema whose tables somebody is changing keeps its holds until the next run. */
export async function release(
  context: CollectorContext,
  run: Run,
  store: string,
  { tally, tell }: { readonly tally: Tally; readonly tell: Tell },
): Promise<void> {
  for (const holder of await holders(context.db)) {
    if (!holder.isHold) continue;
    try {
      for await (const decisions of sweep(context, run, releaseOf(holder, store))) {
        tally.release += decisions.length;
        await tell(decisions);
      }
    } catch (error) {
      if (!isPassing(error)) throw error;
      context.warn(error, `release of ${holder.name}`);
    }
  }
}

function releaseOf({ name, schema }: { name: string; schema: string }, store: string): Sweep {
  return {
    step: "release",
    store,
    target: name,
    condition: async () => ({ text: "true", values: [] }),
    remove: async (transaction, locators, free) => {
      const { rows } = await transaction.query<{ locator: string; size: string | null }>(
        `WITH gone AS (DELETE FROM ${name} o WHERE locator = ANY ($1::text[]) AND ${free} RETURNING locator)
         SELECT gone.locator, x.size FROM gone LEFT JOIN holdfast.object x ON x.locator = gone.locator ORDER BY gone.locator`,
        [locators],
      );
      return {
        decisions: rows.map((row) => decide("release", store, row, reasons.release(schema))),
        lines: rows.map(({ locator }) => ({ locator, details: { schema } })),
      };
    },
  };
}
