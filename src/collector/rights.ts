/** Whether the role sees every reference: a referring row that it may not see would look like none. */

import type { Queryable } from "../db/contract.ts";
import type { Doubt } from "./contract.ts";

/** Needed of each table: referring ones are read, holds and objects are locked and deleted too. */
const looks = `
  WITH needed AS (
    SELECT DISTINCT r.conrelid AS tab, r.col::text AS col,
      CASE WHEN r.confrelid = 'holdfast.object'::regclass AND c.relname = '~object' THEN ARRAY['SELECT', 'UPDATE', 'DELETE'] ELSE ARRAY['SELECT'] END AS rights
    FROM holdfast.reference r JOIN pg_class c ON c.oid = r.conrelid
    UNION ALL SELECT 'holdfast.object'::regclass, 'locator', ARRAY['SELECT', 'UPDATE', 'DELETE']
    UNION ALL SELECT 'holdfast.audit'::regclass, 'step', ARRAY['INSERT'])
  SELECT format('%I.%I', n.nspname, c.relname) AS name, problem
  FROM needed JOIN pg_class c ON c.oid = needed.tab JOIN pg_namespace n ON n.oid = c.relnamespace
  CROSS JOIN LATERAL (
    SELECT 'USAGE on its schema' AS problem WHERE NOT has_schema_privilege(n.oid, 'USAGE')
    UNION ALL SELECT r FROM unnest(rights) AS r WHERE NOT CASE WHEN r = 'DELETE' THEN has_table_privilege(tab, r) ELSE has_column_privilege(tab, col, r) END
    UNION ALL SELECT 'sight of all rows, because of row security' WHERE row_security_active(tab)) AS missing
  ORDER BY 1, 2`;

export async function rightsDoubts(queryable: Queryable): Promise<readonly Doubt[]> {
  const { rows } = await queryable.query<{ name: string; problem: string }>(looks);
  const byTable = Map.groupBy(rows, ({ name }) => name);
  return [...byTable].map(([name, missing]) => {
    const rights = missing.map(({ problem }) => problem).join(", ");
    return {
      code: "PERMISSION",
      subject: name,
      message: `The user of DATABASE_URL lacks on ${name}: ${rights}. References in it may go unseen.`,
      remedy: `Grant it, or let the owner of ${name} run the collector; with row security: BYPASSRLS.`,
    };
  });
}
