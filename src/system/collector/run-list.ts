/** Runs as `holdfast.collector_run` has them: the same on every replica. */

import type { Queryable } from "../../db/contract.ts";
import { instant, instantSql } from "../instant.ts";
import type {
  CheckedStore,
  CollectedStore,
  CollectorDoubt,
  CollectorRun,
  CollectorRunPage,
} from "./run-types.ts";

interface RunRow {
  readonly id: string;
  readonly kind: string;
  readonly state: string;
  readonly applied: boolean;
  readonly by: string;
  readonly version: string;
  readonly started: string;
  readonly ended: string | null;
  readonly report: string | null;
}

const columns = `id, kind, state, applied, by, version, ${instantSql("started_at")} AS started,
  ${instantSql("ended_at")} AS ended, report`;

/** The newest runs before the run `after`. */
export async function listRuns(
  db: Queryable,
  { first, after }: { readonly first: number; readonly after: string | null },
): Promise<CollectorRunPage> {
  const { rows } = await db.query<RunRow>(
    `SELECT ${columns} FROM holdfast.collector_run WHERE $1::bigint IS NULL OR id < $1 ORDER BY id DESC LIMIT $2`,
    [after, first + 1],
  );
  const nodes = rows.slice(0, first).map(toRun);
  return { nodes, endCursor: rows.length > first ? (nodes.at(-1)?.id ?? null) : null };
}

export async function findRun(db: Queryable, id: string): Promise<CollectorRun | null> {
  const { rows } = await db.query<RunRow>(`SELECT ${columns} FROM holdfast.collector_run WHERE id = $1`, [
    id,
  ]);
  return rows[0] === undefined ? null : toRun(rows[0]);
}

/** What the collector has recorded; parts are absent where it ended early. */
interface RecordedReport {
  readonly doubts?: readonly (Omit<CollectorDoubt, "store"> & { readonly store?: string })[];
  readonly stores?: readonly object[];
  readonly error?: string;
}

function toRun(row: RunRow): CollectorRun {
  const report = row.report === null ? null : (JSON.parse(row.report) as RecordedReport); // as: the collector wrote it
  const stores = report?.stores ?? null;
  return {
    id: row.id,
    kind: row.kind,
    state: row.state,
    isApplied: row.applied,
    by: row.by,
    version: row.version,
    startedAt: new Date(row.started),
    // Of a run under way it is when its process was last seen.
    endedAt: row.state === "RUNNING" ? null : instant(row.ended),
    error: report?.error ?? null,
    doubts: (report?.doubts ?? []).map((doubt) => ({ ...doubt, store: doubt.store ?? null })),
    collected: row.kind === "COLLECT" ? (stores as CollectedStore[] | null) : null, // as: see above
    checked: row.kind === "FSCK" ? (stores as CheckedStore[] | null) : null, // as: see above
    report: report === null ? null : { ...report },
  };
}
