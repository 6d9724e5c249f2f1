/** What is named after a table or column and lies elsewhere: the origins that `~lineage` tells, in whatever schema. A schema file knows no tables of others that come from its own. */

import type { MigrationText } from "./list.ts";

export const renamesEverywhere: MigrationText = {
  name: "0020-renames-everywhere",
  sql: [
    // was, becomes: schema.table, or schema.table.column. In every ~lineage that may be written.
    `CREATE FUNCTION holdfast.rename_origin(was text, becomes text) RETURNS void
       LANGUAGE plpgsql SET search_path = pg_catalog AS $$
     DECLARE tab regclass;
     BEGIN
       FOR tab IN SELECT c.oid FROM pg_class c WHERE c.relname = '~lineage' AND c.relkind = 'r' AND has_schema_privilege(c.relnamespace, 'USAGE')
           AND has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'UPDATE')
           AND (SELECT count(*) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname IN ('table_name', 'attribute_name', 'lineage') AND NOT a.attisdropped) = 3 ORDER BY c.oid LOOP
         EXECUTE format($f$UPDATE %s SET lineage = $2 || substr(lineage, length($1) + 1) WHERE lineage = $1 OR left(lineage, length($1) + 1) = $1 || '.'$f$, tab) USING was, becomes;
       END LOOP;
     END $$;`,
  ],
};
