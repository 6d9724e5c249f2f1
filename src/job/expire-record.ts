/** What a run of expiry leaves behind for good: a line of the audit for each batch, by the transaction that deletes, and its report. */

import { isDeepStrictEqual } from "node:util";
import type { Database, Transaction } from "../db/contract.ts";

/** What rows of one entity are kept by. */
interface Kept {
  readonly entity: string;
  readonly kept: Readonly<Record<string, number>>;
  readonly doubt?: string;
}

/** How a run was recorded. */
export interface Recorded {
  /** Absent: nothing went, and what is kept was told before. */
  readonly run?: string;
  /** True where nothing is kept, or the run before has told the same. */
  readonly isToldBefore: boolean;
}

/** The record of one run; nothing is written before there is something to tell. */
export interface ExpireRecord {
  /** Notes rows that this transaction deletes, by table. */
  add(transaction: Transaction, entity: string, removed: ReadonlyMap<string, number>): Promise<void>;
  /** The transaction of the last {@link add} is committed. */
  settle(): void;
  /** Ends it. */
  close(report: { readonly entities: readonly Kept[] }, failure: unknown): Promise<Recorded>;
}

const begin = `INSERT INTO holdfast.collector_run (kind, applied, by, version) VALUES ('EXPIRE', true, $1, $2) RETURNING id::text`;

/** Opens the record of a run that begins now. */
export function openRecord(
  { db, version }: { readonly db: Database; readonly version: string },
  by: string,
): ExpireRecord {
  let run: string | undefined;
  let begun: string | undefined;
  const open = async (transaction: Transaction): Promise<string> => {
    if (run !== undefined) return run;
    const { rows } = await transaction.query<{ id: string }>(begin, [by, version]);
    return rows[0]?.id ?? "";
  };
  return {
    add: async (transaction, entity, removed) => {
      // A first batch that is rolled back takes the run with it.
      const id = await open(transaction);
      const details = JSON.stringify({ entity, removed: Object.fromEntries(removed) });
      await transaction.query(
        "INSERT INTO holdfast.audit (run, by, step, details) VALUES ($1::bigint, $2, 'expire', $3::jsonb)",
        [id, by, details],
      );
      begun = id;
    },
    settle: () => {
      run ??= begun;
    },
    close: async (report, failure) => {
      const isToldBefore = await wasTold(db, report.entities);
      if (run === undefined && failure === undefined && isToldBefore) return { isToldBefore };
      const told = failure === undefined ? report : { ...report, failure: String(failure) };
      const values = [failure === undefined ? "DONE" : "FAILED", JSON.stringify(told)];
      return db.transaction(async (transaction) => {
        const id = await open(transaction);
        await transaction.query(
          "UPDATE holdfast.collector_run SET state = $2, ended_at = clock_timestamp(), report = $3::jsonb WHERE id = $1::bigint",
          [id, ...values],
        );
        return { run: id, isToldBefore };
      });
    },
  };
}

/** Rows that are kept are told once, not at every run. */
async function wasTold(db: Database, entities: readonly Kept[]): Promise<boolean> {
  const now = keptOf(entities);
  if (now.length === 0) return true;
  const { rows } = await db.query<{ entities: string | null }>(
    `SELECT (report -> 'entities')::text AS entities FROM holdfast.collector_run
     WHERE kind = 'EXPIRE' AND state <> 'RUNNING' ORDER BY id DESC LIMIT 1`,
  );
  const last: readonly Kept[] = JSON.parse(rows[0]?.entities ?? "[]");
  return isDeepStrictEqual(keptOf(last), now);
}

function keptOf(entities: readonly Kept[]): readonly Kept[] {
  return entities
    .filter(({ kept, doubt }) => Object.keys(kept).length > 0 || doubt !== undefined)
    .map(({ entity, kept, doubt }) => ({ entity, kept, ...(doubt === undefined ? {} : { doubt }) }));
}
