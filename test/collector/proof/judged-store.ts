/**
 * A store that is watched while it is used: each call that changes it is held against the protocol at the moment it is made (integrity
 * I5, I6, I7, I10), and any call may be made to fail.
 */

import type { Database } from "../../../src/db/contract.ts";
import { ServiceError } from "../../../src/errors.ts";
import type { ObjectHead, Store, StoreDriver, Stores } from "../../../src/store/contract.ts";
import type { Life } from "./life.ts";

/** What was done to a store against the protocol, and what may go wrong in it. */
export interface Judge {
  readonly db: Database;
  /** Reads the store itself. */
  readonly plain: Stores;
  readonly wrong: string[];
  /** Keys that were put by the service. */
  readonly puts: Set<string>;
  /** Calls by which bytes left a live key. */
  taken: number;
  /** Fails the call that it answers true for, before it is made or, `lost`, after it. */
  fault: ((call: string, path: string) => boolean | "lost") | undefined;
  /** A listing of a section has failed since this was last set. */
  isListingBroken: boolean;
}

/** What is listed to compare a store with the database; other listings look at one object. */
const section = /^(_hash\/[^/]+|_schema)\/$/;
const live = /^_(hash|schema)\//;
const ours = /^_(hash|schema|trash|obj)\//;
const unavailable = (call: string): ServiceError =>
  new ServiceError("STORE_UNAVAILABLE", `The store fails at ${call}.`, { details: { remedy: "Try again." } });

/** `stores` as `life` reaches them. */
export function judgedStores(stores: Stores, life: Life, judge: Judge): Stores {
  const all = new Map([...stores.all].map(([name, store]) => [name, judged(store, life, judge)] as const));
  const get: Stores["get"] = (name) => all.get(name) ?? stores.get(name);
  return { ...stores, all, get };
}

function judged(store: Store, life: Life, judge: Judge): Store {
  return { ...store, driver: judgedDriver(store, life, judge) };
}

type Call = (...values: unknown[]) => unknown;

function judgedDriver(store: Store, life: Life, judge: Judge): StoreDriver {
  const { driver } = store;
  const name = store.config.name;
  return new Proxy(driver, {
    get(target, key) {
      const member: unknown = Reflect.get(target, key);
      if (key === "list") {
        const list: StoreDriver["list"] = (prefix, options) =>
          listing(driver.list(prefix, options), life, { judge, prefix });
        return list;
      }
      if (typeof member !== "function" || typeof key !== "string") return member;
      return (...values: unknown[]) =>
        life.step(async () => {
          const path = String(values[0] ?? "");
          if (judge.fault?.(key, path) === true) throw unavailable(`${key} ${path}`);
          await before(judge, life, { store: name, call: key, values });
          const answer: unknown = await (member as Call).apply(target, values);
          if (key === "put" && live.test(path)) await notePut(judge, `${name}:${path}`);
          if (judge.fault?.(key, path) === "lost") throw unavailable(`the answer to ${key} ${path}`);
          return answer;
        });
    },
  });
}

async function* listing(
  inner: AsyncIterable<ObjectHead>,
  life: Life,
  { judge, prefix }: { readonly judge: Judge; readonly prefix: string },
): AsyncGenerator<ObjectHead> {
  for await (const head of inner) {
    await life.step(async () => undefined);
    if (judge.fault?.("list", head.path) === true) {
      judge.isListingBroken ||= section.test(prefix);
      throw unavailable(`list ${head.path}`);
    }
    yield head;
  }
}

/** I6: once, until what was put there has been purged, and nothing of it is left. */
async function notePut(judge: Judge, locator: string): Promise<void> {
  const isAgain = judge.puts.has(locator);
  judge.puts.add(locator);
  if (isAgain && (await purgesOf(judge.db, locator)) === 0) judge.wrong.push(`I6: ${locator} was put twice`);
}

/** How often what lay there went for good. */
export async function purgesOf(db: Database, locator: string): Promise<number> {
  const { rowCount } = await db.query("SELECT FROM holdfast.audit WHERE step = 'purge' AND locator = $1", [
    locator,
  ]);
  return rowCount;
}

interface Change {
  readonly store: string;
  readonly call: string;
  readonly values: readonly unknown[];
}

async function before(judge: Judge, life: Life, change: Change): Promise<void> {
  const [from, to] = change.values.map(String);
  const { call } = change;
  const written = call === "put" ? from : call === "copy" || call === "move" ? to : undefined;
  if (written !== undefined && !ours.test(written)) judge.wrong.push(`I10: ${call} writes ${written}`);
  if (call === "delete") await beforeDelete(judge, life, change);
  if (call === "move" && from !== undefined && to !== undefined) {
    if (!live.test(from) || !to.startsWith("_trash/")) judge.wrong.push(`I7: move of ${from} to ${to}`);
    else {
      const { expiresAt } = (change.values[2] ?? {}) as { expiresAt?: Date };
      await beforeTaking(judge, life, { ...change, path: from, expiresAt });
    }
  }
}

async function beforeDelete(judge: Judge, life: Life, change: Change): Promise<void> {
  const path = String(change.values[0]);
  const options = (change.values[1] ?? {}) as { versionId?: string; expiresAt?: Date };
  if (!ours.test(path)) judge.wrong.push(`I10: delete of ${path}`);
  if (!live.test(path) || options.versionId !== undefined) return;
  if (options.expiresAt === undefined) judge.wrong.push(`I5: the delete of ${path} never expires`);
  const tombstone = await beforeTaking(judge, life, { ...change, path, expiresAt: options.expiresAt });
  const { driver } = judge.plain.get(change.store);
  const head = await driver.head(path);
  if (tombstone === undefined || head === undefined || head.versionId !== undefined) return;
  const copy = await driver.head(`_trash/${tombstone}/${path}`);
  if (isLate(options.expiresAt)) return;
  if (copy?.sizeBytes !== head.sizeBytes) judge.wrong.push(`I7: ${path} is deleted without a copy`);
}

/**
 * I5: only the claimant of a tombstone takes bytes from a live key, and only where no object row is. Answers the tombstone. What comes late
 * is not judged: the store refuses it.
 */
async function beforeTaking(
  judge: Judge,
  life: Life,
  { store, call, path, expiresAt }: Change & { readonly path: string; readonly expiresAt: Date | undefined },
): Promise<string | undefined> {
  judge.taken += 1;
  const locator = `${store}:${path}`;
  const { rows } = await judge.db.query<{ id: string | null; object: boolean }>(
    `WITH names AS (SELECT unnest($1::text[]) COLLATE "C" AS locator)
     SELECT (SELECT max(t.id) FROM holdfast.tombstone t JOIN names USING (locator)
               WHERE (claim_by = $2 OR starts_with(claim_by, $2 || '/')) AND hidden_at IS NULL AND claim_until > clock_timestamp()) AS id,
       EXISTS (SELECT FROM holdfast.object JOIN names USING (locator)) AS object`,
    [namesOf(locator), life.worker],
  );
  if (isLate(expiresAt)) return undefined;
  const { id, object } = rows[0] ?? { id: null, object: false };
  if (id === null) judge.wrong.push(`I5: ${call} of ${path} without a claim`);
  if (object) judge.wrong.push(`I5: ${call} of ${path}, which an object row has`);
  return id ?? undefined;
}

function isLate(expiresAt: Date | undefined): boolean {
  return expiresAt !== undefined && expiresAt.getTime() <= Date.now();
}

/** Objects that a file may belong to: itself, every folder around it, and the one whose manifest it is. */
export function namesOf(locator: string): string[] {
  const segments = locator.split("/");
  const around = segments.map((_, index) => segments.slice(0, index + 1).join("/"));
  return locator.endsWith(".manifest.json")
    ? [...around, locator.slice(0, -".manifest.json".length)]
    : around;
}
