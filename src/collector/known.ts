/** What the database knows of one store: objects, uploads and tombstones as one stream in byte order, read in pages, so that no transaction is long. */

import type { Queryable } from "../db/contract.ts";
import { compareBytes } from "../store/path.ts";

/** An object as the database has it. */
export interface KnownObject {
  readonly gen: string;
  readonly isTree: boolean;
  readonly sizeBytes?: number;
  /** 64 hex digits. */
  readonly sha256?: string;
  readonly versionId?: string;
  readonly isVerified: boolean;
  readonly isCondemned: boolean;
  /** It has been as it is since before the moment that was asked for: a listing begun then must have it. */
  readonly isSettled: boolean;
}

/** A path that the database knows. */
export interface Known {
  readonly path: string;
  /** Absent where only an upload or a tombstone has the path. */
  readonly object?: KnownObject;
}

interface Wanted {
  readonly store: string;
  /** Moment of the database's clock, as its text. */
  readonly since: string;
  /** Rows of a page; 1000 unless given. */
  readonly pageSize?: number;
}

/** The moment, by the clock of the database. */
export async function momentOf(db: Queryable): Promise<string> {
  const { rows } = await db.query<{ now: string }>("SELECT clock_timestamp()::text AS now");
  return rows[0]?.now ?? "";
}

interface PathRow {
  readonly locator: string;
}

interface ObjectRow extends PathRow {
  readonly gen: string;
  readonly tree: boolean;
  readonly size: string | null;
  readonly sha256: string | null;
  readonly version: string | null;
  readonly verified: boolean;
  readonly condemned: boolean;
  readonly settled: boolean;
}

const objectColumns = `locator, gen::text AS gen, tree, size::text AS size, encode(sha256, 'hex') AS sha256, version_id AS version,
  verified_at IS NOT NULL AS verified, condemned_at IS NOT NULL AS condemned,
  created_at < $1::timestamptz AND coalesce(verified_at < $1::timestamptz, true) AS settled`;

/** Every path that the database knows in a store, once, in byte order. */
export async function* knownPaths(db: Queryable, wanted: Wanted): AsyncGenerator<Known> {
  const { store, since, pageSize = 1000 } = wanted;
  const pages = (text: string, name: string) =>
    paged<ObjectRow | PathRow>(db, { text, name, store, since, pageSize });
  const objects = pages(
    `SELECT ${objectColumns} FROM holdfast.object WHERE locator > $2 AND locator < $3 ORDER BY locator LIMIT $4`,
    "objects",
  );
  const others = (["upload", "tombstone"] as const).map((table) =>
    pages(
      `SELECT DISTINCT locator FROM holdfast.${table} WHERE locator > $2 AND locator < $3 AND $1 <> '' ORDER BY locator LIMIT $4`,
      table,
    ),
  );
  let last: string | undefined;
  for await (const row of inOrder([objects, ...others])) {
    // The object comes first of those that have the path.
    if (row.locator === last) continue;
    last = row.locator;
    yield knownOf(row, store);
  }
}

/** One path, as it is now. */
export async function lookUp(
  db: Queryable,
  locator: string,
): Promise<{ readonly object?: KnownObject; readonly isKnown: boolean }> {
  const store = locator.slice(0, locator.indexOf(":"));
  const { rows } = await db.query<ObjectRow>(
    `SELECT ${objectColumns} FROM holdfast.object WHERE locator = $2`,
    ["infinity", locator],
    { name: "truth-object" },
  );
  const [row] = rows;
  const object = row && knownOf(row, store).object;
  if (object !== undefined) return { object, isKnown: true };
  const { rowCount } = await db.query(
    "SELECT FROM holdfast.upload WHERE locator = $1 UNION ALL SELECT FROM holdfast.tombstone WHERE locator = $1 LIMIT 1",
    [locator],
    { name: "truth-known" },
  );
  return { isKnown: rowCount > 0 };
}

function knownOf(row: ObjectRow | PathRow, store: string): Known {
  const path = row.locator.slice(store.length + 1);
  if (!("gen" in row)) return { path };
  const { gen, tree, size, sha256, version, verified, condemned, settled } = row;
  const object = {
    gen,
    isTree: tree,
    ...(size === null ? {} : { sizeBytes: Number(size) }),
    ...(sha256 === null ? {} : { sha256 }),
    ...(version === null ? {} : { versionId: version }),
    isVerified: verified,
    isCondemned: condemned,
    isSettled: settled,
  };
  return { path, object };
}

interface Paged extends Required<Wanted> {
  readonly text: string;
  readonly name: string;
}

async function* paged<Row extends PathRow>(
  db: Queryable,
  { text, name, store, since, pageSize }: Paged,
): AsyncGenerator<Row> {
  let after = `${store}:`;
  for (;;) {
    const values = [since, after, `${store};`, pageSize];
    const { rows } = await db.query<Row>(text, values, { name: `truth-${name}` });
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < pageSize) return;
    after = last.locator;
  }
}

/** Several streams in byte order as one; of equal ones the earlier stream comes first. */
async function* inOrder<Row extends PathRow>(streams: readonly AsyncGenerator<Row>[]): AsyncGenerator<Row> {
  const heads = await Promise.all(streams.map(async (stream) => (await stream.next()).value));
  for (;;) {
    let least: number | undefined;
    for (const [at, head] of heads.entries()) {
      const best = least === undefined ? undefined : heads[least];
      if (head !== undefined && (best === undefined || compareBytes(head.locator, best.locator) < 0))
        least = at;
    }
    if (least === undefined) return;
    const row = heads[least];
    if (row !== undefined) yield row;
    heads[least] = (await streams[least]?.next())?.value;
  }
}
