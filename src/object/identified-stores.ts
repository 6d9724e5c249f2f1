/** Stores whose drivers first make sure that they are at the right place. */

import type { Database } from "../db/contract.ts";
import { isServiceError } from "../errors.ts";
import type { ListOptions, ObjectHead, Store, StoreDriver, Stores } from "../store/contract.ts";
import { StoreIdentity } from "./store-identity.ts";

/** The stores, watched, and what is wrong with some of them, by name. */
export interface IdentifiedStores {
  readonly stores: Stores;
  readonly problems: ReadonlyMap<string, string>;
}

/** How long the start waits for stores that do not answer. */
const patienceMs = 10_000;

/** Looks at every store; registered ones only. One that is not what it should be, or away, refuses to work until it is right. */
export async function identifyStores(db: Database, opened: Stores): Promise<IdentifiedStores> {
  const problems = new Map<string, string>();
  const all = new Map<string, Store>();
  const looks = [...opened.all.values()].map(async (store) => {
    const identity = new StoreIdentity(db, store);
    all.set(store.config.name, {
      ...store,
      driver: watched(store.driver, identity),
      identity: {
        look: (signal) => identity.look(signal),
        accept: (signal) => identity.accept(signal),
      },
    });
    const patience = AbortSignal.timeout(patienceMs);
    await identity.look(patience).catch((error: unknown) => {
      if (isServiceError(error)) problems.set(store.config.name, problemOf(error));
      else if (patience.aborted)
        problems.set(store.config.name, `The store ${store.config.name} does not answer.`);
      else throw error;
    });
  });
  await Promise.all(looks);
  const get: Stores["get"] = (name) => all.get(name) ?? opened.get(name);
  return { stores: { ...opened, all, get }, problems };
}

function problemOf({
  message,
  details: { remedy = "" },
}: {
  message: string;
  details: { remedy?: string };
}): string {
  return message.includes(remedy) ? message : `${message} ${remedy}`;
}

/** The same driver, each call behind a look at the marker. Abilities that are not named here are handed on as they are. */
function watched(driver: StoreDriver, identity: StoreIdentity): StoreDriver {
  const writing = async <T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> => {
    await identity.beforeWrite(signal);
    return work();
  };
  const reading = async <T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> => {
    await identity.beforeRead(signal);
    const found = await work();
    if (found === undefined) await identity.afterMiss(signal);
    return found;
  };
  const { move, multipart, refusesLate, presign, tags, resumable } = driver;
  return {
    ...driver,
    head: (path, signal, versionId) => reading(signal, () => driver.head(path, signal, versionId)),
    get: (path, options) => reading(options?.signal, () => driver.get(path, options)),
    put: (path, body, options) => writing(options?.signal, () => driver.put(path, body, options)),
    copy: (from, to, options) => writing(options?.signal, () => driver.copy(from, to, options)),
    list: (prefix, options) => listing(driver, identity, { prefix, ...options }),
    delete: (path, options) => writing(options?.signal, () => driver.delete(path, options)),
    probe: async (signal) => {
      await driver.probe(signal);
      await identity.look(signal);
    },
    resumable: {
      ...resumable,
      begin: (path, epoch, signal) => writing(signal, () => resumable.begin(path, epoch, signal)),
      take: (unfinished, signal) => writing(signal, () => resumable.take(unfinished, signal)),
      write: (unfinished, piece, signal) => writing(signal, () => resumable.write(unfinished, piece, signal)),
      complete: (unfinished, whole, signal) =>
        writing(signal, () => resumable.complete(unfinished, whole, signal)),
    },
    ...(move && {
      move: (from, to, options) => writing(options?.signal, () => move(from, to, options)),
    }),
    ...(presign && { presign: (path, options) => reading(undefined, () => presign(path, options)) }),
    ...(refusesLate && {
      refusesLate: (path, signal) => writing(signal, () => refusesLate(path, signal)),
    }),
    ...(tags && {
      tags: {
        set: (path, values, options) => writing(options?.signal, () => tags.set(path, values, options)),
        get: (path, options) => reading(options?.signal, () => tags.get(path, options)),
      },
    }),
    ...(multipart && {
      multipart: {
        ...multipart,
        begin: (path, signal) => writing(signal, () => multipart.begin(path, signal)),
        complete: (path, id, options) => writing(options.signal, () => multipart.complete(path, id, options)),
      },
    }),
  };
}

async function* listing(
  driver: StoreDriver,
  identity: StoreIdentity,
  { prefix, ...options }: ListOptions & { readonly prefix: string },
): AsyncGenerator<ObjectHead> {
  await identity.beforeRead(options.signal);
  let isEmpty = true;
  for await (const found of driver.list(prefix, options)) {
    isEmpty = false;
    yield found;
  }
  if (isEmpty) await identity.afterMiss(options.signal);
}
