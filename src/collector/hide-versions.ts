/**
 * Hiding in a bucket that keeps versions: a delete marker hides the newest one, which is the trash. Its id is written down before: in the
 * row of the tombstone for one object, in lists for the keys of a tree.
 */

import { isServiceError, ServiceError } from "../errors.ts";
import type { ObjectHead } from "../store/contract.ts";
import { inParallel } from "./parallel.ts";
import { deleteNewest, look, type Task } from "./task.ts";
import { parseTrash, type Trash, trashText } from "./trash.ts";
import {
  readVersionList,
  type VersionLine,
  versionListAt,
  versionListKey,
  writeVersionList,
} from "./version-list.ts";

/** Keys of a tree that are looked at or hidden at once. */
export const keysAtOnce = 4;

/** Hides one object; answers what its tombstone remembers, of earlier attempts too. */
export async function hideVersion(task: Task, live: ObjectHead, versionId: string): Promise<Trash> {
  const before = parseTrash(task.claim.tombstone);
  const trash: Trash = {
    ...before,
    versions: [...before.versions.filter((known) => known !== versionId), versionId],
    bytes: live.sizeBytes,
  };
  await remember(task, trash);
  await deleteNewest(task, live.path);
  return trash;
}

/** @throws {CONFLICT} when the claim is another's. */
async function remember({ context, claim }: Task, trash: Trash): Promise<void> {
  const { rowCount } = await context.db.query(
    `UPDATE holdfast.tombstone SET trash = $3
     WHERE id = $1 AND claim_by = $2 AND claim_until > clock_timestamp() AND hidden_at IS NULL`,
    [claim.tombstone.id, claim.by, trashText(trash)],
    { name: "collector-remember-version" },
  );
  if (rowCount !== 1) claim.lose();
  claim.check();
}

/** Versions that an earlier attempt has written down, and that are there. */
export async function knownVersions({ store, claim, signal }: Task): Promise<string[]> {
  const { versions } = parseTrash(claim.tombstone);
  const found: string[] = [];
  for (const versionId of versions) {
    if ((await store.driver.head(claim.tombstone.path, signal, versionId)) !== undefined)
      found.push(versionId);
  }
  return found;
}

/** What was found in the lists of a tree. */
export interface Listed {
  readonly lists: readonly string[];
  /** For another list. */
  readonly nextKey: string;
  readonly bytes: number;
}

/** Hides the keys of a tree that lists name, as long as their newest version is the one that a list has. */
export async function hideListed(task: Task, isOurs: (path: string) => boolean): Promise<Listed> {
  const { tombstone } = task.claim;
  const { driver } = task.store;
  const lists: string[] = [];
  let bytes = 0;
  for (let number = 1; ; number++) {
    const key = versionListKey(tombstone, number);
    const whose = await versionListAt(driver, { key, tombstone }, task.signal);
    if (whose === "none") return { lists, nextKey: key, bytes };
    if (whose === "other") continue;
    lists.push(key);
    await inParallel(readVersionList(driver, { key, tombstone }, task.signal), keysAtOnce, async (line) => {
      if (!isOurs(line.path)) throw foreign(key, line.path);
      const live = await look(task, line.path);
      if (live?.versionId !== line.versionId) return;
      await deleteNewest(task, line.path);
      bytes += line.sizeBytes;
    });
  }
}

/** Writes down the newest versions of `keys`. */
export async function listVersions(task: Task, key: string, keys: AsyncIterable<string>): Promise<void> {
  const { tombstone } = task.claim;
  task.claim.check();
  try {
    const lines = linesOf(task, keys);
    await writeVersionList(task.store.driver, { key, tombstone, lines }, task.signal);
  } catch (error) {
    // Another worker's is as good.
    if (!isServiceError(error, "STORE_CONFLICT")) throw error;
  }
}

async function* linesOf(task: Task, keys: AsyncIterable<string>): AsyncGenerator<VersionLine> {
  let some: string[] = [];
  const heads = async (): Promise<VersionLine[]> => {
    const found = await Promise.all(some.map((path) => task.store.driver.head(path, task.signal)));
    some = [];
    return found.flatMap((head) =>
      head?.versionId === undefined
        ? []
        : [{ path: head.path, versionId: head.versionId, sizeBytes: head.sizeBytes }],
    );
  };
  for await (const path of keys) {
    some.push(path);
    if (some.length === 2 * keysAtOnce) yield* await heads();
  }
  yield* await heads();
}

function foreign(list: string, path: string): ServiceError {
  return new ServiceError(
    "OBJECT_CORRUPT",
    `The list of versions ${list} names ${path}, which is not its tree's.`,
    {
      details: { path: list, remedy: "Restore it, or recover the versions by the store's own tools." },
    },
  );
}
