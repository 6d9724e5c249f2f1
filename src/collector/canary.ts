/**
 * Canaries: objects that must be there, picked at random. While one of them is not, nothing is deleted: the store may have been emptied, be
 * half restored, or be another one with the same marker. `fsck` with `apply` settles it: the object is healed, or no longer counts as good,
 * which is what canaries are picked from.
 */

import type { Queryable } from "../db/contract.ts";
import { locatorOf } from "../object/locator.ts";
import type { Store } from "../store/contract.ts";
import { bytesOf } from "./bytes-of.ts";
import type { CollectorContext } from "./context.ts";
import type { Doubt } from "./contract.ts";
import { lookUp } from "./known.ts";

/** Most canaries of one look. */
const canaries = 20;

interface Canary {
  readonly path: string;
  readonly gen: string;
  readonly size: string | null;
}

/** What random verified objects make doubtful: the first that is missing or has another size, or that there is none at all to go by. */
export async function canaryDoubts(
  { db }: CollectorContext,
  store: Store,
  signal?: AbortSignal,
): Promise<readonly Doubt[]> {
  const { name } = store.config;
  const picked = await pick(db, name);
  if (picked.length === 0) return (await hasUnverified(db, name)) ? [nothingVerified(name)] : [];
  const doubts = await Promise.all(picked.map((canary) => doubtOf(db, store, canary, signal)));
  const dead = doubts.filter((doubt) => doubt !== undefined);
  if (dead.length > 0) return dead.slice(0, 1);
  const [first] = picked;
  return first === undefined || (await isListed(store, first.path, signal))
    ? []
    : [unlisted(name, first.path)];
}

/** The next object after each of a few random numbers, which the index finds at once however many there are; few objects are taken all. */
async function pick(db: Queryable, store: string): Promise<readonly Canary[]> {
  const { rows } = await db.query<Canary>(
    `WITH live AS NOT MATERIALIZED (SELECT locator, gen, size FROM holdfast.object
       WHERE split_part(locator, ':', 1) = $1 AND verified_at IS NOT NULL AND condemned_at IS NULL),
     span AS MATERIALIZED (SELECT (SELECT gen FROM live ORDER BY gen LIMIT 1) AS low, (SELECT gen FROM live ORDER BY gen DESC LIMIT 1) AS high),
     first AS (SELECT * FROM live ORDER BY gen LIMIT $2),
     random AS (SELECT found.* FROM span, generate_series(1, $2) AS n,
       LATERAL (SELECT low + floor(random() * (high - low + 1))::bigint + 0 * n AS at) AS target,
       LATERAL (SELECT * FROM live WHERE gen >= target.at ORDER BY gen LIMIT 1) AS found)
     SELECT substr(locator, length($1) + 2) AS path, gen::text AS gen, size::text AS size FROM (
       SELECT * FROM random UNION SELECT * FROM first WHERE (SELECT count(*) FROM first) < $2) AS picked`,
    [store, canaries],
    { name: "truth-canaries" },
  );
  return rows;
}

async function hasUnverified(db: Queryable, store: string): Promise<boolean> {
  const { rowCount } = await db.query(
    `SELECT FROM holdfast.object WHERE verified_at IS NULL AND condemned_at IS NULL
       AND locator > $1 || ':' AND locator < $1 || ';' LIMIT 1`,
    [store],
  );
  return rowCount > 0;
}

async function doubtOf(
  db: Queryable,
  { config: { name }, driver }: Store,
  { path, gen, size }: Canary,
  signal: AbortSignal | undefined,
): Promise<Doubt | undefined> {
  const found = await bytesOf(driver, path, signal);
  if (found !== undefined && (size === null || found.sizeBytes === Number(size))) return undefined;
  // It may have been replaced, hidden or settled since it was picked.
  const { object } = await lookUp(db, locatorOf(name, path));
  if (object?.gen !== gen || !object.isVerified || object.isCondemned) return undefined;
  const what = found === undefined ? "is not there" : `has ${found.sizeBytes} bytes instead of ${size}`;
  return {
    code: "CANARY",
    store: name,
    subject: locatorOf(name, path),
    message: `The object ${locatorOf(name, path)} must be in the store and ${what}.`,
    remedy: `Make sure that all of the store is there, then run: holdfast fsck --store ${name} --apply`,
  };
}

function nothingVerified(store: string): Doubt {
  return {
    code: "CANARY",
    store,
    subject: store,
    message: `No object of the store ${store} counts as good: nothing shows that this is the store, and whole.`,
    remedy: `Verify its objects: holdfast fsck --store ${store} --apply`,
  };
}

/** A listing that lacks what a HEAD finds is not one to go by when a folder is taken away. */
async function isListed({ driver }: Store, path: string, signal: AbortSignal | undefined): Promise<boolean> {
  for await (const file of driver.list(path, { signal })) {
    if (file.path === path || file.path.startsWith(`${path}/`)) return true;
    if (!file.path.startsWith(`${path}.`)) break;
  }
  for await (const _ of driver.list(`${path}/`, { signal })) return true;
  return false;
}

function unlisted(store: string, path: string): Doubt {
  return {
    code: "STORE",
    store,
    subject: locatorOf(store, path),
    message: `The listing of the store ${store} lacks ${path}, which the store has when it is asked for it.`,
    remedy: "Check the store and what stands before it.",
  };
}
