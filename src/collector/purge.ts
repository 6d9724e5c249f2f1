/**
 * Purging: what was hidden long enough goes for good: exactly those keys of the trash, or versions, that one tombstone remembers, then the
 * tombstone. Nothing else of Holdfast deletes irreversibly.
 */

import { isServiceError, ServiceError } from "../errors.ts";
import { audit } from "./audit.ts";
import type { Claims } from "./claim.ts";
import { inParallel } from "./parallel.ts";
import type { Task } from "./task.ts";
import { isTrashOf, parseTrash, type TrashedKey, trashedKeys } from "./trash.ts";

/** Keys of one tombstone that are deleted at once. */
const keysAtOnce = 4;
/** Versions that a key of the trash can have. */
const mostVersions = 9;

/** An object that is gone for good. */
export interface Purged {
  readonly bytes: number;
}

/** Deletes the trash of a claimed tombstone, then the tombstone; nothing when the claim was another's in the end. */
export async function purge(task: Task, claims: Claims): Promise<Purged | undefined> {
  const { context, claim, store, signal } = task;
  const { tombstone } = claim;
  // Asked again as late as can be: is it still to be purged, and the store collected?
  await claims.renew(claim);
  const trash = parseTrash(tombstone);
  await context.faults("purge.after-list");
  await inParallel(trashedKeys(store.driver, tombstone, signal), keysAtOnce, (key) => purgeKey(task, key));
  // The lists go last: until then another worker finds what they name.
  for (const list of trash.lists) await purgeTrash(task, list);
  await context.faults("purge.after-delete");
  return forget(task, tombstone.sizeBytes ?? trash.bytes);
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

async function forget({ context, run, claim }: Task, bytes: number): Promise<Purged | undefined> {
  const { id, locator, trash } = claim.tombstone;
  return context.db.transaction(async (transaction) => {
    const { rowCount } = await transaction.query(
      "DELETE FROM holdfast.tombstone WHERE id = $1 AND claim_by = $2 AND hidden_at IS NOT NULL",
      [id, claim.by],
      { name: "collector-purged" },
    );
    if (rowCount !== 1) return undefined;
    await audit(transaction, run, "purge", [{ locator, tombstone: id, details: { trash, bytes } }]);
    return { bytes };
  });
}

function notTrash(key: string): ServiceError {
  return new ServiceError("INTERNAL_SERVER_ERROR", `${key} is not in the trash of this tombstone.`);
}
