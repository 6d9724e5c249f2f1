/** Pages of `holdfast.tombstone`, in the order of locators: what can still be revived. */

import type { Queryable } from "../../db/contract.ts";
import { instant, instantSql } from "../instant.ts";
import type { RemovedObject, RemovedObjectPage } from "./history-types.ts";

interface TombstoneRow {
  readonly id: string;
  readonly locator: string;
  readonly tree: boolean;
  readonly size: string | null;
  readonly state: string;
  readonly killed: string;
  readonly hidden: string | null;
  readonly purge: string | null;
}

/** What to list. */
export interface RemovedQuery {
  readonly first: number;
  /** `endCursor` of the page before. */
  readonly after: string | null;
  /** Begin of the locator. */
  readonly prefix: string | null;
  readonly locator: string | null;
}

export async function listRemoved(db: Queryable, query: RemovedQuery): Promise<RemovedObjectPage> {
  // The cursor is `id:locator`: several tombstones may have one locator.
  const [, id, locator] = /^(\d{1,19}):(.*)$/s.exec(query.after ?? "") ?? [];
  const { rows } = await db.query<TombstoneRow>(
    `SELECT id, locator, tree, size, ${instantSql("killed_at")} AS killed, ${instantSql("hidden_at")} AS hidden,
       ${instantSql("purge_after")} AS purge,
       CASE WHEN hidden_at IS NOT NULL THEN 'HIDDEN' WHEN claim_until IS NOT NULL THEN 'CLAIMED' ELSE 'QUEUED' END AS state
     FROM holdfast.tombstone
     WHERE ($1::text IS NULL OR (locator, id) > ($1 COLLATE "C", $2::bigint))
       AND ($3::text IS NULL OR starts_with(locator, $3)) AND ($4::text IS NULL OR locator = $4)
     ORDER BY locator, id LIMIT $5`,
    [locator ?? null, id ?? null, query.prefix, query.locator, query.first + 1],
  );
  const nodes = rows.slice(0, query.first).map(toRemoved);
  const last = rows.length > query.first ? nodes.at(-1) : undefined;
  return { nodes, endCursor: last === undefined ? null : `${last.id}:${last.locator}` };
}

function toRemoved(row: TombstoneRow): RemovedObject {
  return {
    id: row.id,
    locator: row.locator,
    isTree: row.tree,
    sizeBytes: row.size === null ? null : BigInt(row.size),
    state: row.state,
    killedAt: new Date(row.killed),
    hiddenAt: instant(row.hidden),
    purgeAfter: instant(row.purge),
  };
}
