/** Going down the folders of a file store for a group of small files: each folder is opened once, no link is ever followed. Linux only. */

import { closeSync, constants, lstatSync, mkdirSync, openSync } from "node:fs";
import { errnoOf } from "./file-error.ts";
import { linkRefused, notAFolder } from "./folder.ts";

const directory = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** An open folder. */
export interface OpenFolder {
  readonly fd: number;
  /** Path of the folder, for `node:fs`. */
  readonly path: string;
}

/** The folders that one group has open. */
export class SmallFolders {
  readonly #open = new Map<string, OpenFolder>();
  readonly #new = new Set<string>();
  readonly #made: Set<string>;
  /** Folders whose entries are to be made durable, because a folder in them was made, by us or by somebody who has not synced it yet. */
  readonly parents = new Map<OpenFolder, Set<string>>();

  /** @param made Folders, of all groups under way, that were made and whose names may be lost still. */
  constructor(root: OpenFolder, made: Set<string>) {
    this.#open.set("", root);
    this.#made = made;
  }

  /** The folder at `path`, made where it is absent. @throws {FORBIDDEN} for a link on the way; {STORE_CONFLICT} for a file. */
  at(path: string): OpenFolder {
    const known = this.#open.get(path);
    if (known !== undefined) {
      this.#pass(path);
      return known;
    }
    const slash = path.lastIndexOf("/");
    const parent = this.at(slash < 0 ? "" : path.slice(0, slash));
    const folder = this.#enter(parent, path);
    this.#open.set(path, folder);
    this.#pass(path);
    return folder;
  }

  /** What has failed for a folder whose entry leads to `path`. */
  failureAbove(path: string, failures: ReadonlyMap<OpenFolder, unknown>): unknown {
    for (const [parent, names] of this.parents) {
      const error = failures.get(parent);
      if (error !== undefined && [...names].some((made) => path.startsWith(`${made}/`))) return error;
    }
    return undefined;
  }

  /** Closes what was opened here. */
  close(): void {
    this.#open.delete("");
    for (const { fd } of this.#open.values()) closeSync(fd);
  }

  #enter(parent: OpenFolder, path: string): OpenFolder {
    const slash = path.lastIndexOf("/");
    const name = path.slice(slash + 1);
    const entry = `${parent.path}/${name}`;
    const there = this.#new.has(path.slice(0, Math.max(0, slash)))
      ? undefined
      : lstatSync(entry, { throwIfNoEntry: false });
    if (there?.isSymbolicLink()) throw linkRefused(name);
    if (there !== undefined && !there.isDirectory()) throw notAFolder(name);
    if (there === undefined) this.#make(path, entry);
    return opened(entry, name);
  }

  #make(path: string, entry: string): void {
    // Before it is made: who sees it must know.
    this.#made.add(path);
    try {
      mkdirSync(entry);
      this.#new.add(path);
    } catch (error) {
      if (errnoOf(error) !== "EEXIST") {
        this.#made.delete(path);
        throw error;
      }
    }
  }

  #pass(path: string): void {
    for (let at = path; at !== ""; at = at.slice(0, Math.max(0, at.lastIndexOf("/")))) {
      if (!this.#made.has(at)) continue;
      const parent = this.#open.get(at.slice(0, Math.max(0, at.lastIndexOf("/"))));
      if (parent === undefined) continue;
      const names = this.parents.get(parent) ?? new Set();
      this.parents.set(parent, names.add(at));
    }
  }
}

function opened(entry: string, name: string): OpenFolder {
  try {
    const fd = openSync(entry, directory);
    return { fd, path: `/proc/self/fd/${fd}` };
  } catch (error) {
    // What is opened here was a folder a moment ago, so that this is somebody's trick.
    if (["ELOOP", "ENOTDIR"].includes(errnoOf(error) ?? "")) throw linkRefused(name);
    throw error;
  }
}
