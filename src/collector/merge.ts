/**
 * Holds a listing against what the database knows, both in byte order, in one pass and constant memory.
 *
 * An object's bytes lie at its path, below `path/` (a tree), and at `path.manifest.json`. Between these, in byte order, may lie other
 * objects, whose paths begin with the same characters: so several objects are open at once, each one's path the beginning of the next.
 */

import { compareBytes } from "../store/path.ts";
import type { Known } from "./known.ts";
import type { Listed } from "./listing.ts";
import type { Root } from "./sections.ts";

/** What the listing has of one object. */
export interface Found {
  /** Of the file at the path itself. */
  readonly fileBytes: number | undefined;
  /** Files below `path/`, and their bytes. */
  readonly files: number;
  readonly bytesInside: number;
}

/** One outcome: of everything that is known, and of every object that is not. */
export type Merged =
  | { readonly kind: "present"; readonly known: Known; readonly found: Found }
  | { readonly kind: "absent"; readonly known: Known }
  | { readonly kind: "unknown"; readonly root: Root; readonly found: Found };

/** Open: what is listed next may still belong to it. */
interface Open {
  readonly path: string;
  readonly known?: Known;
  readonly root?: Root;
  /** Unknown, and seen before the folder that it may belong to. */
  manifest?: Listed;
  fileBytes: number | undefined;
  files: number;
  bytesInside: number;
}

/**
 * Merges. What `rootOf` does not know is nobody's and left out; unknown bytes are told once for each object, when all of it has been seen.
 * A manifest goes with its folder, also where nothing of both is known.
 */
export async function* merge(
  listing: AsyncIterable<Listed>,
  known: AsyncIterable<Known>,
  rootOf: (path: string) => Root | undefined,
): AsyncGenerator<Merged> {
  const files = listing[Symbol.asyncIterator]();
  const paths = known[Symbol.asyncIterator]();
  const open: Open[] = [];
  try {
    let file = await next(files);
    let path = await next(paths);
    while (file !== undefined || path !== undefined) {
      const isKnown = path !== undefined && (file === undefined || compareBytes(path.path, file.path) <= 0);
      const at = isKnown ? path : file;
      if (at !== undefined) yield* closed(open, at.path);
      if (isKnown && path !== undefined) {
        open.push(opened({ path: path.path, known: path }));
        path = await next(paths);
      } else if (file !== undefined) {
        take(open, file, rootOf);
        file = await next(files);
      }
    }
    yield* closed(open);
  } finally {
    await Promise.all([files.return?.(), paths.return?.()]);
  }
}

async function next<Value>(iterator: AsyncIterator<Value>): Promise<Value | undefined> {
  const { done, value } = await iterator.next();
  return done === true ? undefined : value;
}

function opened(what: { path: string; known?: Known; root?: Root }): Open {
  return { ...what, fileBytes: undefined, files: 0, bytesInside: 0 };
}

/** `/` is 0x2f; what belongs to `path` comes before `path` with the byte after that. */
const afterSlash = 0x30;

function isPast({ path: { length }, path: own }: Open, path: string): boolean {
  return !path.startsWith(own) || (path.length > length && path.charCodeAt(length) >= afterSlash);
}

/** Tells of those that nothing can belong to any more. */
function* closed(open: Open[], path?: string): Generator<Merged> {
  for (let last = open.at(-1); last !== undefined; last = open.at(-1)) {
    if (path !== undefined && !isPast(last, path)) return;
    open.pop();
    const outcome = outcomeOf(last);
    if (outcome !== undefined) yield outcome;
  }
}

function outcomeOf({ known, root, manifest, fileBytes, files, bytesInside }: Open): Merged | undefined {
  const found = { fileBytes, files, bytesInside };
  const isThere = fileBytes !== undefined || files > 0;
  if (known !== undefined) return isThere ? { kind: "present", known, found } : { kind: "absent", known };
  if (manifest !== undefined && !isThere) {
    const alone = { fileBytes: manifest.sizeBytes, files: 0, bytesInside: 0 };
    return { kind: "unknown", root: { path: manifest.path, isTree: false }, found: alone };
  }
  return root === undefined ? undefined : { kind: "unknown", root, found };
}

function take(open: Open[], file: Listed, rootOf: (path: string) => Root | undefined): void {
  const owner = ownerOf(open, file.path) ?? begun(open, file, rootOf);
  if (owner === undefined) return;
  const { path, sizeBytes } = file;
  if (path === owner.path) owner.fileBytes = sizeBytes;
  else if (path.startsWith(`${owner.path}/`)) {
    owner.files += 1;
    owner.bytesInside += sizeBytes;
  }
}

/** The one whose path it is; else the innermost whose file or manifest it is. */
function ownerOf(open: readonly Open[], path: string): Open | undefined {
  return (
    open.find((one) => path === one.path) ??
    open.findLast((one) => path.startsWith(`${one.path}/`) || path === one.path + manifestEnd)
  );
}

/** Opens the object that unknown bytes belong to. */
function begun(open: Open[], file: Listed, rootOf: (path: string) => Root | undefined): Open | undefined {
  const { path } = file;
  let root = rootOf(path);
  if (root === undefined) return undefined;
  // Of an unknown folder the manifest comes first: whether there is a folder is seen later.
  const isManifest = !root.isTree && path.endsWith(manifestEnd) && path.length > manifestEnd.length;
  if (isManifest) root = { path: path.slice(0, -manifestEnd.length), isTree: true };
  const one = opened({ path: root.path, root });
  if (isManifest) one.manifest = file;
  open.push(one);
  return one;
}

const manifestEnd = ".manifest.json";
