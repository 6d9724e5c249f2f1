/** Deduplication: an object of the same content that may be held instead of writing another. */

import type { Database, Queryable } from "../db/contract.ts";
import type { Stores } from "../store/contract.ts";
import { parseLocator } from "./locator.ts";
import { Together } from "./together.ts";

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

/** The object that is recorded for a content. */
interface Recorded {
  readonly locator: string;
  readonly gen: string;
}

async function recordedOne(db: Queryable, dedup: string): Promise<Recorded | undefined> {
  const { rows } = await db.query<{ locator: string; gen: string }>(
    "SELECT locator, gen::text AS gen FROM holdfast.object WHERE dedup = $1 AND verified_at IS NOT NULL",
    [dedup],
    { name: "object-by-dedup" },
  );
  return rows[0];
}

async function recordedMany(db: Queryable, dedups: readonly string[]): Promise<(Recorded | undefined)[]> {
  const { rows } = await db.query<{ dedup: string; locator: string; gen: string }>(
    "SELECT dedup, locator, gen::text AS gen FROM holdfast.object WHERE dedup = ANY ($1::text[]) AND verified_at IS NOT NULL",
    [dedups],
    { name: "objects-by-dedup" },
  );
  const found = new Map(rows.map(({ dedup, ...recorded }) => [dedup, recorded]));
  return dedups.map((dedup) => found.get(dedup));
}

/** Looks many contents up by one statement. */
export class EqualContents {
  readonly #together: Together<string, Recorded | undefined>;

  constructor(db: Queryable) {
    this.#together = new Together({
      all: (dedups) => recordedMany(db, dedups),
      one: (dedup) => recordedOne(db, dedup),
    });
  }

  recorded(dedup: string): Promise<Recorded | undefined> {
    return this.#together.ask(dedup);
  }
}

/**
 * The locator and path of the object that has the content, if its bytes are there. Who writes has the bytes at hand, perhaps for the last
 * time: an object that its store has lost is no longer verified and serves nobody, so that they are written again.
 */
export async function findEqualContent(
  context: {
    readonly db: Database;
    readonly stores: Stores;
    /** Looks up together with others. */
    readonly contents?: EqualContents;
  },
  wanted: Wanted,
): Promise<{ readonly locator: string; readonly path: string } | undefined> {
  const found = await (context.contents?.recorded(wanted.dedup) ?? recordedOne(context.db, wanted.dedup));
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
