/** The audit: one line for each object and step, for good, written by the transaction that does the step. */

import type { Queryable } from "../db/contract.ts";
import type { Run } from "./context.ts";

/** What was done to one object. */
export interface AuditLine {
  readonly locator: string;
  readonly gen?: string;
  readonly tombstone?: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Adds lines about one step. Use the transaction of the step: what is rolled back was not done. */
export async function audit(
  queryable: Queryable,
  run: Run,
  step: string,
  lines: readonly AuditLine[],
): Promise<void> {
  if (lines.length === 0) return;
  await queryable.query(
    `INSERT INTO holdfast.audit (run, by, step, locator, gen, tombstone, details)
     SELECT $1::bigint, $2, $3, line.* FROM unnest($4::text[], $5::bigint[], $6::bigint[], $7::jsonb[]) AS line`,
    [
      run.id,
      run.by,
      step,
      lines.map(({ locator }) => locator),
      lines.map(({ gen }) => gen ?? null),
      lines.map(({ tombstone }) => tombstone ?? null),
      lines.map(({ details }) => (details === undefined ? null : JSON.stringify(details))),
    ],
    { name: "collector-audit" },
  );
}
