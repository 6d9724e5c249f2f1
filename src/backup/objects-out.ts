/** Objects on their way into a backup file: each from wherever its bytes are, checked as they pass, equal content once. */

import type { Queryable } from "../db/contract.ts";
import { isServiceError } from "../errors.ts";
import { manifestPath } from "../object/manifest.ts";
import type { Store, Stores } from "../store/contract.ts";
import type { ArchiveWriter } from "./archive-writer.ts";
import { type MissingObject, storesFolder } from "./format.ts";
import type { ListedObject } from "./object-list.ts";
import { ObjectSource, type Place } from "./object-source.ts";

/** What writing objects stands on. */
export interface ObjectsOut {
  readonly db: Queryable;
  readonly stores: Stores;
  readonly archive: ArchiveWriter;
  readonly signal?: AbortSignal | undefined;
  /** Told after each object. */
  readonly onObject?:
    | ((done: { readonly objects: number; readonly bytes: number }) => Promise<void>)
    | undefined;
}

/** What was written. */
export interface WrittenObjects {
  readonly objects: number;
  /** Equal content counts once. */
  readonly bytes: number;
  readonly missing: readonly MissingObject[];
}

/** Writes all of `objects`, which come in the order of their digests. */
export async function writeObjects(
  out: ObjectsOut,
  objects: AsyncIterable<ListedObject>,
): Promise<WrittenObjects> {
  const writing = new Writing(out);
  for await (const object of objects) await writing.add(object);
  return writing.result();
}

class Writing {
  readonly #out: ObjectsOut;
  readonly #missing: MissingObject[] = [];
  #objects = 0;
  #bytes = 0;
  /** The content before, that others may be equal to. */
  #content: { readonly name: string; readonly sha256: string; readonly sizeBytes: number } | undefined;

  constructor(out: ObjectsOut) {
    this.#out = out;
  }

  result(): WrittenObjects {
    return { objects: this.#objects, bytes: this.#bytes, missing: this.#missing };
  }

  async add(object: ListedObject): Promise<void> {
    const { archive, stores, db, signal } = this.#out;
    signal?.throwIfAborted();
    const same = this.#content;
    if (same !== undefined && same.sha256 === object.sha256 && same.sizeBytes === object.sizeBytes)
      await archive.link(nameOf(object.store, object.path), { to: same.name, sha256: same.sha256 });
    else {
      const store = stores.get(object.store);
      const source = new ObjectSource(db, store, { path: object.path, signal });
      const problem = await this.#write(object, { store, source }).catch(problemOf);
      if (problem !== undefined) this.#missing.push({ locator: object.locator, ...problem });
    }
    this.#objects += 1;
    await this.#out.onObject?.({ objects: this.#objects, bytes: this.#bytes });
  }

  async #write(object: ListedObject, from: From): Promise<Problem | undefined> {
    if (object.isTree) return this.#tree(object, from);
    const place = await from.source.find(object.path);
    if (place !== undefined) return this.#file(object, { ...from, place });
    // Folders that another program has registered are told apart when they are verified.
    if (object.sha256 === undefined) return this.#tree(object, from);
    return { problem: "its bytes are nowhere", entries: [] };
  }

  async #file(object: ListedObject, from: From & { readonly place: Place }): Promise<Problem | undefined> {
    const { place } = from;
    if (object.sizeBytes !== undefined && object.sizeBytes !== place.sizeBytes)
      return { problem: `it has ${place.sizeBytes} bytes instead of ${object.sizeBytes}`, entries: [] };
    const { name, sha256, problem } = await this.#entry(from, place);
    if (problem !== undefined) return { problem, entries: [name] };
    if (object.sha256 !== undefined && object.sha256 !== sha256)
      return { problem: `its SHA-256 is ${sha256} instead of ${object.sha256}`, entries: [name] };
    this.#content = { name, sha256, sizeBytes: place.sizeBytes };
    return undefined;
  }

  async #tree(object: ListedObject, from: From): Promise<Problem | undefined> {
    const problems: string[] = [];
    const entries: string[] = [];
    let files = 0;
    let bytes = 0;
    for await (const place of from.source.files()) {
      const { name, problem } = await this.#entry(from, place);
      if (problem !== undefined) {
        problems.push(`${place.path}: ${problem}`);
        entries.push(name);
      }
      if (place.path === manifestPath(object.path)) continue;
      files += 1;
      bytes += place.sizeBytes;
    }
    if (files === 0) problems.push("its bytes are nowhere");
    else if (object.isTree && object.sizeBytes !== undefined && object.sizeBytes !== bytes)
      problems.push(`its files have ${bytes} bytes instead of ${object.sizeBytes}`);
    return problems.length === 0 ? undefined : { problem: problems.join("; "), entries };
  }

  /** One file. What turns out to be missing half-way is filled up, because the archive has told its size already, and named. */
  async #entry({ store, source }: From, place: Place): Promise<Written> {
    const failed: { problem?: string } = {};
    // A link names the content right before it.
    this.#content = undefined;
    const name = nameOf(store.config.name, place.path);
    const sha256 = await this.#out.archive.add({
      name,
      sizeBytes: place.sizeBytes,
      body: filledUp(source.bytes(place), { sizeBytes: place.sizeBytes, failed }),
    });
    this.#bytes += place.sizeBytes;
    return { name, sha256, problem: failed.problem };
  }
}

interface From {
  readonly store: Store;
  readonly source: ObjectSource;
}

type Problem = Omit<MissingObject, "locator">;

interface Written {
  readonly name: string;
  readonly sha256: string;
  readonly problem: string | undefined;
}

/** Also where a tombstone does not tell where the bytes are. */
function problemOf(error: unknown): Problem {
  if (isServiceError(error, "OBJECT_MISSING") || isServiceError(error, "OBJECT_CORRUPT"))
    return { problem: error.message, entries: [] };
  throw error;
}

const zeros = new Uint8Array(64 * 1024);

async function* filledUp(
  body: AsyncIterable<Uint8Array>,
  { sizeBytes, failed }: { readonly sizeBytes: number; readonly failed: { problem?: string } },
): AsyncGenerator<Uint8Array> {
  let left = sizeBytes;
  try {
    for await (const chunk of body) {
      left -= chunk.length;
      yield chunk;
    }
  } catch (error) {
    if (!isServiceError(error, "OBJECT_MISSING") && !isServiceError(error, "OBJECT_CORRUPT")) throw error;
    failed.problem = error.message;
    for (; left > 0; left -= zeros.length) yield zeros.subarray(0, left);
  }
}

function nameOf(store: string, path: string): string {
  return `${storesFolder}${store}/${path}`;
}
