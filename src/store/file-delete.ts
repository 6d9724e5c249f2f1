/**
 * Taking a file out of a file store. The folders above it stay: another writer may be about to use them. Those of the trash are one
 * deletion's own, and go with their last file.
 */

import { rmdir, unlink } from "node:fs/promises";
import { ServiceError } from "../errors.ts";
import type { DeleteOptions } from "./contract.ts";
import { errnoOf, fileError } from "./file-error.ts";
import type { Folder } from "./folder.ts";

interface Context {
  readonly location: string;
  root(): Promise<Folder>;
}

const trash = "_trash";

export async function remove(context: Context, path: string, options: DeleteOptions): Promise<void> {
  options.signal?.throwIfAborted();
  const segments = path.split("/");
  const name = segments.pop() ?? "";
  const chain: Folder[] = [];
  try {
    const isTrash = segments[0] === trash;
    const folder = isTrash
      ? await openAll(await context.root(), segments, chain)
      : await (await context.root()).descend(segments);
    if (folder === undefined) return;
    if (!isTrash) chain.push(folder);
    // Looked at last, after everything that may have taken long.
    if (options.expiresAt !== undefined && Date.now() >= options.expiresAt.getTime()) throw late(path);
    await removeFrom(folder, name);
    if (isTrash) await prune(chain, segments);
  } catch (error) {
    options.signal?.throwIfAborted();
    throw fileError(context.location, error);
  } finally {
    for (const folder of chain) await folder.close();
  }
}

/** All folders on the way, which the caller closes. */
async function openAll(
  root: Folder,
  segments: readonly string[],
  chain: Folder[],
): Promise<Folder | undefined> {
  chain.push(root);
  for (const segment of segments) {
    const next = await chain.at(-1)?.child(segment);
    if (next === undefined) return undefined;
    chain.push(next);
  }
  return chain.at(-1);
}

async function removeFrom(folder: Folder, name: string): Promise<void> {
  // A link or a folder is no object.
  if ((await folder.look(name)) === undefined) return;
  await folder.confirm();
  try {
    await unlink(folder.entry(name));
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
  }
  await folder.sync();
}

/** Takes away folders that are empty now, from the deepest up, but not the first. */
async function prune(chain: readonly Folder[], segments: readonly string[]): Promise<void> {
  for (let depth = segments.length - 1; depth > 0; depth--) {
    const parent = chain[depth];
    await parent?.confirm();
    try {
      await rmdir(parent?.entry(segments[depth] ?? "") ?? "");
    } catch (error) {
      if (["ENOTEMPTY", "EEXIST", "ENOENT"].includes(errnoOf(error) ?? "")) return;
      throw error;
    }
  }
}

function late(path: string): ServiceError {
  return new ServiceError("CONFLICT", `The time to delete ${path} is over.`, {
    details: { remedy: "Claim it again." },
  });
}
