/**
 * Going down the folders of a file store without ever following a link.
 *
 * On Linux each step opens `/proc/self/fd/N/segment` with O_NOFOLLOW, so that a folder swapped for a link meanwhile cannot lead
 * elsewhere. Where there is no such path, each component is looked at by `lstat`, and once more after the file was opened.
 */

import { constants, type Stats } from "node:fs";
import { type FileHandle, lstat, mkdir, open, readlink } from "node:fs/promises";
import { join } from "node:path";
import { ServiceError } from "../errors.ts";
import { errnoOf } from "./file-error.ts";

/** How folders are walked; `handle` needs `/proc/self/fd`. */
export type WalkMode = "handle" | "lstat";

/** The mode that suits this machine. */
export const defaultWalkMode: WalkMode = process.platform === "linux" ? "handle" : "lstat";

const noFollow = constants.O_NOFOLLOW ?? 0;
const directory = constants.O_RDONLY | (constants.O_DIRECTORY ?? 0);

interface Seen {
  readonly path: string;
  readonly dev: bigint;
  readonly ino: bigint;
}

/** An open folder of the store. Close it. */
export class Folder {
  readonly #handle: FileHandle;
  readonly #mode: WalkMode;
  /** The folder's own path, and each component's identity, where handles cannot be walked. */
  readonly #real: string;
  readonly #seen: readonly Seen[];
  /** Made just now: nothing is in it, unless somebody is as fast. */
  #isNew = false;

  private constructor(handle: FileHandle, mode: WalkMode, trail: { real: string; seen: readonly Seen[] }) {
    this.#handle = handle;
    this.#mode = mode;
    this.#real = trail.real;
    this.#seen = trail.seen;
  }

  /** Opens the store's location, which may itself be a link: the administrator chose it. */
  static async root(location: string, mode: WalkMode): Promise<Folder> {
    return new Folder(await open(location, directory), mode, { real: location, seen: [] });
  }

  /** Path of an entry that is safe to hand to `node:fs` at once. */
  entry(name: string): string {
    return this.#mode === "handle" ? `/proc/self/fd/${this.#handle.fd}/${name}` : join(this.#real, name);
  }

  /** The open handle's number. */
  get fd(): number {
    return this.#handle.fd;
  }

  /** Path of the folder itself, for reading its entries. */
  get path(): string {
    return this.#mode === "handle" ? `/proc/self/fd/${this.#handle.fd}` : this.#real;
  }

  /** Device and inode, as text. */
  async identity(): Promise<string> {
    const { dev, ino } = await this.#handle.stat({ bigint: true });
    return `${dev}:${ino}`;
  }

  /** The folder `name` in this one; `undefined` when there is none. @throws {FORBIDDEN} when it is a link. */
  async child(name: string): Promise<Folder | undefined> {
    const path = this.entry(name);
    const before = this.#mode === "lstat" ? await identityOf(path) : undefined;
    if (this.#mode === "lstat" && before === undefined) return undefined;
    try {
      const handle = await open(path, directory | noFollow);
      const seen = before === undefined ? [] : [...this.#seen, before];
      return new Folder(handle, this.#mode, { real: join(this.#real, name), seen });
    } catch (error) {
      if (await isLink(path)) throw linkRefused(name);
      if (["ENOENT", "ENOTDIR"].includes(errnoOf(error) ?? "")) return undefined;
      throw error;
    }
  }

  /**
   * The folder at `segments` below this one, which is closed; `undefined` when there is none. Where handles are walked it is opened at once,
   * and the kernel is asked where that has led: anywhere but to this very path, and each step is gone by itself.
   * @throws {FORBIDDEN} for a link on the way.
   */
  async descend(segments: readonly string[]): Promise<Folder | undefined> {
    let at: Folder | undefined = this;
    try {
      const straight = await this.#straight(segments);
      if (straight !== undefined) return straight;
      for (const segment of segments) {
        const next: Folder | undefined = await at.child(segment);
        if (next === undefined) return undefined;
        const passed: Folder = at;
        at = next;
        await passed.close();
      }
      const found = at;
      at = undefined;
      return found;
    } finally {
      await at?.close();
    }
  }

  async #straight(segments: readonly string[]): Promise<Folder | undefined> {
    if (this.#mode !== "handle" || segments.length < 2) return undefined;
    const rest = segments.join("/");
    const handle = await open(this.entry(rest), directory | noFollow).catch(() => undefined);
    if (handle === undefined) return undefined;
    const real = `${this.#real}/${rest}`;
    const there = await readlink(`/proc/self/fd/${handle.fd}`).catch(() => undefined);
    if (there === real || (there !== undefined && there === (await this.#realPath(rest))))
      return new Folder(handle, this.#mode, { real, seen: [] });
    await handle.close();
    return undefined;
  }

  /** Where the location is reached by a link, or is written otherwise. */
  async #realPath(rest: string): Promise<string | undefined> {
    const here = await readlink(this.path).catch(() => undefined);
    return here === undefined ? undefined : `${here}/${rest}`;
  }

  /** The folder `name`, made when absent, durably. */
  async make(name: string): Promise<Folder> {
    const { folder, isMade } = await this.makeUnsynced(name);
    if (isMade) await this.sync();
    return folder;
  }

  /** The same, but where it was made this folder is still to be synced: until then its name may be lost. */
  async makeUnsynced(name: string): Promise<{ readonly folder: Folder; readonly isMade: boolean }> {
    const there = this.#isNew ? undefined : await this.child(name);
    if (there !== undefined) return { folder: there, isMade: false };
    const isMade = await mkdir(this.entry(name)).then(
      () => true,
      (error: unknown) => {
        if (errnoOf(error) === "EEXIST") return false;
        throw error;
      },
    );
    const folder = await this.child(name);
    if (folder === undefined) throw notAFolder(name);
    folder.#isNew = isMade;
    return { folder, isMade };
  }

  /** What is known of a regular file; `undefined` when absent. @throws {FORBIDDEN} when it is a link. */
  async look(name: string): Promise<Stats | undefined> {
    if (this.#mode === "handle") return lookAt(this.entry(name), name);
    const file = await this.file(name);
    try {
      return await file?.stat();
    } finally {
      await file?.close();
    }
  }

  /** Opens a regular file for reading; `undefined` when absent. @throws {FORBIDDEN} when it is a link. */
  async file(name: string): Promise<FileHandle | undefined> {
    const path = this.entry(name);
    try {
      const handle = await open(path, constants.O_RDONLY | noFollow | (constants.O_NONBLOCK ?? 0));
      return (await this.#isOurs(handle, path)) ? handle : undefined;
    } catch (error) {
      if (await isLink(path)) throw linkRefused(name);
      if (["ENOENT", "ENOTDIR", "ENXIO"].includes(errnoOf(error) ?? "")) return undefined;
      throw error;
    }
  }

  async #isOurs(handle: FileHandle, path: string): Promise<boolean> {
    try {
      const found = await handle.stat({ bigint: true });
      if (found.isFile()) {
        if (this.#mode === "lstat") await this.confirm({ path, dev: found.dev, ino: found.ino });
        return true;
      }
    } catch (error) {
      await handle.close();
      throw error;
    }
    await handle.close();
    return false;
  }

  /** Looks once more at every component that was passed; a no-op where handles are walked. @throws {FORBIDDEN} when one was swapped. */
  async confirm(file?: Seen): Promise<void> {
    for (const seen of file === undefined ? this.#seen : [...this.#seen, file]) {
      const now = await lstat(seen.path, { bigint: true });
      if (now.isSymbolicLink() || now.dev !== seen.dev || now.ino !== seen.ino) throw linkRefused(seen.path);
    }
  }

  /** Makes the folder's entries durable. */
  async sync(): Promise<void> {
    await this.#handle.sync();
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

async function identityOf(path: string): Promise<Seen | undefined> {
  const found = await lstat(path, { bigint: true }).catch(() => undefined);
  return found === undefined ? undefined : { path, dev: found.dev, ino: found.ino };
}

async function lookAt(path: string, name: string): Promise<Stats | undefined> {
  try {
    const found = await lstat(path);
    if (found.isSymbolicLink()) throw linkRefused(name);
    return found.isFile() ? found : undefined;
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errnoOf(error) ?? "")) return undefined;
    throw error;
  }
}

async function isLink(path: string): Promise<boolean> {
  return lstat(path).then(
    (found) => found.isSymbolicLink(),
    () => false,
  );
}

/** A link lies where a file or a folder is to be. */
export function linkRefused(name: string): ServiceError {
  return new ServiceError("FORBIDDEN", `${JSON.stringify(name)} is a link, and file stores follow none.`, {
    details: { field: "path", remedy: "Put the file or folder itself there." },
  });
}

/** A file lies where a folder is to be. */
export function notAFolder(name: string): ServiceError {
  return new ServiceError(
    "STORE_CONFLICT",
    `${JSON.stringify(name)} is a file, so nothing can lie below it.`,
    {
      details: { field: "path", remedy: "Choose another path." },
    },
  );
}
