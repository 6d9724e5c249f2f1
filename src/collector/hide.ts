/**
 * Hiding: the bytes of a killed object leave their keys, and can come back until they are purged. Versions, where the store keeps them; a
 * move, where it can; else a copy. Which one is asked of each object, as buckets change.
 */

import { audit } from "./audit.ts";
import type { Claim } from "./claim.ts";
import type { CollectorContext, Run } from "./context.ts";
import { hideByCopy } from "./hide-copy.ts";
import { hideByRename } from "./hide-rename.ts";
import { hideTree } from "./hide-tree.ts";
import { hideVersion } from "./hide-versions.ts";
import { type Around, checkAround } from "./neighbours.ts";
import { look, type Task } from "./task.ts";
import { parseTrash, type Trash, trashText } from "./trash.ts";

/** An object whose bytes have left their keys, which is still to be recorded. */
export interface Emptied {
  readonly claim: Claim;
  readonly trash: Trash;
}

/** An object that was hidden. */
export interface Hidden {
  readonly claim: Claim;
  readonly bytes: number;
  /** False: nothing lay at its keys. */
  readonly wasThere: boolean;
  /** ISO 8601. */
  readonly purgeAfter: string;
}

/** Takes the bytes of the claimed object from its keys, all of which have been seen to be empty when it returns. */
export async function hideBytes(task: Task, around: Around | undefined): Promise<Emptied> {
  const { path, isTree } = task.claim.tombstone;
  const live = await look(task, path);
  const trash = live === undefined || isTree ? await hideTree(task) : await hideOne(task, live, around);
  await task.context.faults("hidden.before");
  return { claim: task.claim, trash };
}

async function hideOne(
  task: Task,
  live: NonNullable<Awaited<ReturnType<typeof look>>>,
  around: Around | undefined,
): Promise<Trash> {
  checkAround(task.claim.tombstone, around);
  if (live.versionId !== undefined) return hideVersion(task, live, live.versionId);
  const { move } = task.store.driver;
  const at = await (move === undefined ? hideByCopy(task, "", live) : hideByRename(task, "", move));
  return { ...parseTrash(task.claim.tombstone), at, bytes: live.sizeBytes };
}

/**
 * The transaction that ends the hiding of objects that were claimed together; each is recorded by itself. Answers those whose claim was not
 * another's in the end.
 */
export async function recordHidden(
  { db }: CollectorContext,
  run: Run,
  emptied: readonly Emptied[],
  keepSeconds: number,
): Promise<readonly Hidden[]> {
  return db.transaction(async (transaction) => {
    const { rows } = await transaction.query<{ id: string }>(
      `SELECT d.id::text AS id FROM unnest($1::bigint[], $2::text[], $3::text[]) AS d (id, by, trash)
       WHERE holdfast.hidden(d.id, d.by, d.trash, $4::float8 * interval '1 s')`,
      [
        emptied.map(({ claim }) => claim.tombstone.id),
        emptied.map(({ claim }) => claim.by),
        emptied.map(({ trash }) => trashText(trash)),
        keepSeconds,
      ],
      { name: "collector-hidden" },
    );
    // The purge claims it next; it is not queued any more, so nobody can cancel it.
    const { rows: after } = await transaction.query<{ id: string; purge_after: string }>(
      `UPDATE holdfast.tombstone SET claim_until = clock_timestamp() WHERE id = ANY ($1::bigint[])
       RETURNING id::text AS id, to_char(purge_after AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS purge_after`,
      [rows.map(({ id }) => id)],
      { name: "collector-hidden-claim" },
    );
    const purgeAfter = new Map(after.map(({ id, purge_after: at }) => [id, at]));
    const hidden = emptied.flatMap((one) => {
      const at = purgeAfter.get(one.claim.tombstone.id);
      return at === undefined ? [] : [{ ...hiddenOf(one), purgeAfter: at, trash: one.trash }];
    });
    const lines = hidden.map(({ claim: { tombstone }, trash, wasThere, bytes }) => ({
      locator: tombstone.locator,
      tombstone: tombstone.id,
      details: { trash: wasThere ? trash : null, bytes },
    }));
    await audit(transaction, run, "hide", lines);
    return hidden;
  });
}

function hiddenOf({ claim, trash }: Emptied): Omit<Hidden, "purgeAfter"> {
  const wasThere = trashText(trash) !== null;
  return { claim, wasThere, bytes: wasThere ? (claim.tombstone.sizeBytes ?? trash.bytes) : 0 };
}
