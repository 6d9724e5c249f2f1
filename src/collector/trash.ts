/**
 * Where the bytes of hidden objects lie, and the text of `holdfast.tombstone.trash` that remembers it.
 *
 * The text is JSON: `at`, keys in `_trash/` below which the object's own path goes on; `versions` of the object's key; `lists`, objects in
 * `_trash/` that name versions of the keys of a tree; `bytes`, how many were hidden. Absent text: nothing was there.
 */

import { createHash } from "node:crypto";
import { ServiceError } from "../errors.ts";
import { manifestPath } from "../object/manifest.ts";
import type { StoreDriver } from "../store/contract.ts";
import { readVersionList } from "./version-list.ts";

/** What a tombstone remembers of the bytes. */
export interface Trash {
  /** What lay at `path` + rest lies at one of these + rest; where two have it, the later one is whole. */
  readonly at: readonly string[];
  /** Versions of the object's own key. */
  readonly versions: readonly string[];
  /** Keys of version lists. */
  readonly lists: readonly string[];
  readonly bytes: number;
}

/** A killed object. */
export interface Buried {
  readonly id: string;
  /** In its store. */
  readonly path: string;
  /** Of `holdfast.tombstone`. */
  readonly trash: string | null;
}

/** Bytes in the trash. */
export interface TrashedKey {
  /** Where they lay, and belong. */
  readonly path: string;
  /** Where they are: the same path where they are a version of it. */
  readonly at: string;
  readonly versionId?: string;
  readonly sizeBytes: number | undefined;
}

/** Keys are 1024 bytes at most, those of a location included. */
const longestKey = 900;
/** Whole copies that come out wrong before an object is left alone. */
const attempts = 9;

/** Nothing was there. */
const emptyTrash: Trash = { at: [], versions: [], lists: [], bytes: 0 };

/** The text of a tombstone; null when nothing was there. */
export function trashText({ at, versions, lists, bytes }: Trash): string | null {
  if (at.length + versions.length + lists.length === 0) return null;
  return JSON.stringify({
    ...(at.length > 0 && { at }),
    ...(versions.length > 0 && { versions }),
    ...(lists.length > 0 && { lists }),
    bytes,
  });
}

/** Reads the text of a tombstone. @throws {OBJECT_CORRUPT} when it is none of ours. */
export function parseTrash({ id, trash }: Pick<Buried, "id" | "trash">): Trash {
  if (trash === null) return emptyTrash;
  const value = jsonOf(trash);
  const texts = (some: unknown): readonly string[] | undefined =>
    some === undefined ? [] : Array.isArray(some) && some.every(isText) ? some : undefined;
  const [at, versions, lists] = [texts(value["at"]), texts(value["versions"]), texts(value["lists"])];
  const { bytes } = value;
  const keys = [...(at ?? []), ...(lists ?? [])];
  const isOurs = keys.length + (versions?.length ?? 0) > 0 && keys.every((key) => isTrashOf(id, key));
  if (at !== undefined && versions !== undefined && lists !== undefined && isOurs)
    return { at, versions, lists, bytes: typeof bytes === "number" ? bytes : 0 };
  throw new ServiceError("OBJECT_CORRUPT", `The tombstone ${id} names no trash that could be read.`, {
    details: { value: trash, remedy: "Restore the row of holdfast.tombstone from a backup." },
  });
}

function jsonOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : { at: false };
  } catch {
    return { at: false };
  }
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

/** Whether `key` lies in what belongs to the tombstone `id`: nothing else may be deleted for good. */
export function isTrashOf(id: string, key: string): boolean {
  return /^\d+$/.test(id) && (key.startsWith(`_trash/${id}/`) || key.startsWith(`_trash/${id}.`));
}

/** Keys in the trash for the bytes of `path` + `rest`, one for each attempt. */
export function* trashKeys(id: string, path: string, rest: string): Generator<{ base: string; key: string }> {
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const [full, short] = basesOf(id, path, attempt);
    // Which one does not depend on the store: another worker must find the same.
    const base = Buffer.byteLength(full + rest) <= longestKey ? full : short;
    yield { base, key: base + rest };
  }
}

/** What is thrown when no attempt had its place. */
export function noPlace(path: string): ServiceError {
  return new ServiceError("STORE_CONFLICT", `The trash has other bytes at every place for ${path}.`, {
    details: {
      field: "path",
      value: path,
      remedy: "Check that the store copies objects whole (holdfast stores verify).",
    },
  });
}

/** The digest tells whose it is also when the numbers of tombstones begin again, after a restore. */
function basesOf(id: string, path: string, attempt: number): readonly [full: string, short: string] {
  const folder = `_trash/${attempt === 1 ? id : `${id}.${attempt}`}`;
  return [`${folder}/${path}`, `${folder}/${shortName(path)}`];
}

/** What lies in a folder of the trash in the place of a path that is too long there. */
export function shortName(path: string): string {
  return `~${createHash("sha256").update(path).digest("hex").slice(0, 16)}`;
}

/** Looks which places in the trash have bytes of the object. */
export async function findBases(
  driver: StoreDriver,
  { id, path }: Buried,
  signal?: AbortSignal,
): Promise<string[]> {
  if (!(await hasTrash(driver, id, signal))) return [];
  const found: string[] = [];
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const before = found.length;
    for (const base of basesOf(id, path, attempt)) {
      for await (const _ of below(driver, base, signal)) {
        found.push(base);
        break;
      }
    }
    if (found.length === before) break;
  }
  return found;
}

/** Whether anything at all lies in what belongs to the tombstone `id`. */
export async function hasTrash(driver: StoreDriver, id: string, signal?: AbortSignal): Promise<boolean> {
  for (const prefix of [`_trash/${id}/`, `_trash/${id}.`]) {
    for await (const _ of driver.list(prefix, { signal })) return true;
  }
  return false;
}

/** The keys of one object below `base`: of itself, of its tree, and its manifest. */
async function* below(
  driver: StoreDriver,
  base: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<{ rest: string; sizeBytes: number }> {
  for await (const { path, sizeBytes } of driver.list(base, { signal })) {
    const rest = path.slice(base.length);
    // Others may begin alike.
    if (rest === "" || rest.startsWith("/") || rest === manifestPath("")) yield { rest, sizeBytes };
  }
}

/**
 * Everything that a tombstone has in the trash, what was hidden last first: where a path comes twice, what comes first is whole.
 * @throws {OBJECT_CORRUPT} when the text of the tombstone, or a list, cannot be read.
 */
export async function* trashedKeys(
  driver: StoreDriver,
  tombstone: Buried,
  signal?: AbortSignal,
): AsyncGenerator<TrashedKey> {
  const { at, versions, lists } = parseTrash(tombstone);
  const { path } = tombstone;
  for (const versionId of versions.toReversed()) yield { path, at: path, versionId, sizeBytes: undefined };
  for (const list of lists.toReversed()) {
    for await (const line of readVersionList(driver, { key: list, tombstone }, signal))
      yield { path: line.path, at: line.path, versionId: line.versionId, sizeBytes: line.sizeBytes };
  }
  for (const base of at.toReversed()) {
    for await (const { rest, sizeBytes } of below(driver, base, signal))
      yield { path: path + rest, at: base + rest, sizeBytes };
  }
}
