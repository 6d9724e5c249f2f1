/** TX kill: objects that have been condemned for longer than their grace are deleted, which writes their tombstones. Bytes are not touched. */

import type { Transaction } from "../db/contract.ts";
import type { CollectorContext, Run } from "./context.ts";
import type { Tally } from "./counts.ts";
import { condemnedOf, condemnedSql, decide, reasons, type Tell } from "./decision.ts";
import { type Sweep, type Swept, sweep } from "./sweep.ts";

/** What the run may kill, at most `most` objects. An abandoned upload is condemned since always, and has no grace. */
export async function kill(
  context: CollectorContext,
  run: Run,
  {
    store,
    graceSeconds,
    most,
  }: { readonly store: string; readonly graceSeconds: number; readonly most: number },
  { tally, tell }: { readonly tally: Tally; readonly tell: Tell },
): Promise<void> {
  const what: Sweep = {
    step: "kill",
    store,
    target: "holdfast.object",
    condition: async (queryable) => ({
      text: "condemned_at < $1::timestamptz",
      values: [await due(queryable, store)],
    }),
    remove: (transaction, locators, free) => remove(transaction, { store, graceSeconds, locators, free }),
  };
  for await (const decisions of sweep(context, run, what, most)) {
    tally.kill += decisions.length;
    await tell(decisions);
  }
}

/** Condemned before this moment is condemned for long enough, by the grace as it is now. */
async function due(queryable: Pick<Transaction, "query">, store: string): Promise<string> {
  const { rows } = await queryable.query<{ due: string }>(
    "SELECT (clock_timestamp() - grace)::text AS due FROM holdfast.store WHERE name = $1",
    [store],
  );
  return rows[0]?.due ?? "-infinity";
}

interface Dead {
  readonly locator: string;
  readonly gen: string;
  readonly size: string | null;
  readonly condemned: string | null;
  readonly tombstone: string | null;
}

async function remove(
  transaction: Transaction,
  what: { store: string; graceSeconds: number; locators: readonly string[]; free: string },
): Promise<Swept> {
  const deleted = await transaction.query<Omit<Dead, "tombstone">>(
    `DELETE FROM holdfast.object o WHERE locator = ANY ($1::text[]) AND ${what.free}
     RETURNING locator, gen::text, size, ${condemnedSql("o")} AS condemned`,
    [what.locators],
  );
  const tombstones = await tombstonesOf(
    transaction,
    deleted.rows.map(({ locator }) => locator),
  );
  const rows = deleted.rows.toSorted((a, b) =>
    Buffer.compare(Buffer.from(a.locator), Buffer.from(b.locator)),
  );
  return {
    decisions: rows.map((row) => {
      const subject = { ...row, condemned: condemnedOf(row.condemned) };
      return decide("kill", what.store, subject, reasons.kill(subject, what.graceSeconds));
    }),
    lines: rows.map(({ locator, gen, condemned }) => {
      const tombstone = tombstones.get(locator);
      return { locator, gen, ...(tombstone === undefined ? {} : { tombstone }), details: { condemned } };
    }),
  };
}

/** Beside an object there was no tombstone that is not hidden (I4): those are the new ones. */
async function tombstonesOf(
  transaction: Transaction,
  locators: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const { rows } = await transaction.query<{ locator: string; id: string }>(
    "SELECT locator, id::text FROM holdfast.tombstone WHERE locator = ANY ($1::text[]) AND hidden_at IS NULL",
    [locators],
  );
  return new Map(rows.map(({ locator, id }) => [locator, id]));
}
