/**
 * Hiding: the bytes of a killed object leave their keys, and can come back until they are purged. Versions, where the store keeps them; a
 * move, where it can; else a copy. Which one is asked of each object, as buckets change.
 */

import { audit } from "./audit.ts";
import { hideByCopy } from "./hide-copy.ts";
import { hideByRename } from "./hide-rename.ts";
import { hideTree } from "./hide-tree.ts";
import { hideVersion } from "./hide-versions.ts";
import { hasOwnManifest } from "./neighbours.ts";
import { look, type Task } from "./task.ts";
import { parseTrash, type Trash, trashText } from "./trash.ts";

/** An object that was hidden. */
export interface Hidden {
  readonly bytes: number;
  /** False: nothing lay at its keys. */
  readonly wasThere: boolean;
  /** ISO 8601. */
  readonly purgeAfter: string;
}

/** Hides the claimed object; nothing when the claim was another's in the end. */
export async function hide(task: Task, keepSeconds: number): Promise<Hidden | undefined> {
  const { path, isTree } = task.claim.tombstone;
  const live = await look(task, path);
  const trash = live === undefined || isTree ? await hideTree(task) : await hideOne(task, live);
  await task.context.faults("hidden.before");
  return record(task, trash, keepSeconds);
}

async function hideOne(task: Task, live: NonNullable<Awaited<ReturnType<typeof look>>>): Promise<Trash> {
  await hasOwnManifest(task);
  if (live.versionId !== undefined) return hideVersion(task, live, live.versionId);
  const { move } = task.store.driver;
  const at = await (move === undefined ? hideByCopy(task, "", live) : hideByRename(task, "", move));
  return { ...parseTrash(task.claim.tombstone), at, bytes: live.sizeBytes };
}

/** The transaction that ends the hiding: all keys have been seen to be empty. */
async function record(task: Task, trash: Trash, keepSeconds: number): Promise<Hidden | undefined> {
  const { context, run, claim } = task;
  const { id, locator, sizeBytes } = claim.tombstone;
  const text = trashText(trash);
  const bytes = text === null ? 0 : (sizeBytes ?? trash.bytes);
  return context.db.transaction(async (transaction) => {
    const { rows } = await transaction.query<{ hidden: boolean }>(
      "SELECT holdfast.hidden($1, $2, $3, $4::float8 * interval '1 s') AS hidden",
      [id, claim.by, text, keepSeconds],
      { name: "collector-hidden" },
    );
    if (rows[0]?.hidden !== true) return undefined;
    // The purge claims it next; it is not queued any more, so nobody can cancel it.
    const { rows: after } = await transaction.query<{ purge_after: string }>(
      `UPDATE holdfast.tombstone SET claim_until = clock_timestamp() WHERE id = $1
       RETURNING to_char(purge_after AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS purge_after`,
      [id],
      { name: "collector-hidden-claim" },
    );
    const details = { trash: text === null ? null : trash, bytes };
    await audit(transaction, run, "hide", [{ locator, tombstone: id, details }]);
    return { bytes, wasThere: text !== null, purgeAfter: after[0]?.purge_after ?? "" };
  });
}
