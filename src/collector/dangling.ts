/** I3, asked of the tables themselves: no row without its hold, no hold without its object. Foreign keys see to it; they can be switched off. */

import type { Queryable } from "../db/contract.ts";
import { isServiceError } from "../errors.ts";
import type { Doubt } from "./contract.ts";

/** A reference that leads nowhere. */
export interface Dangling {
  readonly locator: string;
  /** The table and column that refer. */
  readonly from: string;
  /** The table where the locator is not. */
  readonly to: string;
}

interface Reference {
  readonly source: string;
  readonly target: string;
  readonly col: string;
}

const pageSize = 1000;

/** Every reference that leads nowhere, each locator of a column once. Tables that cannot be read are told to `doubt`. */
export async function* danglingReferences(
  db: Queryable,
  doubt: (doubt: Doubt) => void,
  signal?: AbortSignal,
): AsyncGenerator<Dangling> {
  const { rows } = await db.query<Reference>(
    `SELECT conrelid::regclass::text AS source, confrelid::regclass::text AS target, quote_ident(col) AS col
     FROM holdfast.reference ORDER BY 1, 3`,
  );
  for (const reference of rows) {
    signal?.throwIfAborted();
    try {
      yield* danglingOf(db, reference, signal);
    } catch (error) {
      if (!isServiceError(error, "FORBIDDEN")) throw error;
      doubt({
        code: "PERMISSION",
        subject: reference.source,
        message: `The rows of ${reference.source} cannot be read: ${error.message}`,
        remedy: `GRANT SELECT ON ${reference.source} to the role of the service.`,
      });
    }
  }
}

/** The names come from the catalog, quoted by the server. */
async function* danglingOf(
  db: Queryable,
  { source, target, col }: Reference,
  signal: AbortSignal | undefined,
): AsyncGenerator<Dangling> {
  const text = `SELECT DISTINCT r.${col} AS locator FROM ${source} r
    WHERE r.${col} > $1 AND NOT EXISTS (SELECT FROM ${target} t WHERE t.locator = r.${col}) ORDER BY 1 LIMIT $2`;
  for (let after = ""; ; ) {
    const { rows } = await db.query<{ locator: string }>(text, [after, pageSize], { signal });
    for (const { locator } of rows) yield { locator, from: `${source}.${col}`, to: target };
    const last = rows.at(-1);
    if (last === undefined || rows.length < pageSize) return;
    after = last.locator;
  }
}
