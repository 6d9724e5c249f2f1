/**
 * Giving a file of a file store another path, without a second copy of its bytes: a link under the new name, which fails where that is
 * taken, then the old name goes. Whatever happens between the two, the bytes have one name at least, and the move may be done again.
 */

import type { BigIntStats } from "node:fs";
import { type FileHandle, link, lstat, unlink } from "node:fs/promises";
import { ServiceError } from "../errors.ts";
import type { MoveOptions, ObjectHead } from "./contract.ts";
import { errnoOf, fileError } from "./file-error.ts";
import type { FileContext } from "./file-read.ts";
import type { Folder } from "./folder.ts";

interface Context extends FileContext {
  readonly faults: (point: string) => void | Promise<void>;
  /** Folders that were made for a move, and whose names are not known to be durable yet. */
  readonly unsynced: Set<string>;
}

interface Move extends MoveOptions {
  readonly from: string;
  readonly to: string;
}

/** A name in an open folder. */
interface Place {
  readonly folder: Folder;
  readonly name: string;
}

/** A place whose folders may have been made for it. */
interface NewPlace extends Place {
  readonly parents: readonly Parent[];
}

/** A folder that is open until it is synced, for the name of a folder in it. */
interface Parent {
  readonly folder: Folder;
  /** Of the one that was made. */
  readonly made: string;
}

export async function move(context: Context, request: Move): Promise<ObjectHead> {
  const { from, to, signal } = request;
  signal?.throwIfAborted();
  if (from === to) throw taken(to);
  let source: Place | undefined;
  let target: NewPlace | undefined;
  let file: FileHandle | undefined;
  try {
    source = await sourceOf(context, from);
    file = await source?.folder.file(source.name);
    if (source === undefined || file === undefined) throw absent(from);
    const stats = await file.stat({ bigint: true });
    target = await targetOf(context, to);
    await linked(context, request, { source, target, file: stats });
    await unlinked(context, request, { source, file: stats });
    return { path: to, sizeBytes: Number(stats.size), modifiedAt: stats.mtime };
  } catch (error) {
    signal?.throwIfAborted();
    throw fileError(context.location, error);
  } finally {
    await file?.close();
    await source?.folder.close();
    await target?.folder.close();
    for (const { folder } of target?.parents ?? []) await folder.close();
  }
}

async function sourceOf(context: Context, path: string): Promise<Place | undefined> {
  const segments = path.split("/");
  const name = segments.pop() ?? "";
  const folder = await (await context.root()).descend(segments);
  return folder && { folder, name };
}

/**
 * Makes what folders are missing. They are synced after the link, all at once: the first sync of a journal takes the rest with it. Whoever
 * passes through one that is not synced yet has to sync it as well.
 */
async function targetOf(context: Context, path: string): Promise<NewPlace> {
  const segments = path.split("/");
  const name = segments.pop() ?? "";
  const parents: Parent[] = [];
  let folder = await context.root();
  try {
    for (const [at, segment] of segments.entries()) {
      const made = segments.slice(0, at + 1).join("/");
      const next = await folder.makeUnsynced(segment);
      const passed = folder;
      folder = next.folder;
      if (next.isMade) context.unsynced.add(made);
      if (context.unsynced.has(made)) parents.push({ folder: passed, made });
      else await passed.close();
    }
    return { folder, name, parents };
  } catch (error) {
    for (const each of [folder, ...parents.map((parent) => parent.folder)]) await each.close();
    throw error;
  }
}

/** Which file it is, whatever its name. */
type Identity = Pick<BigIntStats, "dev" | "ino">;

interface Ends {
  readonly source: Place;
  readonly target: NewPlace;
  /** The source, which is open. */
  readonly file: Identity;
}

async function linked(context: Context, request: Move, { source, target, file }: Ends): Promise<void> {
  await context.faults("fs.ENOSPC");
  await context.faults("fs.EIO");
  await Promise.all([source.folder.confirm(), target.folder.confirm()]);
  refuseLate(request);
  await context.faults("fs.EXDEV");
  const name = target.folder.entry(target.name);
  let isOurs = true;
  try {
    await link(source.folder.entry(source.name), name);
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") throw error;
    isOurs = false;
  }
  await context.faults("fs.linked");
  if (!(await isSame(name, file))) {
    // What was put in the place of the source meanwhile is not what was to be moved.
    if (isOurs) await unlink(name);
    throw taken(request.to);
  }
  // Before the old name goes the new one must be there for good.
  await context.faults("fs.fsync");
  await context.small?.settled();
  await target.folder.sync();
  for (const { folder, made } of target.parents) {
    await folder.sync();
    context.unsynced.delete(made);
  }
}

async function unlinked(
  context: Context,
  request: Move,
  { source, file }: Omit<Ends, "target">,
): Promise<void> {
  const name = source.folder.entry(source.name);
  await source.folder.confirm();
  const same = await isSame(name, file);
  if (same === false) throw replaced(request.from);
  refuseLate(request);
  // Somebody who does the same may have been faster.
  if (same === true) await unlink(name);
  await context.faults("fs.unlinked");
  await source.folder.sync();
}

/** Looked at last, after everything that may have taken long. */
function refuseLate({ from, expiresAt, signal }: Move): void {
  signal?.throwIfAborted();
  if (expiresAt === undefined || Date.now() < expiresAt.getTime()) return;
  throw new ServiceError("CONFLICT", `The time to move ${from} is over.`, {
    details: { remedy: "Claim it again." },
  });
}

/** Whether the name is that of the open file; `undefined`: there is no such name. */
async function isSame(name: string, file: Identity): Promise<boolean | undefined> {
  try {
    const there = await lstat(name, { bigint: true });
    return there.dev === file.dev && there.ino === file.ino;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

function absent(path: string): ServiceError {
  return new ServiceError("OBJECT_MISSING", `There is nothing to move at ${path}.`, {
    details: { field: "from", value: path, remedy: "Name an object that is there." },
  });
}

function taken(path: string): ServiceError {
  return new ServiceError("STORE_CONFLICT", `The store already has bytes at ${path}.`, {
    details: { field: "to", value: path, remedy: "Move to another path." },
  });
}

function replaced(path: string): ServiceError {
  return new ServiceError("REFERENCE_CHANGED", `The object ${path} was replaced while it was moved.`, {
    details: { remedy: "Move it again." },
  });
}
