/**
 * Adoption in steps, each a short transaction, so that tables in use are adopted while they are written to: the parts that `holdfast adopt` calls
 * one by one, and of which `holdfast.adopt_column` is made for whoever adopts in one transaction. A reference that is not validated yet stops the
 * collector: rows of before may refer to what nobody holds. So does a column that names a store in a type that cannot be followed.
 */

import type { MigrationText } from "./list.ts";

export const adoptInSteps: MigrationText = {
  name: "0019-adopt-in-steps",
  sql: [
    // 0018, but a trigger that is there is made again.
    `CREATE OR REPLACE FUNCTION holdfast.touch_references(tab regclass, col name, dflt text) RETURNS void
       LANGUAGE plpgsql SET search_path = pg_catalog AS $$
     DECLARE sch name := (SELECT nspname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE c.oid = tab);
       fn name := 'touch_' || md5(sch || '.' || col || '@' || dflt);
     BEGIN
       EXECUTE format($f$CREATE OR REPLACE FUNCTION holdfast.%I() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $b$
         DECLARE loc text COLLATE "C" := coalesce(nullif(NEW.%I ->> 'store', ''), %L) || ':' || (NEW.%I ->> 'path');
         BEGIN
           IF loc IS NOT NULL THEN
             PERFORM FROM %I."~object" WHERE locator = loc FOR KEY SHARE;
             IF NOT FOUND THEN PERFORM holdfast.hold_foreign(%L, loc); END IF;
           END IF;
           RETURN NEW;
         END $b$ $f$, fn, col, dflt, col, sch, sch);
       EXECUTE format('CREATE OR REPLACE TRIGGER %I BEFORE INSERT OR UPDATE OF %I ON %s FOR EACH ROW EXECUTE FUNCTION holdfast.%I()', '_obj' || holdfast.ref_name(col), col, tab, fn);
     END $$;`,
    // The hidden references of columns with their CHECKs and triggers; one rewrite of the table for all that lack them. No foreign key yet.
    `CREATE FUNCTION holdfast.add_references(tab regclass, cols text[], dflts text[], foreign_writers boolean DEFAULT true) RETURNS void
       LANGUAGE plpgsql SET search_path = pg_catalog AS $$
     DECLARE ref name; actions text[] := '{}';
     BEGIN
       EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', tab);      -- at once: a lock that grows ends in deadlocks with readers who write
       FOR i IN 1 .. cardinality(cols) LOOP
         IF foreign_writers THEN PERFORM holdfast.touch_references(tab, cols[i]::name, dflts[i]); END IF;
         ref := holdfast.ref_name(cols[i]);
         IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = tab AND attname = ref AND NOT attisdropped) THEN
           actions := actions || format($f$ADD COLUMN %1$I text COLLATE "C" GENERATED ALWAYS AS (coalesce(nullif(%2$I ->> 'store', ''), %3$L) || ':' || (%2$I ->> 'path')) STORED$f$, ref, cols[i], dflts[i]);
         END IF;
         IF NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = tab AND contype = 'c' AND conname = ref || '_ck') THEN
           actions := actions || format('ADD CONSTRAINT %3$I CHECK (%2$I IS NULL OR %1$I IS NOT NULL)', ref, cols[i], ref || '_ck');
         END IF;
       END LOOP;
       IF cardinality(actions) > 0 THEN EXECUTE format('ALTER TABLE %s %s', tab, array_to_string(actions, ', ')); END IF;
     END $$;`,
    // Objects and holds for what rows refer to and their schema does not hold yet, behind a locator and so many at most; answers the last one. By the
    // index, whatever is known of the new column: a batch that reads the whole table would make adoption quadratic.
    `CREATE FUNCTION holdfast.hold_rows(tab regclass, col text, after text, lim int) RETURNS text
       LANGUAGE plpgsql SET search_path = pg_catalog SET max_parallel_workers_per_gather = 0
       SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_hashagg = off AS $$
     DECLARE ref name := holdfast.ref_name(col); locs text[];
       sch name := (SELECT nspname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE c.oid = tab);
     BEGIN
       EXECUTE format('SELECT array_agg(l) FROM (SELECT DISTINCT r.%1$I AS l FROM %2$s r WHERE r.%1$I IS NOT NULL AND r.%1$I > $1
         AND NOT EXISTS (SELECT FROM %3$I."~object" h WHERE h.locator = r.%1$I) ORDER BY 1 LIMIT $2) s', ref, tab, sch) INTO locs USING after, lim;
       IF locs IS NULL THEN RETURN NULL; END IF;
       INSERT INTO holdfast.object (locator) SELECT unnest(locs) ON CONFLICT (locator) DO UPDATE SET condemned_at = NULL;
       EXECUTE format('INSERT INTO %I."~object" (locator) SELECT unnest($1) ON CONFLICT (locator) DO UPDATE SET since = now()', sch) USING locs;
       RETURN locs[cardinality(locs)];
     END $$;`,
    `CREATE OR REPLACE FUNCTION holdfast.adopt_column(tab regclass, col name, dflt text, foreign_writers boolean DEFAULT true) RETURNS void
       LANGUAGE plpgsql SET search_path = pg_catalog AS $$
     DECLARE ref name := holdfast.ref_name(col); sch name := (SELECT nspname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE c.oid = tab);
       last text := '';
     BEGIN
       PERFORM holdfast.adopt_schema(sch);
       PERFORM holdfast.add_references(tab, ARRAY[col::text], ARRAY[dflt], foreign_writers);
       EXECUTE format('CREATE INDEX ON %s (%I) WHERE %I IS NOT NULL', tab, ref, ref);
       WHILE last IS NOT NULL LOOP last := holdfast.hold_rows(tab, col, last, 10000); END LOOP;
       EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I FOREIGN KEY (%I) REFERENCES %I."~object"', tab, ref || '_fk', ref, sch);
     END $$;`,
    // 0017, and what is not validated or cannot be followed.
    `CREATE OR REPLACE VIEW holdfast.guard AS
  WITH ref AS (SELECT r.*, c.confdeltype, c.confupdtype, c.convalidated, c.oid AS con, to_jsonb(c) ->> 'conenforced' AS enforced FROM holdfast.reference r JOIN pg_constraint c ON c.conrelid = r.conrelid AND c.conname = r.conname),
    stored AS (SELECT a.attrelid, a.attname, a.attnum, a.atttypid IN ('jsonb'::regtype, 'json'::regtype) AS is_json FROM pg_attribute a JOIN pg_class t ON t.oid = a.attrelid AND t.relkind IN ('r', 'p') AND NOT t.relispartition
      WHERE a.attnum > 0 AND NOT a.attisdropped AND col_description(a.attrelid, a.attnum) ~ '^:<[^>]*@' AND col_description(a.attrelid, a.attnum) !~ '^:<filepath@')
  SELECT 'column without reference' AS problem, format('%s.%I', a.attrelid::regclass, a.attname) AS what
    FROM stored a WHERE a.is_json
      AND NOT EXISTS (SELECT FROM ref JOIN pg_attribute g ON g.attrelid = ref.conrelid AND g.attname = ref.col AND g.attgenerated = 's'
        JOIN pg_attrdef d ON d.adrelid = g.attrelid AND d.adnum = g.attnum WHERE ref.conrelid = a.attrelid
          AND d.adbin::text ~ (':args \\(\\{VAR :varno 1 :varattno ' || a.attnum || ' [^{}]*\\} \\{CONST [^{}]*:constvalue 8 \\[ (-?[0-9]+ ){4}112 97 116 104 \\]\\}'))
  UNION ALL SELECT 'column of a store that is no JSON', format('%s.%I', attrelid::regclass, attname) FROM stored WHERE NOT is_json
  UNION ALL SELECT 'reference not validated', format('%s.%I', conrelid::regclass, conname) FROM ref WHERE NOT convalidated AND enforced IS DISTINCT FROM 'false'
  UNION ALL SELECT 'reference with a wrong action or not enforced', format('%s.%I', conrelid::regclass, conname) FROM ref WHERE confdeltype NOT IN ('a', 'r') OR confupdtype NOT IN ('a', 'r') OR enforced = 'false'
  UNION ALL SELECT 'referential trigger disabled', format('%s.%I', conrelid::regclass, ref.conname) FROM ref JOIN pg_trigger g ON g.tgconstraint = ref.con WHERE g.tgenabled NOT IN ('O', 'A')
  UNION ALL SELECT 'child by INHERITS', i.inhrelid::regclass::text FROM pg_inherits i JOIN ref ON ref.conrelid = i.inhparent JOIN pg_class c ON c.oid = i.inhrelid WHERE NOT c.relispartition
  UNION ALL SELECT 'session not allowed', current_setting('session_replication_role') WHERE current_setting('session_replication_role') <> 'origin' OR pg_is_in_recovery();`,
  ],
};
