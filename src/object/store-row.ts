/** What the database knows of one store: its id, whether its marker was ever seen, and objects that must lie in it. */

import type { Database } from "../db/contract.ts";
import { ServiceError } from "../errors.ts";
import type { StoreMarker } from "../store/identity.ts";

/** A row of `holdfast.store`, as the marker tells it. */
export interface StoreRow extends StoreMarker {
  /** True once the marker was seen in the store. */
  readonly isMarked: boolean;
}

/** The row of a registered store. */
export async function readStoreRow(db: Database, name: string): Promise<StoreRow> {
  const { rows } = await db.query<{ identity: string; marked: boolean; database: string }>(
    `SELECT identity::text, marked_at IS NOT NULL AS marked,
            (SELECT value #>> '{}' FROM holdfast.setting WHERE name = 'database_id') AS database
     FROM holdfast.store WHERE name = $1`,
    [name],
  );
  const [row] = rows;
  if (row !== undefined) return { store: row.identity, database: row.database, name, isMarked: row.marked };
  throw new ServiceError("STORE_UNKNOWN", `The database does not know the store ${JSON.stringify(name)}.`, {
    details: { field: "store", value: name, remedy: "Restart the service, which registers its stores." },
  });
}

/** Remembers that the marker was seen; from now on a location without it is not the store. */
export async function rememberMarked(db: Database, { name, store }: StoreMarker): Promise<void> {
  await db.query(
    "UPDATE holdfast.store SET marked_at = clock_timestamp() WHERE name = $1 AND identity = $2 AND marked_at IS NULL",
    [name, store],
  );
}

/** Takes the id that a marker tells for the store's own. @throws {CONFLICT} when another store of this database has it. */
export async function takeIdentity(db: Database, name: string, identity: string): Promise<void> {
  const { rows } = await db.query<{ name: string }>(
    "SELECT name FROM holdfast.store WHERE identity = $1 AND name <> $2",
    [identity, name],
  );
  const other = rows[0]?.name;
  if (other !== undefined) {
    throw new ServiceError("CONFLICT", `The location of the store ${name} is that of the store ${other}.`, {
      details: {
        field: `stores.${name}.location`,
        remedy: "Give every store a location of its own.",
      },
    });
  }
  await db.query("UPDATE holdfast.store SET identity = $2, marked_at = clock_timestamp() WHERE name = $1", [
    name,
    identity,
  ]);
}

/** Paths of a few objects that the database says lie in the store, the newest first. */
export async function sampleOf(db: Database, name: string): Promise<{ path: string; isTree: boolean }[]> {
  const { rows } = await db.query<{ path: string; tree: boolean }>(
    `SELECT substr(locator, length($1) + 2) AS path, tree FROM holdfast.object
     WHERE locator >= $1 || ':' AND locator < $1 || ';' ORDER BY verified_at IS NULL, gen DESC LIMIT 3`,
    [name],
  );
  return rows.map(({ path, tree }) => ({ path, isTree: tree }));
}
