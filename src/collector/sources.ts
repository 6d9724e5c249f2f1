/** Where else the bytes of an object may lie: in the trash of a tombstone, or as an earlier version of its key. */

import type { Queryable } from "../db/contract.ts";
import { manifestPath } from "../object/manifest.ts";
import type { Store } from "../store/contract.ts";
import { type Buried, type TrashedKey, trashedKeys } from "./trash.ts";

/** A tombstone that has something in the trash. */
export interface Hidden extends Buried {
  /** Until the key may be registered anew, at `drainedAt`, a deletion that is late may still arrive. */
  readonly isDrained: boolean;
  readonly drainedAt: Date;
}

interface HiddenRow {
  readonly id: string;
  readonly trash: string;
  readonly drained: boolean;
  readonly at: string;
}

/** Tombstones of a path with something in the trash, the newest first. */
export async function hiddenOf(db: Queryable, store: string, path: string): Promise<readonly Hidden[]> {
  const { rows } = await db.query<HiddenRow>(
    `SELECT t.id::text AS id, t.trash, t.hidden_at + s.drain < clock_timestamp() AS drained,
       to_json(t.hidden_at + s.drain) #>> '{}' AS at
     FROM holdfast.tombstone t JOIN holdfast.store s ON s.name = $1
     WHERE t.locator = $1 || ':' || $2 AND t.hidden_at IS NOT NULL AND t.trash IS NOT NULL ORDER BY t.hidden_at DESC, t.id DESC`,
    [store, path],
    { name: "truth-hidden" },
  );
  return rows.map(({ id, trash, drained, at }) => ({
    id,
    path,
    trash,
    isDrained: drained,
    drainedAt: new Date(at),
  }));
}

/** What a tombstone has in the trash; the manifest of a folder last, since who sees it takes the folder for whole. */
export async function* fromTrash(
  { driver }: Store,
  hidden: Hidden,
  signal?: AbortSignal,
): AsyncGenerator<TrashedKey> {
  const manifests: TrashedKey[] = [];
  for await (const one of trashedKeys(driver, hidden, signal)) {
    if (one.path === manifestPath(hidden.path)) manifests.push(one);
    else yield one;
  }
  yield* manifests;
}

/** Versions of the key that the store still has, the newest first; the recorded one before all. */
export async function* fromVersions(
  { driver }: Store,
  path: string,
  recorded: string | undefined,
  signal?: AbortSignal,
): AsyncGenerator<TrashedKey & { readonly versionId: string }> {
  if (recorded !== undefined) yield { path, at: path, versionId: recorded, sizeBytes: undefined };
  for await (const { path: of, versionId, sizeBytes } of driver.versions?.(path, signal) ?? []) {
    if (of === path && versionId !== undefined && versionId !== recorded)
      yield { path, at: path, versionId, sizeBytes };
  }
}
