/** What a run of expiry leaves behind for good: a line of the audit for each batch, by the transaction that deletes, and its report. */

import { isDeepStrictEqual } from "node:util";
import type { Database, Transaction } from "../db/contract.ts";

/** The record of one run; nothing is written before there is something to tell. */
export interface ExpireRecord {
  /** Notes rows that this transaction deletes, by table. */
  add(transaction: Transaction, entity: string, removed: ReadonlyMap<string, number>): Promise<void>;
  /** The transaction of the last {@link add} is committed. */
  settle(): void;
  /** Ends it. Answers the run's number; none where nothing went and the last run has told the same. */
  close(
    report: { readonly entities: readonly { readonly entity: string }[] },
    failure: unknown,
  ): Promise<string | undefined>;
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
      if (run === undefined && failure === undefined && (await wasTold(db, report.entities)))
        return undefined;
      return db.transaction(async (transaction) => {
        const id = await open(transaction);
        const told = failure === undefined ? report : { ...report, failure: String(failure) };
        await transaction.query(
          `UPDATE holdfast.collector_run SET state = $2, ended_at = clock_timestamp(), report = $3::jsonb WHERE id = $1::bigint`,
          [id, failure === undefined ? "DONE" : "FAILED", JSON.stringify(told)],
        );
        return id;
      });
    },
  };
}

/** Rows that are kept are told once, not at every run. */
async function wasTold(db: Database, entities: readonly unknown[]): Promise<boolean> {
  if (entities.length === 0) return true;
  const { rows } = await db.query<{ entities: string | null }>(
    `SELECT (report -> 'entities')::text AS entities FROM holdfast.collector_run WHERE kind = 'EXPIRE' ORDER BY id DESC LIMIT 1`,
  );
  const last = rows[0]?.entities;
  return (
    typeof last === "string" && isDeepStrictEqual(JSON.parse(last), JSON.parse(JSON.stringify(entities)))
  );
}
