/**
 * Puts of small files in groups. To each file happens what happens to one that is put alone: a temporary file, its fsync, a link into place,
 * the fsync of its folder, and of the folder above where that one is new. Only each step is taken for all of them together: folders are opened
 * once, and many files are given to the disk at the same time, which a journal takes in one go.
 */

import { closeSync, constants, fstatSync, fsync, linkSync, openSync, unlinkSync, writeSync } from "node:fs";
import { promisify } from "node:util";
import { errnoOf } from "./file-error.ts";
import { partialName, taken } from "./file-partial.ts";
import { type OpenFolder, SmallFolders } from "./small-folders.ts";

const sync = promisify(fsync);
const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** A file to be made. */
export interface SmallPut {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** What became of one put. */
export type PutOutcome =
  | { readonly sizeBytes: number; readonly modifiedMs: number }
  | { readonly error: unknown };

/** Told the name of each step of a file; see `FileDriverOptions.faults`. */
type Reach = ((point: string) => void | Promise<void>) | undefined;

export interface PutOptions {
  /** The open location. */
  readonly root: OpenFolder;
  /** Folders, by path, that were made by any group and are not known to be durable. */
  readonly made: Set<string>;
  readonly faults?: Reach;
}

interface File {
  readonly put: SmallPut;
  readonly folder: OpenFolder;
  readonly partial: string;
  readonly fd: number;
  outcome: PutOutcome | undefined;
  /** Whether the name is in the folder, which has to be synced then. */
  isNamed: boolean;
}

/** Makes the files, each of them wholly or not at all. What goes wrong with one of them is its own outcome. */
export async function putGroup(
  puts: readonly SmallPut[],
  { root, made, faults }: PutOptions,
): Promise<readonly PutOutcome[]> {
  const folders = new SmallFolders(root, made);
  const begun: File[] = [];
  try {
    const all = puts.map((put): File | { readonly error: unknown } => {
      try {
        const file = begin(folders, put);
        begun.push(file);
        return file;
      } catch (error) {
        return { error };
      }
    });
    for (const file of begun) await step(file, () => write(file, faults));
    await Promise.all(begun.map((file) => step(file, () => makeDurable(file, faults))));
    for (const file of begun) await step(file, () => name(file, faults));
    await syncFolders(folders, { made, files: begun });
    return all.map((each) => ("error" in each ? each : (each.outcome ?? told(each))));
  } finally {
    for (const { fd } of begun) closeSync(fd);
    folders.close();
  }
}

function begin(folders: SmallFolders, put: SmallPut): File {
  const folder = folders.at(put.path.slice(0, Math.max(0, put.path.lastIndexOf("/"))));
  const partial = `${folder.path}/${partialName()}`;
  return { put, folder, partial, fd: openSync(partial, flags, 0o644), outcome: undefined, isNamed: false };
}

/** Does a step of a file that has not failed yet. */
async function step(file: File, work: () => Promise<void>): Promise<void> {
  if (file.outcome !== undefined) return;
  try {
    await work();
  } catch (error) {
    file.outcome = { error };
  }
  if (file.outcome !== undefined) unlinked(file);
}

function unlinked({ partial }: File): void {
  try {
    unlinkSync(partial);
  } catch {
    // Left over, it is nobody's object.
  }
}

async function write({ put, fd }: File, faults: Reach): Promise<void> {
  if (faults !== undefined) for (const point of ["fs.opened", "fs.ENOSPC", "fs.EIO"]) await faults(point);
  for (let done = 0; done < put.bytes.length; ) done += writeSync(fd, put.bytes, done);
  if (faults !== undefined) await faults("fs.written");
}

async function makeDurable({ fd }: File, faults: Reach): Promise<void> {
  if (faults !== undefined) await faults("fs.fsync");
  await sync(fd);
  if (faults !== undefined) await faults("fs.synced");
}

async function name(file: File, faults: Reach): Promise<void> {
  const { put, folder, partial } = file;
  if (faults !== undefined) await faults("fs.EXDEV");
  try {
    file.isNamed = true;
    linkSync(partial, `${folder.path}/${put.path.slice(put.path.lastIndexOf("/") + 1)}`);
  } catch (error) {
    // Whoever made a name that is taken may have ended before it was durable; callers build on its being there.
    file.isNamed = errnoOf(error) === "EEXIST";
    throw file.isNamed ? taken(put.path) : error;
  }
  if (faults !== undefined) await faults("fs.linked");
  unlinked(file);
  if (faults !== undefined) await faults("fs.unlinked");
}

function told({ fd }: File): PutOutcome {
  try {
    const { size, mtimeMs } = fstatSync(fd);
    return { sizeBytes: size, modifiedMs: mtimeMs };
  } catch (error) {
    return { error };
  }
}

/** New folders first: their names are in the journal by then, so that the others find little to do. */
async function syncFolders(
  folders: SmallFolders,
  { made, files }: { readonly made: Set<string>; readonly files: readonly File[] },
): Promise<void> {
  const named = files.filter(({ isNamed }) => isNamed);
  const failures = new Map<OpenFolder, unknown>();
  const syncOne = async (folder: OpenFolder): Promise<void> => {
    await sync(folder.fd).catch((error: unknown) => void failures.set(folder, error));
  };
  await Promise.all([...folders.parents.keys()].map(syncOne));
  for (const [parent, names] of folders.parents)
    if (!failures.has(parent)) for (const each of names) made.delete(each);
  const rest = new Set(named.map(({ folder }) => folder));
  await Promise.all([...rest].map(syncOne));
  for (const file of named) {
    const error = failures.get(file.folder) ?? folders.failureAbove(file.put.path, failures);
    if (error !== undefined) file.outcome = { error };
  }
}
