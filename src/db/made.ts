/** The record of what applies have made (`holdfast.applied_table`). */

import type { MadeTable } from "../sql/catalog.ts";
import type { Queryable } from "./contract.ts";

/** Every record, of all schema files; none where Holdfast's own schema is not there yet. */
export async function readMade(db: Queryable): Promise<readonly MadeTable[]> {
  const present = await db.query<{ present: boolean }>(
    "SELECT to_regclass('holdfast.applied_table') IS NOT NULL AS present",
  );
  if (present.rows[0]?.present !== true) return [];
  const { rows } = await db.query<MadeTable>(
    `SELECT owner, schema_name AS schema, table_name AS "table", entity, whole, columns, indexes, foreign_keys AS "foreignKeys"
     FROM holdfast.applied_table ORDER BY 1, 2, 3`,
  );
  return rows;
}

/** Replaces the records of one schema file. */
export async function writeMade(db: Queryable, owner: string, made: readonly MadeTable[]): Promise<void> {
  await db.query("DELETE FROM holdfast.applied_table WHERE owner = $1", [owner]);
  await db.query(
    `INSERT INTO holdfast.applied_table (owner, schema_name, table_name, entity, whole, columns, indexes, foreign_keys)
     SELECT $1, m ->> 'schema', m ->> 'table', m ->> 'entity', (m ->> 'whole')::boolean,
       ARRAY(SELECT jsonb_array_elements_text(m -> 'columns')), ARRAY(SELECT jsonb_array_elements_text(m -> 'indexes')),
       ARRAY(SELECT jsonb_array_elements_text(m -> 'foreignKeys'))
     FROM jsonb_array_elements($2::jsonb) AS m`,
    [owner, JSON.stringify(made)],
  );
}
