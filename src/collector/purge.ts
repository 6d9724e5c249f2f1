/**
 * Purging: what was hidden long enough goes for good: exactly those keys of the trash, or versions, that one tombstone remembers, then the
 * tombstone. Nothing else of Holdfast deletes irreversibly.
 */

import { isServiceError, ServiceError } from "../errors.ts";
import { audit } from "./audit.ts";
import type { Claim } from "./claim.ts";
import type { CollectorContext, Run } from "./context.ts";
import { inParallel } from "./parallel.ts";
import type { Task } from "./task.ts";
import { isTrashOf, parseTrash, type TrashedKey, trashedKeys } from "./trash.ts";

/** Keys of one tombstone that are deleted at once. */
const keysAtOnce = 4;
/** Versions that a key of the trash can have. */
const mostVersions = 9;

/** An object that is gone for good. */
export interface Purged {
  readonly claim: Claim;
  readonly bytes: number;
}

/** Deletes the trash of a claimed tombstone, which was asked a moment ago whether it is still to be purged. */
export async function purgeBytes(task: Task): Promise<Purged> {
  const { context, claim, store, signal } = task;
  const { tombstone } = claim;
  const trash = parseTrash(tombstone);
  await context.faults("purge.after-list");
  await inParallel(trashedKeys(store.driver, tombstone, signal), keysAtOnce, (key) => purgeKey(task, key));
  // The lists go last: until then another worker finds what they name.
  for (const list of trash.lists) await purgeTrash(task, list);
  await context.faults("purge.after-delete");
  return { claim, bytes: tombstone.sizeBytes ?? trash.bytes };
}

function purgeKey(task: Task, { at, versionId }: TrashedKey): Promise<void> {
  return versionId === undefined ? purgeTrash(task, at) : purgeVersion(task, at, versionId);
}

/** Deletes one key of the trash, with its versions where the bucket keeps them. */
async function purgeTrash({ claim, store, signal }: Task, key: string): Promise<void> {
  if (!isTrashOf(claim.tombstone.id, key)) throw notTrash(key);
  for (let count = 0; count < mostVersions; count++) {
    const found = await store.driver.head(key, signal);
    if (found === undefined) return;
    const { versionId } = found;
    const options = { expiresAt: claim.expiresAt(), signal, ...(versionId !== undefined && { versionId }) };
    try {
      await store.driver.delete(key, options);
    } catch (error) {
      // An answer may be lost, and the bytes gone.
      if (!isServiceError(error) || (await store.driver.head(key, signal, versionId)) !== undefined)
        throw error;
    }
    // Where nothing has versions it is gone.
    if (store.driver.versions === undefined && versionId === undefined) return;
  }
}

/** Deletes one version, unless it is the newest: then the bytes live again. */
async function purgeVersion({ claim, store, signal }: Task, path: string, versionId: string): Promise<void> {
  const { driver } = store;
  if ((await driver.head(path, signal))?.versionId === versionId) return;
  if ((await driver.head(path, signal, versionId)) === undefined) return;
  try {
    await driver.delete(path, { versionId, expiresAt: claim.expiresAt(), signal });
  } catch (error) {
    if (!isServiceError(error) || (await driver.head(path, signal, versionId)) !== undefined) throw error;
  }
}

/**
 * Then the tombstones of objects that were claimed together go; each by itself. Answers those whose claim was not another's in the end.
 */
export async function forget(
  { db }: CollectorContext,
  run: Run,
  purged: readonly Purged[],
): Promise<readonly Purged[]> {
  return db.transaction(async (transaction) => {
    const { rows } = await transaction.query<{ id: string }>(
      `DELETE FROM holdfast.tombstone t USING unnest($1::bigint[], $2::text[]) AS d (id, by)
       WHERE t.id = d.id AND t.claim_by = d.by AND t.hidden_at IS NOT NULL RETURNING t.id::text AS id`,
      [purged.map(({ claim }) => claim.tombstone.id), purged.map(({ claim }) => claim.by)],
      { name: "collector-purged" },
    );
    const gone = new Set(rows.map(({ id }) => id));
    const forgotten = purged.filter(({ claim }) => gone.has(claim.tombstone.id));
    const lines = forgotten.map(({ claim: { tombstone }, bytes }) => ({
      locator: tombstone.locator,
      tombstone: tombstone.id,
      details: { trash: tombstone.trash, bytes },
    }));
    await audit(transaction, run, "purge", lines);
    return forgotten;
  });
}

function notTrash(key: string): ServiceError {
  return new ServiceError("INTERNAL_SERVER_ERROR", `${key} is not in the trash of this tombstone.`);
}
