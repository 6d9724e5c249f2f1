/**
 * What is named after a table or column and lies beside it: the origins that `~lineage` tells, in whatever schema, and DataJoint's job tables. A schema file
 * knows neither the tables of others that come from its own, nor job tables.
 */

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
    // The job table of a table that has another name by now; with its indexes, comment and lineage. One that is there under the new name stays.
    `CREATE FUNCTION holdfast.rename_jobs(sch name, was text, becomes text) RETURNS void
       LANGUAGE plpgsql SET search_path = pg_catalog AS $$
     DECLARE old text := '~~' || regexp_replace(was, '^(#|__?)', ''); new text := '~~' || regexp_replace(becomes, '^(#|__?)', ''); idx text; renamed text;
       tab regclass := to_regclass(format('%I.%I', sch, old));
     BEGIN
       IF tab IS NULL OR (old <> new AND to_regclass(format('%I.%I', sch, new)) IS NOT NULL) THEN RETURN; END IF;
       IF obj_description(tab, 'pg_class') = format('Job queue for "%s"."%s"', sch, was) THEN
         EXECUTE format('COMMENT ON TABLE %s IS %L', tab, format('Job queue for "%s"."%s"', sch, becomes));
       END IF;
       IF old = new THEN RETURN; END IF;
       EXECUTE format('ALTER TABLE %s RENAME TO %I', tab, new);
       FOR idx IN SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = tab AND strpos(c.relname, old) > 0 LOOP
         renamed := left(replace(idx, old, new), 63);
         CONTINUE WHEN to_regclass(format('%I.%I', sch, renamed)) IS NOT NULL;
         EXECUTE format('ALTER INDEX %I.%I RENAME TO %I', sch, idx, renamed);
       END LOOP;
       IF to_regclass(format('%I."~lineage"', sch)) IS NOT NULL THEN
         EXECUTE format('UPDATE %I."~lineage" SET table_name = $2 WHERE table_name = $1', sch) USING old, new;
       END IF;
       PERFORM holdfast.rename_origin(sch || '.' || old, sch || '.' || new);
     END $$;`,
    // A column of the key, in the job table of its table.
    `CREATE FUNCTION holdfast.rename_job_column(sch name, tab_name text, was text, becomes text) RETURNS void
       LANGUAGE plpgsql SET search_path = pg_catalog AS $$
     DECLARE jobs text := '~~' || regexp_replace(tab_name, '^(#|__?)', ''); tab regclass := to_regclass(format('%I.%I', sch, jobs));
     BEGIN
       IF tab IS NULL OR NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = tab AND attname = was AND NOT attisdropped) THEN RETURN; END IF;
       EXECUTE format('ALTER TABLE %s RENAME COLUMN %I TO %I', tab, was, becomes);
       IF to_regclass(format('%I."~lineage"', sch)) IS NOT NULL THEN
         EXECUTE format('UPDATE %I."~lineage" SET attribute_name = $3 WHERE table_name = $1 AND attribute_name = $2', sch) USING jobs, was, becomes;
       END IF;
       PERFORM holdfast.rename_origin(format('%s.%s.%s', sch, jobs, was), format('%s.%s.%s', sch, jobs, becomes));
     END $$;`,
  ],
};
