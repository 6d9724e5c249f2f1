/** Schemas of a database that may be anybody's: read from one snapshot, nothing written. */

import { ServiceError } from "../errors.ts";
import type { Catalog } from "../sql/catalog.ts";
import { readCatalog } from "./catalog.ts";
import type { Database, Queryable } from "./contract.ts";

/**
 * The catalog of the named schemas.
 * @throws {NOT_FOUND} naming those that are not there and those that are, {FORBIDDEN} where the user may not look into one.
 */
export async function readSchemas(db: Database, schemas: readonly string[]): Promise<Catalog> {
  return db.transaction(
    async (transaction) => {
      await transaction.query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ");
      await schemasThere(transaction, schemas);
      return readCatalog(transaction, schemas);
    },
    { readOnly: true },
  );
}

/** What people keep tables in: PostgreSQL's own schemas and Holdfast's are left out. */
const theirs = `
  SELECT nspname::text AS name, has_schema_privilege(oid, 'USAGE') AS usable FROM pg_namespace
  WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'holdfast', 'graphile_worker') ORDER BY 1`;

/** @throws {NOT_FOUND} naming those that are not there and those that are, {FORBIDDEN} where the user may not look into one. */
export async function schemasThere(db: Queryable, schemas: readonly string[]): Promise<void> {
  const { rows } = await db.query<{ name: string; usable: boolean }>(theirs);
  const missing = schemas.filter((name) => !rows.some((row) => row.name === name));
  if (missing.length > 0) {
    const there = rows.map((row) => row.name).join(", ") || "none";
    throw new ServiceError("NOT_FOUND", `The database has no schema ${missing.join(", ")} of yours.`, {
      details: { field: "--schema", value: missing[0], remedy: `There are: ${there}.` },
    });
  }
  const closed = rows.filter((row) => schemas.includes(row.name) && !row.usable).map((row) => row.name);
  if (closed.length === 0) return;
  throw new ServiceError(
    "FORBIDDEN",
    `The database's user may not look into the schema ${closed.join(", ")}.`,
    {
      details: {
        field: "--schema",
        value: closed[0],
        remedy: `Let its owner run: GRANT USAGE ON SCHEMA ${closed[0]} TO …; GRANT SELECT ON ALL TABLES IN SCHEMA ${closed[0]} TO …;`,
      },
    },
  );
}
