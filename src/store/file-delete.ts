/** Taking a file out of a file store. The folders above it stay: another writer may be about to use them. */

import { unlink } from "node:fs/promises";
import { ServiceError } from "../errors.ts";
import type { DeleteOptions } from "./contract.ts";
import { errnoOf, fileError } from "./file-error.ts";
import type { Folder } from "./folder.ts";

interface Context {
  readonly location: string;
  root(): Promise<Folder>;
}

export async function remove(context: Context, path: string, options: DeleteOptions): Promise<void> {
  options.signal?.throwIfAborted();
  const segments = path.split("/");
  const name = segments.pop() ?? "";
  let folder = await context.root();
  try {
    for (const segment of segments) {
      const next = await folder.child(segment);
      if (next === undefined) return;
      await folder.close();
      folder = next;
    }
    // Looked at last, after everything that may have taken long.
    if (options.expiresAt !== undefined && Date.now() >= options.expiresAt.getTime()) throw late(path);
    await removeFrom(folder, name);
  } catch (error) {
    options.signal?.throwIfAborted();
    throw fileError(context.location, error);
  } finally {
    await folder.close();
  }
}

async function removeFrom(folder: Folder, name: string): Promise<void> {
  // A link or a folder is no object.
  const file = await folder.file(name);
  if (file === undefined) return;
  await file.close();
  await folder.confirm();
  try {
    await unlink(folder.entry(name));
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
  }
  await folder.sync();
}

function late(path: string): ServiceError {
  return new ServiceError("CONFLICT", `The time to delete ${path} is over.`, {
    details: { remedy: "Claim it again." },
  });
}
