/** Deduplication: an object of the same content that may be held instead of writing another. */

import type { Database } from "../db/contract.ts";
import type { Stores } from "../store/contract.ts";
import { parseLocator } from "./locator.ts";

/** Scope of deduplication: one schema in one store, so that a digest is no oracle across projects. */
export function dedupKey(store: string, schema: string, sha256: string): string {
  return `${store}/${schema}/${sha256}`;
}

/** Content that somebody is about to store. */
export interface Wanted {
  readonly store: string;
  readonly dedup: string;
  readonly sizeBytes: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The locator and path of the object that has the content, if its bytes are there. Who writes has the bytes at hand, perhaps for the last
 * time: an object that its store has lost is no longer verified and serves nobody, so that they are written again.
 */
export async function findEqualContent(
  context: { readonly db: Database; readonly stores: Stores },
  wanted: Wanted,
): Promise<{ readonly locator: string; readonly path: string } | undefined> {
  const { rows } = await context.db.query<{ locator: string; gen: string }>(
    "SELECT locator, gen::text AS gen FROM holdfast.object WHERE dedup = $1 AND verified_at IS NOT NULL",
    [wanted.dedup],
    { name: "object-by-dedup" },
  );
  const [found] = rows;
  const path = found === undefined ? undefined : parseLocator(found.locator)?.path;
  if (found === undefined || path === undefined) return undefined;
  const head = await context.stores.get(wanted.store).driver.head(path, wanted.signal);
  if (head?.sizeBytes === wanted.sizeBytes) return { locator: found.locator, path };
  await context.db.query(
    "UPDATE holdfast.object SET verified_at = NULL, dedup = NULL WHERE locator = $1 AND gen = $2",
    [found.locator, found.gen],
  );
  return undefined;
}
