/** The text of the schema file that was applied last (`holdfast.applied_source`). */

import type { Queryable } from "./contract.ts";

/** Keeps the text; writes nothing where it is kept already. */
export async function keepSource(db: Queryable, owner: string, source: string): Promise<void> {
  await db.query(
    `INSERT INTO holdfast.applied_source AS s (owner, source) VALUES ($1, $2)
     ON CONFLICT (owner) DO UPDATE SET source = excluded.source, applied_at = clock_timestamp() WHERE s.source <> excluded.source`,
    [owner, source],
  );
}

/** The text, where a file of this owner was applied by this version or a later one. */
export async function readSource(db: Queryable, owner: string): Promise<string | undefined> {
  const { rows } = await db.query<{ source: string }>(
    "SELECT source FROM holdfast.applied_source WHERE owner = $1",
    [owner],
  );
  return rows[0]?.source;
}
