/** Pages of `holdfast.audit`, the oldest first. */

import type { Queryable } from "../../db/contract.ts";
import { instantSql } from "../instant.ts";
import type { AuditEntry, AuditPage } from "./history-types.ts";

interface AuditRow extends Omit<AuditEntry, "at" | "details"> {
  readonly at: string;
  readonly details: string | null;
}

/** What to list. */
export interface AuditQuery {
  /** Null: of all objects. */
  readonly locator: string | null;
  readonly first: number;
  readonly after: string | null;
}

export async function listAudit(db: Queryable, { locator, first, after }: AuditQuery): Promise<AuditPage> {
  const { rows } = await db.query<AuditRow>(
    `SELECT id, ${instantSql("at")} AS at, run, by, step, locator, gen, tombstone, details FROM holdfast.audit
     WHERE ($1::text IS NULL OR locator = $1) AND ($2::bigint IS NULL OR id > $2) ORDER BY id LIMIT $3`,
    [locator, after, first + 1],
  );
  const nodes = rows.slice(0, first).map(toEntry);
  return { nodes, endCursor: rows.length > first ? (nodes.at(-1)?.id ?? null) : null };
}

function toEntry(row: AuditRow): AuditEntry {
  const { at, details, ...entry } = row;
  // as: the column takes objects alone.
  const told = details === null ? null : (JSON.parse(details) as Record<string, unknown>);
  return { ...entry, at: new Date(at), details: told };
}
