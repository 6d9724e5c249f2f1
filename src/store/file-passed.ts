/** Folders that somebody else has made: who has written below one builds on its name, whoever is to sync that. */

import { fileError } from "./file-error.ts";
import { type FileContext, openFolder } from "./file-read.ts";

export interface PassedContext extends FileContext {
  /** Folders, by path, whose names are not known to be durable. */
  readonly unsynced: ReadonlySet<string>;
}

/** Makes the names of the folders above `path` durable, where groups under way have made some. */
export async function settlePassed(context: PassedContext, path: string): Promise<void> {
  await context.small?.settled();
  await syncPassed(context, path);
}

/** The same without a look at groups, as one of a group does, which knows of the others. */
export async function syncPassed(context: PassedContext, path: string): Promise<void> {
  for (const made of context.unsynced) {
    if (!path.startsWith(`${made}/`)) continue;
    const parent = await openFolder(context, made.slice(0, Math.max(0, made.lastIndexOf("/"))));
    try {
      await parent?.sync();
    } catch (error) {
      throw fileError(context.location, error);
    } finally {
      await parent?.close();
    }
  }
}
