/** Objects on their way out of a backup file, each to the key that it had; what an earlier try has written is compared and kept. */

import { createHash } from "node:crypto";
import type { Database } from "../db/contract.ts";
import { isServiceError, ServiceError } from "../errors.ts";
import type { FaultPoints } from "../object/fault-points.ts";
import { locatorOf } from "../object/locator.ts";
import type { Store, Stores } from "../store/contract.ts";
import { closeArchive, damaged, type Entry, readArchive } from "./archive-reader.ts";
import type { CheckedBackup } from "./check.ts";
import { rowsOf, storesFolder } from "./format.ts";
import { linesOf } from "./lines.ts";
import { objectTable } from "./own-tables.ts";
import { keyTaken, reserveAll } from "./reserve.ts";

/** What restoring objects stands on. */
export interface ObjectsIn {
  readonly db: Database;
  readonly stores: Stores;
  readonly path: string;
  readonly backup: CheckedBackup;
  /** True: an earlier try has reserved keys, and perhaps written to them. */
  readonly isResumed: boolean;
  readonly faults: FaultPoints;
  readonly signal?: AbortSignal | undefined;
  /** Told after each file of an object. */
  readonly onFile?: ((files: number) => Promise<void>) | undefined;
}

/** A file of an object by its entry's name. */
export interface Target {
  readonly store: string;
  readonly path: string;
}

export function targetOf(name: string): Target {
  const rest = name.slice(storesFolder.length);
  const at = rest.indexOf("/");
  return { store: rest.slice(0, at), path: rest.slice(at + 1) };
}

/** Reserves all keys, then writes the objects. @throws {CONFLICT} naming a key that is not free. */
export async function restoreObjects(context: ObjectsIn): Promise<void> {
  const entries = readArchive(context.path, context.signal);
  try {
    await restoreFrom(context, entries);
  } finally {
    await closeArchive(entries);
  }
}

async function restoreFrom(context: ObjectsIn, entries: Entries): Promise<void> {
  const { backup, stores } = context;
  const damagedEntries = new Set(backup.end.missing.flatMap(({ entries: names }) => names));
  const rest = await reserveFrom(context, entries);
  await context.faults("restore.reserved");
  let content: Target | undefined;
  let files = 0;
  for (let next = rest; next.done !== true; next = await entries.next()) {
    const entry = next.value;
    if (!entry.name.startsWith(storesFolder)) continue;
    const target = targetOf(entry.name);
    const store = stores.get(target.store);
    if (entry.linkTo !== undefined) await again(context, { store, target, content });
    else {
      content = target;
      if (!damagedEntries.has(entry.name)) await write(context, { store, target, entry });
    }
    files += 1;
    await context.onFile?.(files);
  }
}

type Entries = ReturnType<typeof readArchive>;
type Next = Awaited<ReturnType<Entries["next"]>>;

/** Reserves the keys of the objects whose rows come first in the file; answers the first entry that is none of these rows. */
async function reserveFrom({ db, backup, path }: ObjectsIn, entries: Entries): Promise<Next> {
  const folder = rowsOf(objectTable);
  let next = await entries.next();
  while (next.done !== true && !next.value.name.startsWith(folder)) next = await entries.next();
  async function* bytes(): AsyncGenerator<Uint8Array> {
    for (; next.done !== true && next.value.name.startsWith(folder); next = await entries.next())
      yield* next.value.body;
  }
  const table = backup.header.tables.find(
    ({ schema, table: name }) => rowsOf({ schema, table: name }) === folder,
  );
  const column = table?.columns.indexOf("locator") ?? -1;
  if (column < 0) throw damaged(path, "it does not tell of objects");
  async function* locators(): AsyncGenerator<string> {
    for await (const line of linesOf(bytes())) yield line.split("\t")[column] ?? "";
  }
  await reserveAll(db, backup.header.id, locators());
  return next;
}

interface Writing {
  readonly store: Store;
  readonly target: Target;
}

async function write(
  context: ObjectsIn,
  { store, target, entry }: Writing & { readonly entry: Entry },
): Promise<void> {
  const { signal } = context;
  if (context.isResumed && (await store.driver.head(target.path, signal)) !== undefined) {
    const [theirs, ours] = [await storedDigest(store, target, signal), await digestOf(entry.body)];
    if (theirs !== ours) throw taken(target);
    return;
  }
  try {
    await store.driver.put(target.path, entry.body, { sizeBytes: entry.sizeBytes, signal });
  } catch (error) {
    throw isServiceError(error, "STORE_CONFLICT") ? taken(target) : error;
  }
}

/** Writes content that was restored a moment ago to another key. */
async function again(
  { stores, signal, isResumed }: ObjectsIn,
  { store, target, content }: Writing & { readonly content: Target | undefined },
): Promise<void> {
  if (content === undefined) return;
  const from = stores.get(content.store);
  if (isResumed && (await store.driver.head(target.path, signal)) !== undefined) {
    const [theirs, ours] = [
      await storedDigest(store, target, signal),
      await storedDigest(from, content, signal),
    ];
    if (theirs !== ours) throw taken(target);
    return;
  }
  try {
    if (from === store) await store.driver.copy(content.path, target.path, { signal });
    else {
      const { head, body } = await stored(from, content, signal);
      await store.driver.put(target.path, body, { sizeBytes: head.sizeBytes, signal });
    }
  } catch (error) {
    throw isServiceError(error, "STORE_CONFLICT") ? taken(target) : error;
  }
}

async function storedDigest(store: Store, target: Target, signal?: AbortSignal): Promise<string> {
  return digestOf((await stored(store, target, signal)).body);
}

async function stored(store: Store, { path }: Target, signal?: AbortSignal) {
  const got = await store.driver.get(path, { signal });
  if (got !== undefined) return got;
  throw new ServiceError("OBJECT_MISSING", `The store ${store.config.name} has lost ${path} meanwhile.`, {
    details: { store: store.config.name, path, remedy: "Run the restore again." },
  });
}

async function digestOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const digest = createHash("sha256");
  for await (const chunk of body) digest.update(chunk);
  return digest.digest("hex");
}

function taken({ store, path }: Target): ServiceError {
  return keyTaken(locatorOf(store, path), "The store has other bytes there.");
}
