/**
 * Hiding a tree: every file below its path, in byte order, and its manifest. It may end anywhere and be begun again by anybody: what is in
 * the trash is not touched again, and only a look that finds nothing ends it.
 */

import { ServiceError } from "../errors.ts";
import { manifestPath } from "../object/manifest.ts";
import { hideByCopy } from "./hide-copy.ts";
import { hideByRename } from "./hide-rename.ts";
import { hideListed, keysAtOnce, knownVersions, listVersions } from "./hide-versions.ts";
import { hasOwnManifest } from "./neighbours.ts";
import { inParallel } from "./parallel.ts";
import { look, type Task } from "./task.ts";
import { findBases, hasTrash, type Trash } from "./trash.ts";
import { versionListKey } from "./version-list.ts";

/** Looks at a tree before it is left alone: somebody writes to it. */
const passes = 9;
/** Keys after which the database is asked again who else lives here. */
const keysPerLook = 500;

/** Hides what lies at the path of the tombstone and below it; answers what its tombstone remembers. */
export async function hideTree(task: Task): Promise<Trash> {
  const { driver } = task.store;
  const { tombstone } = task.claim;
  let bytes = 0;
  for (let pass = 1; pass <= passes; pass++) {
    // Lists are there only where a worker was here before.
    const isBegun = await hasTrash(driver, tombstone.id, task.signal);
    const listed = isBegun ? await hideListed(task, (path) => isKeyOf(tombstone.path, path)) : undefined;
    bytes += listed?.bytes ?? 0;
    const walked = await hideUnlisted(task);
    bytes += walked.bytes;
    if (walked.found === 0) {
      const at = isBegun ? await findBases(driver, tombstone, task.signal) : [];
      const versions = await knownVersions(task);
      return { at, versions, lists: listed?.lists ?? [], bytes };
    }
    if (!walked.needsList) continue;
    await listVersions(task, listed?.nextKey ?? versionListKey(tombstone, 1), keysOf(task));
  }
  throw new ServiceError("CONFLICT", `Somebody writes to ${tombstone.path} while it is hidden.`, {
    details: { remedy: "Nothing: it is hidden in a later run." },
  });
}

interface Walked {
  /** Keys that had bytes. */
  readonly found: number;
  readonly bytes: number;
  /** Some keep versions, which have to be written down first. */
  readonly needsList: boolean;
}

/** Hides the keys whose bytes keep no version. */
async function hideUnlisted(task: Task): Promise<Walked> {
  const { move } = task.store.driver;
  const { path } = task.claim.tombstone;
  const walked = { found: 0, bytes: 0, needsList: false };
  async function* keys(): AsyncGenerator<string> {
    for await (const key of keysOf(task)) {
      if (walked.needsList) return;
      yield key;
    }
  }
  await inParallel(keys(), keysAtOnce, async (key) => {
    const live = await look(task, key);
    if (live === undefined) return;
    walked.found += 1;
    if (live.versionId !== undefined) {
      walked.needsList = true;
      return;
    }
    const rest = key.slice(path.length);
    await (move === undefined ? hideByCopy(task, rest, live) : hideByRename(task, rest, move));
    walked.bytes += live.sizeBytes;
  });
  return walked;
}

/** The keys that the tombstone may have bytes at. @throws {CONFLICT} when live objects lie among them. */
async function* keysOf(task: Task): AsyncGenerator<string> {
  const { path, isTree } = task.claim.tombstone;
  let hasOwn = await hasOwnManifest(task);
  if (isTree) yield path;
  let count = 0;
  for await (const found of task.store.driver.list(`${path}/`, { signal: task.signal })) {
    if (++count % keysPerLook === 0) hasOwn = await hasOwnManifest(task);
    yield found.path;
  }
  // A file of that name may be nobody's tree's.
  if (!hasOwn) yield manifestPath(path);
}

function isKeyOf(path: string, key: string): boolean {
  return key === path || key === manifestPath(path) || key.startsWith(`${path}/`);
}
