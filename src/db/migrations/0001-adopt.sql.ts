/** Adoption: the hold table of a schema, the reference column, CHECK, foreign key, index and trigger of a column. */
export const adoptSql = `
CREATE FUNCTION holdfast.adopt_schema(sch name) RETURNS void
  LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF to_regclass(format('%I."~object"', sch)) IS NOT NULL THEN RETURN; END IF;
  EXECUTE format('CREATE TABLE %I."~object" (locator text COLLATE "C" PRIMARY KEY REFERENCES holdfast.object, since timestamptz NOT NULL DEFAULT now())', sch);
  EXECUTE format('GRANT SELECT, REFERENCES ON %I."~object" TO PUBLIC', sch);       -- USAGE on the schema still decides; DataJoint needs both
END $$;
CREATE FUNCTION holdfast.ref_name(col text) RETURNS name LANGUAGE sql IMMUTABLE AS $$
  SELECT ('_' || CASE WHEN length(col) <= 50 THEN col ELSE left(col, 40) || '_' || left(md5(col), 8) END || '_ref')::name $$;
CREATE FUNCTION holdfast.adopt_column(tab regclass, col name, dflt text, foreign_writers boolean DEFAULT true) RETURNS void
  LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE ref name := holdfast.ref_name(col); sch name := (SELECT nspname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE c.oid = tab);
  fn name := 'touch_' || md5(sch || '.' || col || '@' || dflt);
  ex text := format('coalesce(nullif(%1$s%2$I ->> ''store'', ''''), %3$L) || '':'' || (%1$s%2$I ->> ''path'')', '', col, dflt);
BEGIN
  PERFORM holdfast.adopt_schema(sch);
  IF foreign_writers THEN
    EXECUTE format($f$CREATE OR REPLACE FUNCTION holdfast.%I() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $b$
      DECLARE loc text COLLATE "C" := coalesce(nullif(NEW.%I ->> 'store', ''), %L) || ':' || (NEW.%I ->> 'path');
      BEGIN
        IF loc IS NOT NULL THEN
          PERFORM FROM %I."~object" WHERE locator = loc FOR KEY SHARE;
          IF NOT FOUND THEN PERFORM holdfast.hold_foreign(%L, loc); END IF;
        END IF;
        RETURN NEW;
      END $b$ $f$, fn, col, dflt, col, sch, sch);
    EXECUTE format('CREATE TRIGGER %I BEFORE INSERT OR UPDATE OF %I ON %s FOR EACH ROW EXECUTE FUNCTION holdfast.%I()', '_obj' || ref, col, tab, fn);
  END IF;
  EXECUTE format('ALTER TABLE %s ADD COLUMN %I text COLLATE "C" GENERATED ALWAYS AS (%s) STORED, ADD CONSTRAINT %I CHECK (%I IS NULL OR %I IS NOT NULL)',
     tab, ref, ex, ref || '_ck', col, ref);
  EXECUTE format('INSERT INTO holdfast.object (locator) SELECT DISTINCT %I FROM %s WHERE %I IS NOT NULL ORDER BY 1 ON CONFLICT (locator) DO UPDATE SET condemned_at = NULL', ref, tab, ref);
  EXECUTE format('INSERT INTO %I."~object" (locator) SELECT DISTINCT %I FROM %s WHERE %I IS NOT NULL ORDER BY 1 ON CONFLICT (locator) DO UPDATE SET since = now()', sch, ref, tab, ref);
  EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I FOREIGN KEY (%I) REFERENCES %I."~object"', tab, ref || '_fk', ref, sch);
  EXECUTE format('CREATE INDEX ON %s (%I) WHERE %I IS NOT NULL', tab, ref, ref);
END $$;
-- optional (needs superuser): tables that DataJoint declares in an adopted schema get their references in the same transaction as their comments
CREATE FUNCTION holdfast.on_ddl() RETURNS event_trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET lock_timeout = '5s' AS $$
DECLARE r record;
BEGIN
  FOR r IN SELECT a.attrelid::regclass AS tab, a.attname AS col, coalesce(nullif(substring(col_description(a.attrelid, a.attnum) FROM '@([A-Za-z0-9_-]*)'), ''), (SELECT name FROM holdfast.store WHERE is_default)) AS dflt
      FROM pg_event_trigger_ddl_commands() d JOIN pg_attribute a ON d.classid = 'pg_class'::regclass AND a.attrelid = d.objid AND a.attnum > 0 AND NOT a.attisdropped
      WHERE a.atttypid = 'jsonb'::regtype AND col_description(a.attrelid, a.attnum) ~ '^:<[^>]*@' AND col_description(a.attrelid, a.attnum) !~ '^:<filepath@'
        AND NOT EXISTS (SELECT FROM pg_attribute b WHERE b.attrelid = a.attrelid AND b.attname = holdfast.ref_name(a.attname) AND NOT b.attisdropped) LOOP
    PERFORM holdfast.adopt_column(r.tab, r.col, r.dflt);
  END LOOP;
END $$;
-- CREATE EVENT TRIGGER holdfast_adopt ON ddl_command_end WHEN TAG IN ('CREATE TABLE', 'ALTER TABLE', 'COMMENT') EXECUTE FUNCTION holdfast.on_ddl();
`;
