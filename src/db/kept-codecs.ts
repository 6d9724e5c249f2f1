/** What is kept of codecs (`holdfast.codec`), so that a field stays what it is when its codec is gone. */

import type { Queryable } from "./contract.ts";

/** Keeps descriptions, by codec name; those that are kept so already cost no write. */
export async function keepCodecs(db: Queryable, descriptions: ReadonlyMap<string, unknown>): Promise<void> {
  if (descriptions.size === 0) return;
  await db.query(
    `INSERT INTO holdfast.codec AS c (name, description)
     SELECT k ->> 0, k -> 1 FROM jsonb_array_elements($1::jsonb) AS k
     WHERE NOT EXISTS (SELECT FROM holdfast.codec o WHERE o.name = k ->> 0 AND o.description = k -> 1)
     ON CONFLICT (name) DO UPDATE SET description = excluded.description, seen_at = clock_timestamp()`,
    [JSON.stringify([...descriptions])],
  );
}

/** The descriptions that are kept of these codecs. */
export async function readKeptCodecs(
  db: Queryable,
  names: readonly string[],
): Promise<ReadonlyMap<string, unknown>> {
  const { rows } = await db.query<{ name: string; description: string }>(
    "SELECT name, description::text FROM holdfast.codec WHERE name = ANY($1::text[])",
    [names],
  );
  return new Map(rows.map(({ name, description }) => [name, JSON.parse(description) as unknown]));
}

/** Keeps descriptions of codecs that nothing is known of yet. */
export async function addCodecs(db: Queryable, descriptions: ReadonlyMap<string, unknown>): Promise<void> {
  if (descriptions.size === 0) return;
  await db.query(
    `INSERT INTO holdfast.codec (name, description) SELECT k ->> 0, k -> 1 FROM jsonb_array_elements($1::jsonb) AS k
     ON CONFLICT (name) DO NOTHING`,
    [JSON.stringify([...descriptions])],
  );
}

/** Every description that is kept, by codec name. */
export async function allKeptCodecs(db: Queryable): Promise<ReadonlyMap<string, unknown>> {
  const { rows } = await db.query<{ name: string; description: string }>(
    "SELECT name, description::text FROM holdfast.codec ORDER BY name",
  );
  return new Map(rows.map(({ name, description }) => [name, JSON.parse(description) as unknown]));
}
