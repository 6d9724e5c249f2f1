/** Listing a file store in byte order of the paths, one folder in memory at a time. */

import { lstat, readdir } from "node:fs/promises";
import type { ListOptions, ObjectHead } from "./contract.ts";
import { errnoOf } from "./file-error.ts";
import type { Folder } from "./folder.ts";
import { compareBytes, isCanonicalPath } from "./path.ts";

interface Place {
  readonly folder: Folder;
  /** Path of the folder, with its trailing `/`; empty for the root. */
  readonly path: string;
}

interface Wanted extends ListOptions {
  readonly prefix: string;
}

/** The regular files below `place`. Links, unfinished files and names that no path can carry are not objects and are passed over. */
export async function* listFolder(place: Place, wanted: Wanted): AsyncGenerator<ObjectHead> {
  for (const name of await sortedNames(place)) {
    wanted.signal?.throwIfAborted();
    if (!concerns(place.path + name, wanted)) continue;
    if (name.endsWith("/")) yield* listChild(place, name.slice(0, -1), wanted);
    else {
      const found = await headOf(place, name);
      if (found !== undefined) yield found;
    }
  }
}

async function* listChild(place: Place, name: string, wanted: Wanted): AsyncGenerator<ObjectHead> {
  const folder = await place.folder.child(name);
  if (folder === undefined) return;
  try {
    yield* listFolder({ folder, path: `${place.path}${name}/` }, wanted);
  } finally {
    await folder.close();
  }
}

/** Names of a folder; folders with a trailing `/`, because `a.txt` comes before `a/b`. */
async function sortedNames(place: Place): Promise<string[]> {
  const entries = await readdir(place.folder.path, { withFileTypes: true, encoding: "buffer" });
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const names: string[] = [];
  for (const entry of entries) {
    if (!entry.isFile() && !entry.isDirectory()) continue;
    try {
      const name = decoder.decode(entry.name);
      if (isCanonicalPath(place.path + name)) names.push(entry.isDirectory() ? `${name}/` : name);
    } catch {
      // Not UTF-8: no path names it, so it is nobody's object.
    }
  }
  return names.sort(compareBytes);
}

/** Whether `path`, or a folder `path/`, can have something that is wanted. */
function concerns(path: string, wanted: Wanted): boolean {
  const isFolder = path.endsWith("/");
  if (!path.startsWith(wanted.prefix) && !(isFolder && wanted.prefix.startsWith(path))) return false;
  const after = wanted.after;
  if (after === undefined || compareBytes(path, after) > 0) return true;
  return isFolder && after.startsWith(path);
}

async function headOf(place: Place, name: string): Promise<ObjectHead | undefined> {
  try {
    const found = await lstat(place.folder.entry(name));
    if (!found.isFile()) return undefined;
    return { path: place.path + name, sizeBytes: found.size, modifiedAt: found.mtime };
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}
