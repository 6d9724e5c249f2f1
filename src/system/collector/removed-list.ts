/** Pages of `holdfast.tombstone`, in the order of locators: what can still be revived. */

import type { Queryable } from "../../db/contract.ts";
import { ServiceError } from "../../errors.ts";
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
  readonly after: string | null | undefined;
  /** Begin of the locator. */
  readonly prefix: string | null;
  readonly locator: string | null;
}

export async function listRemoved(db: Queryable, query: RemovedQuery): Promise<RemovedObjectPage> {
  const { id, locator } = cursorOf(query.after);
  const { rows } = await db.query<TombstoneRow>(
    `SELECT id, locator, tree, size, ${instantSql("killed_at")} AS killed, ${instantSql("hidden_at")} AS hidden,
       ${instantSql("purge_after")} AS purge,
       CASE WHEN hidden_at IS NOT NULL THEN 'HIDDEN' WHEN claim_until IS NOT NULL THEN 'CLAIMED' ELSE 'QUEUED' END AS state
     FROM holdfast.tombstone
     WHERE ($1::text IS NULL OR (locator, id) > ($1 COLLATE "C", $2::bigint))
       AND ($3::text IS NULL OR starts_with(locator, $3)) AND ($4::text IS NULL OR locator = $4)
     ORDER BY locator, id LIMIT $5`,
    [locator, id, query.prefix, query.locator, query.first + 1],
  );
  const nodes = rows.slice(0, query.first).map(toRemoved);
  const last = rows.length > query.first ? nodes.at(-1) : undefined;
  return { nodes, endCursor: last === undefined ? null : `${last.id}:${last.locator}` };
}

interface Cursor {
  readonly id: string | null;
  readonly locator: string | null;
}

/** `id:locator`: several tombstones may have one locator. @throws {BAD_USER_INPUT} */
function cursorOf(after: string | null | undefined): Cursor {
  if (after == null) return { id: null, locator: null };
  const [, id, locator] = /^(\d{1,18}):(.*)$/s.exec(after) ?? [];
  if (id !== undefined && locator !== undefined) return { id, locator };
  throw new ServiceError(
    "BAD_USER_INPUT",
    `after is ${JSON.stringify(after.slice(0, 100))}, which is no cursor.`,
    {
      details: { field: "after", value: after.slice(0, 100), remedy: "Pass endCursor as it was answered." },
    },
  );
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
