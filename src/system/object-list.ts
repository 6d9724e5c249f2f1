/** Pages of `holdfast.object`, by keyset on the locator. */

import type { Queryable } from "../db/contract.ts";
import { instant, instantSql } from "./instant.ts";
import type { ObjectPage, StoredObject } from "./types.ts";

interface ObjectRow {
  readonly locator: string;
  readonly tree: boolean;
  readonly size: string | null;
  readonly sha256: string | null;
  readonly created: string;
  readonly verified: string | null;
  readonly condemned: string | null;
  readonly is_condemned: boolean;
}

const columns = `locator, tree, size::text, encode(sha256, 'hex') AS sha256, condemned_at IS NOT NULL AS is_condemned, ${[
  "created",
  "verified",
  "condemned",
]
  .map((name) => `${instantSql(`${name}_at`)} AS ${name}`)
  .join(", ")}`;

/** What to list; an argument that is left out is undefined. */
export interface ObjectQuery {
  readonly first: number;
  readonly after: string | null;
  readonly prefix: string | null;
  /** True: only objects that no schema holds; false: only held ones. */
  readonly unreferenced: boolean | null | undefined;
  readonly store: string | null;
  readonly condemned: boolean | null;
}

/** As a range of the index: `;` follows `:`. */
const storeSql = `($4::text IS NULL OR (locator >= $4 || ':' AND locator < $4 || ';'))`;

export async function listObjects(db: Queryable, query: ObjectQuery): Promise<ObjectPage> {
  const held = await heldCondition(db, query.unreferenced);
  const { rows } = await db.query<ObjectRow>(
    `SELECT ${columns} FROM holdfast.object o
     WHERE ($1::text IS NULL OR locator > $1) AND ($2::text IS NULL OR starts_with(locator, $2)) AND ${held}
       AND ${storeSql} AND ($5::boolean IS NULL OR (condemned_at IS NOT NULL) = $5)
     ORDER BY locator LIMIT $3`,
    [query.after, query.prefix, query.first + 1, query.store, query.condemned],
  );
  const nodes = rows.slice(0, query.first).map(toObject);
  return { nodes, endCursor: rows.length > query.first ? (nodes.at(-1)?.locator ?? null) : null };
}

export async function findObject(db: Queryable, locator: string): Promise<StoredObject | null> {
  const { rows } = await db.query<ObjectRow>(`SELECT ${columns} FROM holdfast.object WHERE locator = $1`, [
    locator,
  ]);
  return rows[0] === undefined ? null : toObject(rows[0]);
}

/** The catalog knows every table that holds objects; `holdfast.unreferenced` writes the anti-join over them. */
async function heldCondition(db: Queryable, unreferenced: boolean | null | undefined): Promise<string> {
  if (unreferenced == null) return "true";
  const { rows } = await db.query<{ condition: string }>(
    "SELECT holdfast.unreferenced('holdfast.object'::regclass) AS condition",
  );
  const condition = rows[0]?.condition ?? "true";
  return unreferenced ? `(${condition})` : `NOT (${condition})`;
}

function toObject(row: ObjectRow): StoredObject {
  const colon = row.locator.indexOf(":");
  return {
    locator: row.locator,
    store: row.locator.slice(0, colon),
    path: row.locator.slice(colon + 1),
    isTree: row.tree,
    sizeBytes: row.size === null ? null : BigInt(row.size),
    sha256: row.sha256,
    createdAt: new Date(row.created),
    verifiedAt: instant(row.verified),
    isCondemned: row.is_condemned,
    condemnedAt: instant(row.condemned),
  };
}
