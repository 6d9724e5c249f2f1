/**
 * Objects that several requests write: one temporary file beside the target, whose name ends in the epoch of its writer. Taking over renames
 * it, and a write opens it by name, so a writer that was taken for dead finds nothing to write to.
 */

import { randomInt } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, link, lstat, open, rename, unlink } from "node:fs/promises";
import { ServiceError } from "../errors.ts";
import type { ObjectHead, Piece, ResumableAbility, Unfinished } from "./contract.ts";
import { errnoOf, fileError } from "./file-error.ts";
import { type PassedContext, settlePassed } from "./file-passed.ts";
import type { Folder } from "./folder.ts";
import { checkPath } from "./path.ts";

interface Context extends PassedContext {
  readonly faults: (point: string) => void | Promise<void>;
}

/** Small, because every upload on its way holds two of them in memory. */
const pieceBytes = 2 << 20;
const noFollow = constants.O_NOFOLLOW ?? 0;
const maxEpoch = 36 ** 4 - 1;

export function resumableFiles(context: Context): ResumableAbility {
  return {
    pieceBytes: () => pieceBytes,
    takesShortPieces: true,
    arrivesLate: false,
    begin: (path, epoch) => within(context, path, (place) => begin(place, epoch)),
    take: (unfinished) => within(context, unfinished.path, (place) => take(place, unfinished)),
    write: (unfinished, piece) =>
      within(context, unfinished.path, (place) => write(context, place, { unfinished, ...piece })),
    complete: (unfinished, whole) =>
      within(context, unfinished.path, (place) => complete(context, place, { unfinished, ...whole })),
    discard: async ({ path, id, epoch }) => {
      // What was begun and not remembered is an empty file.
      if (id !== undefined) await within(context, path, (place) => discard(place, { path, id, epoch }));
    },
  };
}

interface Place {
  readonly folder: Folder;
  /** Of the object. */
  readonly name: string;
}

/** Runs `work` in the folder of `path`, which is made where it is missing. */
async function within<T>(context: Context, path: string, work: (place: Place) => Promise<T>): Promise<T> {
  const segments = checkPath(path).split("/");
  const name = segments.pop() ?? "";
  let folder = await context.root();
  try {
    for (const segment of segments) {
      const next = await folder.make(segment);
      await folder.close();
      folder = next;
    }
    return await work({ folder, name });
  } catch (error) {
    throw fileError(context.location, error);
  } finally {
    await folder.close();
  }
}

function partName({ id, epoch }: { readonly id: string; readonly epoch: number }): string {
  if (epoch > maxEpoch) {
    throw new ServiceError(
      "LIMIT_EXCEEDED",
      `An upload to a file store takes ${maxEpoch} requests at most.`,
      {
        details: { limit: maxEpoch, remedy: "Send more bytes in each request." },
      },
    );
  }
  return `.holdfast-${id}-${epoch.toString(36).padStart(4, "0")}.part`;
}

async function begin({ folder }: Place, epoch: number): Promise<string> {
  const alphabet = "0123456789abcdefghijklmnopqrstuvwxyz";
  const id = Array.from({ length: 20 }, () => alphabet[randomInt(alphabet.length)]).join("");
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | noFollow;
  await (await open(folder.entry(partName({ id, epoch })), flags, 0o644)).close();
  await folder.confirm();
  await folder.sync();
  return id;
}

/** A power cut may have undone the last renaming, and a writer may have died before its own: the newest name counts. */
async function take({ folder }: Place, unfinished: Unfinished): Promise<void> {
  const { id, path } = unfinished;
  for (let epoch = unfinished.epoch; epoch > 0; epoch--) {
    const found = folder.entry(partName({ id, epoch }));
    if ((await seen(found)) === undefined) continue;
    if (epoch !== unfinished.epoch) await rename(found, folder.entry(partName(unfinished)));
    return;
  }
  throw gone(path);
}

async function seen(path: string): Promise<string | undefined> {
  try {
    const { dev, ino } = await lstat(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

async function openPart({ folder }: Place, unfinished: Unfinished): Promise<FileHandle> {
  try {
    return await open(folder.entry(partName(unfinished)), constants.O_RDWR | noFollow);
  } catch (error) {
    throw errnoOf(error) === "ENOENT" ? gone(unfinished.path) : error;
  }
}

interface Piecework {
  readonly unfinished: Unfinished;
  readonly offset: number;
  readonly bytes: Uint8Array;
}

async function write(context: Context, place: Place, piece: Piecework): Promise<string> {
  const { unfinished, offset, bytes } = piece;
  const handle = await openPart(place, unfinished);
  try {
    // Zeros in the place of bytes that are gone would have the right size in the end.
    if ((await handle.stat()).size < offset) throw gone(unfinished.path);
    await context.faults("fs.ENOSPC");
    for (let done = 0; done < bytes.length; ) {
      done += (await handle.write(bytes, done, bytes.length - done, offset + done)).bytesWritten;
    }
    await context.faults("fs.written");
    await handle.datasync();
    await context.faults("fs.synced");
  } finally {
    await handle.close();
  }
  return "";
}

interface Whole {
  readonly unfinished: Unfinished;
  readonly sizeBytes: number;
  readonly pieces: readonly Piece[];
}

/** The temporary name stays until `discard`: by it a completion whose answer was lost is known again. */
async function complete(context: Context, place: Place, whole: Whole): Promise<ObjectHead> {
  const { unfinished, sizeBytes } = whole;
  const handle = await openPart(place, unfinished);
  try {
    const { size } = await handle.stat();
    if (size < sizeBytes) throw gone(unfinished.path);
    if (size > sizeBytes) {
      await handle.truncate(sizeBytes);
      await handle.sync();
    }
    await place.folder.confirm();
    await linkInto(place, unfinished);
    await context.faults("fs.linked");
    await place.folder.sync();
    await settlePassed(context, unfinished.path);
    return { path: unfinished.path, sizeBytes, modifiedAt: (await handle.stat()).mtime };
  } finally {
    await handle.close();
  }
}

async function linkInto({ folder, name }: Place, unfinished: Unfinished): Promise<void> {
  const [part, target] = [folder.entry(partName(unfinished)), folder.entry(name)];
  try {
    await link(part, target);
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") throw error;
    if ((await seen(part)) === (await seen(target))) return;
    throw new ServiceError("STORE_CONFLICT", `The store already has bytes at ${unfinished.path}.`, {
      details: { field: "path", value: unfinished.path, remedy: "Write under another path." },
    });
  }
}

async function discard({ folder }: Place, { id, epoch: last }: Unfinished): Promise<void> {
  for (let epoch = last; epoch > 0; epoch--) {
    await unlink(folder.entry(partName({ id, epoch }))).catch((error: unknown) => {
      if (errnoOf(error) !== "ENOENT") throw error;
    });
  }
}

function gone(path: string): ServiceError {
  return new ServiceError("OBJECT_MISSING", `The store no longer has the unfinished bytes of ${path}.`, {
    details: { field: "path", value: path, remedy: "Send the bytes again from the beginning." },
  });
}
