/** The bytes of one object, wherever they are now: at their place, in the trash, or an earlier version, also when that changes meanwhile. */

import { setTimeout as sleep } from "node:timers/promises";
import { findBases, type TrashedKey, trashedKeys, trashText } from "../collector/trash.ts";
import type { Queryable } from "../db/contract.ts";
import { isServiceError, ServiceError } from "../errors.ts";
import { locatorOf } from "../object/locator.ts";
import { manifestPath } from "../object/manifest.ts";
import type { Store } from "../store/contract.ts";

/** One file of an object and where its bytes are now. */
export interface Place {
  /** Where they belong. */
  readonly path: string;
  readonly at: string;
  readonly versionId?: string;
  readonly sizeBytes: number;
}

/** Moves of the collector and stores that are away for a moment are waited for, six seconds in all. */
const attempts = 6;
const firstWaitMs = 100;

const nothing = { at: [], versions: [], lists: [], bytes: 0 };

export class ObjectSource {
  readonly #db: Queryable;
  readonly #store: Store;
  readonly #path: string;
  readonly #signal: AbortSignal | undefined;

  constructor(
    db: Queryable,
    store: Store,
    { path, signal }: { path: string; signal?: AbortSignal | undefined },
  ) {
    this.#db = db;
    this.#store = store;
    this.#path = path;
    this.#signal = signal;
  }

  /** Where the bytes of `path` are. */
  async find(path: string): Promise<Place | undefined> {
    for (let attempt = 1; ; attempt++) {
      const place = await this.#look(path);
      // A tombstone of which nothing is found is on its way between two places.
      if (place !== undefined || attempt >= attempts || !(await this.#isBuried())) return place;
      await sleep(firstWaitMs * 2 ** (attempt - 1), undefined, { signal: this.#signal });
    }
  }

  async #look(path: string): Promise<Place | undefined> {
    const { driver } = this.#store;
    const head = await driver.head(path, this.#signal);
    if (head !== undefined) return { path, at: path, sizeBytes: head.sizeBytes };
    for await (const key of this.#elsewhere()) {
      if (key.path !== path) continue;
      const place = await this.#placeOf(key);
      if (place !== undefined) return place;
    }
    return undefined;
  }

  /** The files of a tree, its manifest last. Told where they are, they may have gone elsewhere when they are read. */
  async *files(): AsyncGenerator<Place> {
    const { driver } = this.#store;
    const seen = new Set<string>();
    const signal = this.#signal;
    for await (const { path, sizeBytes } of driver.list(`${this.#path}/`, { signal })) {
      seen.add(path);
      yield { path, at: path, sizeBytes };
    }
    // What was hidden while the listing went on is in the trash now.
    for await (const key of this.#elsewhere()) {
      if (!key.path.startsWith(`${this.#path}/`) || seen.has(key.path)) continue;
      const place = await this.#placeOf(key);
      if (place === undefined) continue;
      seen.add(key.path);
      yield place;
    }
    const manifest = seen.size === 0 ? undefined : await this.#look(manifestPath(this.#path));
    if (manifest !== undefined) yield manifest;
  }

  /** Streams the bytes of a file. @throws {OBJECT_MISSING} when they are nowhere, or not as many as they were. */
  async *bytes(first: Place): AsyncGenerator<Uint8Array> {
    const { path, sizeBytes: end } = first;
    let place: Place | undefined = first;
    let start = 0;
    for (let attempt = 1; start < end; attempt++) {
      try {
        for await (const chunk of this.#read(place, { start, end })) {
          start += chunk.length;
          yield chunk;
        }
      } catch (error) {
        this.#signal?.throwIfAborted();
        if (!isServiceError(error) || attempt >= attempts) throw error;
      }
      if (start >= end) return;
      if (attempt >= attempts) throw missing(this.#store, path);
      await sleep(firstWaitMs * 2 ** (attempt - 1), undefined, { signal: this.#signal });
      place = await this.find(path);
    }
  }

  async *#read(
    place: Place | undefined,
    range: { readonly start: number; readonly end: number },
  ): AsyncGenerator<Uint8Array> {
    if (place === undefined || place.sizeBytes !== range.end) return;
    const { at, versionId } = place;
    const version = versionId === undefined ? {} : { versionId };
    const got = await this.#store.driver.get(at, { range, signal: this.#signal, ...version });
    if (got === undefined || got.head.sizeBytes !== range.end) return;
    let left = range.end - range.start;
    for await (const chunk of got.body) {
      if (chunk.length > left) return;
      left -= chunk.length;
      yield chunk;
    }
  }

  async #placeOf({ path, at, versionId, sizeBytes }: TrashedKey): Promise<Place | undefined> {
    const size = sizeBytes ?? (await this.#store.driver.head(at, this.#signal, versionId))?.sizeBytes;
    return size === undefined
      ? undefined
      : { path, at, sizeBytes: size, ...(versionId !== undefined && { versionId }) };
  }

  async *#elsewhere(): AsyncGenerator<TrashedKey> {
    const { driver } = this.#store;
    for (const { id, trash } of await this.#tombstones()) {
      const buried = { id, path: this.#path, trash };
      if (trash !== null) yield* trashedKeys(driver, buried, this.#signal);
      // It is being hidden just now, and nothing was written down yet.
      const at = trash === null ? await findBases(driver, buried, this.#signal) : [];
      if (at.length > 0)
        yield* trashedKeys(driver, { ...buried, trash: trashText({ ...nothing, at }) }, this.#signal);
    }
  }

  async #isBuried(): Promise<boolean> {
    return (await this.#tombstones()).length > 0;
  }

  async #tombstones(): Promise<{ id: string; trash: string | null }[]> {
    const { rows } = await this.#db.query<{ id: string; trash: string | null }>(
      "SELECT id::text AS id, trash FROM holdfast.tombstone WHERE locator = $1 ORDER BY id DESC",
      [locatorOf(this.#store.config.name, this.#path)],
      { name: "backup-tombstones" },
    );
    return rows;
  }
}

/** The error for bytes that are nowhere. */
function missing(store: Store, path: string): ServiceError {
  const { name } = store.config;
  return new ServiceError("OBJECT_MISSING", `The store ${name} has no whole object at ${path}.`, {
    details: { store: name, path, remedy: "Look at the store with: holdfast fsck" },
  });
}
