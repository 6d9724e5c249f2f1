/** What a run leaves: how many objects are in use, and which are condemned and still within their grace. */

import type { CollectorContext, Run } from "./context.ts";
import type { Tally } from "./counts.ts";
import { condemnedOf, condemnedSql, decide, reasons, type Tell } from "./decision.ts";
import { fetched } from "./dry-page.ts";
import { inSnapshot, liveObjects } from "./dry-run.ts";
import type { PolicyRow } from "./policy.ts";

/** Counts them; tells those in grace that were condemned before this run began, since it has told of the others. */
export async function tellGrace(
  context: CollectorContext,
  run: Run,
  { store, graceSeconds }: PolicyRow,
  { tally, tell }: { readonly tally: Tally; readonly tell: Tell },
): Promise<void> {
  await inSnapshot(context, async (transaction) => {
    tally.kept = await liveObjects(transaction, store);
    const old = `condemned_at < (SELECT started_at FROM holdfast.collector_run WHERE id = $2::bigint)`;
    const statement = `SELECT locator, size, ${condemnedSql("o")} AS condemned, ${old} AS old FROM holdfast.object o
      WHERE locator > $1 || ':' AND locator < $1 || ';' AND condemned_at IS NOT NULL ORDER BY locator`;
    for await (const rows of fetched<Row>(transaction, run, statement, [store, run.id])) {
      tally.inGrace += rows.length;
      const subjects = rows
        .filter((row) => row.old)
        .map((row) => ({ ...row, condemned: condemnedOf(row.condemned) }));
      await tell(subjects.map((row) => decide("keep", store, row, reasons.keep(row, graceSeconds))));
    }
  });
}

interface Row {
  readonly locator: string;
  readonly size: string | null;
  readonly condemned: string | null;
  readonly old: boolean;
}
