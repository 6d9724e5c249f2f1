/**
 * Whether the location of a store is the store that this database knows. Looked at before the first use, again from time to time before
 * writes, and whenever the store says that it has no such object: a wrong place is STORE_UNAVAILABLE, never a lost object.
 */

import type { Database } from "../db/contract.ts";
import { isServiceError, ServiceError } from "../errors.ts";
import type { Store } from "../store/contract.ts";
import { markerPath, readMarker, type StoreMarker, writeMarker } from "../store/identity.ts";
import { untilAborted } from "../store/until-aborted.ts";
import { readStoreRow, rememberMarked, type StoreRow, sampleOf, takeIdentity } from "./store-row.ts";

/** How long a marker that was seen is taken to be there still, before a write and after a miss. */
const writeTrustMs = 60_000;
const missTrustMs = 10_000;

/** What was found at the location. */
type Standing =
  | "marked"
  /** No marker, and none can be written: a store that is only read. */
  | "bare";

export class StoreIdentity {
  readonly #db: Database;
  readonly #store: Store;
  #row: StoreRow | undefined;
  #standing: Standing | undefined;
  #seenAt = Number.NEGATIVE_INFINITY;
  #running: Promise<void> | undefined;
  /** Why a store without a marker has none. */
  #bareBecause: unknown;

  constructor(db: Database, store: Store) {
    this.#db = db;
    this.#store = store;
  }

  /** Before reading: has the location ever been seen to be right? @throws {STORE_UNAVAILABLE} when it is not the store. */
  async beforeRead(signal?: AbortSignal): Promise<void> {
    if (this.#standing === undefined) await this.#look(signal);
  }

  /** Before writing. @throws {STORE_UNAVAILABLE} when it is not the store, or when no marker can be written. */
  async beforeWrite(signal?: AbortSignal): Promise<void> {
    if (this.#standing !== "marked" || this.#age() > writeTrustMs) await this.#look(signal, true);
    if (this.#standing === "bare") throw this.#bareBecause;
  }

  /** After the store said that something is absent. @throws {STORE_UNAVAILABLE} when it is not the store that was asked. */
  async afterMiss(signal?: AbortSignal): Promise<void> {
    if (this.#standing === undefined || this.#age() > missTrustMs) await this.#look(signal);
  }

  /** Looks now, and tells in one line. @throws {STORE_UNAVAILABLE} when it is not the store. */
  async look(signal?: AbortSignal): Promise<string> {
    await this.#look(signal);
    if (this.#standing === "bare") return "no marker, and none can be written: the store is only read";
    return `the store ${this.#row?.store}`;
  }

  /** Takes the location as it is for the store. @throws {CONFLICT} when it is another store of this database. */
  async accept(signal?: AbortSignal): Promise<string> {
    const { config } = this.#store;
    this.#forget();
    const marker = await this.#markerOrNone(signal);
    if (marker !== undefined) await takeIdentity(this.#db, config.name, marker.store);
    else if ((await this.#mark(await readStoreRow(this.#db, config.name), signal)) === "bare")
      throw this.#bareBecause;
    return this.look(signal);
  }

  /** What is no marker is taken away: it is our own path, and nobody can use it. */
  async #markerOrNone(signal?: AbortSignal): Promise<StoreMarker | undefined> {
    const { driver } = this.#store;
    try {
      return await readMarker(driver, signal);
    } catch (error) {
      if (!isServiceError(error) || error.details.field !== markerPath) throw error;
      await driver.delete(markerPath, { signal });
      return undefined;
    }
  }

  #age(): number {
    return performance.now() - this.#seenAt;
  }

  #forget(): void {
    this.#row = undefined;
    this.#standing = undefined;
    this.#seenAt = Number.NEGATIVE_INFINITY;
  }

  /** Calls at the same time share one look; a caller that gives up leaves it to the others. */
  async #look(signal: AbortSignal | undefined, isWrite = false): Promise<void> {
    signal?.throwIfAborted();
    this.#running ??= this.#check(isWrite).finally(() => {
      this.#running = undefined;
    });
    await untilAborted(this.#running, signal);
  }

  async #check(isWrite: boolean): Promise<void> {
    try {
      const marker = await readMarker(this.#store.driver);
      this.#row ??= await readStoreRow(this.#db, this.#store.config.name);
      // Where no marker could be written only those who write try again.
      const isBare = this.#standing === "bare" && marker === undefined && !isWrite;
      this.#standing = isBare ? "bare" : await this.#settle(this.#row, marker);
      this.#seenAt = performance.now();
    } catch (error) {
      // Another service may be told meanwhile what this location is: the database is asked again.
      this.#forget();
      throw error;
    }
  }

  async #settle(row: StoreRow, marker: StoreMarker | undefined): Promise<Standing> {
    if (marker !== undefined && marker.store !== row.store) throw foreign(this.#store, marker);
    if (marker !== undefined) {
      if (!row.isMarked) await this.#remember(row);
      return "marked";
    }
    if (row.isMarked) throw unmarked(this.#store);
    await this.#refuseEmpty(row.name);
    return this.#mark(row);
  }

  async #mark(row: StoreRow, signal?: AbortSignal): Promise<Standing> {
    try {
      await writeMarker(this.#store.driver, row, signal);
    } catch (error) {
      if (isServiceError(error, "STORE_UNAVAILABLE")) {
        this.#bareBecause = error;
        return "bare";
      }
      if (!isServiceError(error, "STORE_CONFLICT")) throw error;
      // Another service was first.
      return this.#settle(row, await readMarker(this.#store.driver, signal));
    }
    await this.#remember(row);
    return "marked";
  }

  async #remember(row: StoreRow): Promise<void> {
    await rememberMarked(this.#db, row);
    this.#row = { ...row, isMarked: true };
  }

  /** A place that has none of the objects that the store has is not marked as the store. */
  async #refuseEmpty(name: string): Promise<void> {
    const sample = await sampleOf(this.#db, name);
    for (const { path, isTree } of sample) {
      if (await this.#isThere(path, isTree)) return;
    }
    if (sample.length > 0) throw unmarked(this.#store, `, nor the objects that the database says it has`);
  }

  async #isThere(path: string, isTree: boolean): Promise<boolean> {
    const { driver } = this.#store;
    if (!isTree) return (await driver.head(path)) !== undefined;
    for await (const _ of driver.list(`${path}/`)) return true;
    return false;
  }
}

function placeOf({ config }: Store): string {
  const bucket = config.driver["bucket"];
  if (typeof bucket !== "string") return config.location;
  return config.location === "" ? `bucket ${bucket}` : `bucket ${bucket}, ${config.location}`;
}

function unmarked(store: Store, more = ""): ServiceError {
  const { name } = store.config;
  const what = `The location of the store ${name} (${placeOf(store)}) has no marker ${markerPath}${more}: it is not the store.`;
  return refused(store, what, [
    "Mount the volume, or correct the location.",
    `If the objects were moved here, move ${markerPath} with them; if it was lost, run: holdfast stores accept ${name}`,
  ]);
}

function foreign(store: Store, marker: StoreMarker): ServiceError {
  const { name } = store.config;
  const whose = `the store ${marker.name || marker.store} of the database ${marker.database || "of another service"}`;
  const what = `The location of the store ${name} (${placeOf(store)}) is marked as another one: ${whose}.`;
  return refused(store, what, [
    "Correct the location.",
    `If this database was made or restored to continue that store, and no other service uses it, run: holdfast stores accept ${name}`,
  ]);
}

function refused(store: Store, message: string, remedies: readonly string[]): ServiceError {
  const { name } = store.config;
  return new ServiceError("STORE_UNAVAILABLE", message, {
    details: { store: name, field: `stores.${name}.location`, remedy: remedies.join(" ") },
  });
}
