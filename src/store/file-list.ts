/** Listing a file store in byte order of the paths, one folder in memory at a time. */

import { lstat } from "node:fs/promises";
import { isServiceError } from "../errors.ts";
import type { ListOptions, ObjectHead } from "./contract.ts";
import { errnoOf } from "./file-error.ts";
import { sortedNames } from "./file-names.ts";
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
  const only = onlyChild(place, wanted);
  if (only !== undefined) return yield* listOnly(place, only, wanted);
  for await (const name of sortedNames(place.folder.path, {
    prefix: wanted.prefix.slice(place.path.length),
  })) {
    wanted.signal?.throwIfAborted();
    if (!concerns(place.path + name, wanted) || !isCanonicalPath(place.path + bare(name))) continue;
    if (name.endsWith("/")) yield* listChild(place, bare(name), wanted);
    else {
      const found = await headOf(place, name);
      if (found !== undefined) yield found;
    }
  }
}

function bare(name: string): string {
  return name.endsWith("/") ? name.slice(0, -1) : name;
}

/** The one folder in which everything lies that is wanted: it is opened at once, however many lie beside it. */
function onlyChild(place: Place, { prefix }: Wanted): string | undefined {
  const end = prefix.indexOf("/", place.path.length);
  return end === -1 ? undefined : prefix.slice(place.path.length, end);
}

async function* listOnly(place: Place, name: string, wanted: Wanted): AsyncGenerator<ObjectHead> {
  wanted.signal?.throwIfAborted();
  const path = `${place.path}${name}/`;
  if (!isCanonicalPath(place.path + name) || !concerns(path, wanted)) return;
  yield* listOpen(await place.folder.child(name).catch(passedOver), path, wanted);
}

/** Of a link nothing is listed. */
function passedOver(error: unknown): undefined {
  if (!isServiceError(error, "FORBIDDEN")) throw error;
}

async function* listChild(place: Place, name: string, wanted: Wanted): AsyncGenerator<ObjectHead> {
  yield* listOpen(await place.folder.child(name), `${place.path}${name}/`, wanted);
}

/** Closes the folder. */
async function* listOpen(
  folder: Folder | undefined,
  path: string,
  wanted: Wanted,
): AsyncGenerator<ObjectHead> {
  if (folder === undefined) return;
  try {
    yield* listFolder({ folder, path }, wanted);
  } finally {
    await folder.close();
  }
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
