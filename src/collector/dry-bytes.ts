/** What a run would do to bytes: tombstones to hide, trash to purge, uploads to reap. */

import type { Transaction } from "../db/contract.ts";
import type { Run } from "./context.ts";
import { decide, reasons, type Subject } from "./decision.ts";
import { type DryStore, fetched } from "./dry-page.ts";

const within = "locator > $1 || ':' AND locator < $1 || ';'";
const looks = {
  hide: `SELECT locator, size FROM holdfast.tombstone
    WHERE hidden_at IS NULL AND (claim_until IS NULL OR claim_until < now()) AND ${within} ORDER BY id`,
  purge: `SELECT locator, size FROM holdfast.purgeable WHERE ${within} ORDER BY id`,
  reap: `SELECT locator, NULL AS size FROM holdfast.upload WHERE expires_at < now() AND ${within} ORDER BY locator`,
};

/** After the objects: what those that are killed come to is counted there. */
export async function dryBytes(
  transaction: Transaction,
  run: Pick<Run, "signal">,
  what: DryStore,
): Promise<void> {
  const { policy, tally, tell } = what;
  for (const step of ["hide", "purge", "reap"] as const) {
    for await (const rows of fetched<Subject>(transaction, run, looks[step], [policy.store])) {
      tally[step] += rows.length;
      if (step !== "reap") tally[`${step === "hide" ? "hidden" : "purged"}Bytes`] += bytesOf(rows);
      await tell(rows.map((row) => decide(step, policy.store, row, reasons[step]())));
    }
  }
  if (policy.keepSeconds > 0) return;
  tally.purge += tally.hide;
  tally.purgedBytes += tally.hiddenBytes;
}

function bytesOf(rows: readonly Subject[]): number {
  return rows.reduce((sum, { size }) => sum + Number(size ?? 0), 0);
}
