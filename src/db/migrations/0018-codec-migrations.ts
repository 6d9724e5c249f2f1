/**
 * Fields that change their codec while rows are written: a record of each, the trigger that forgets a copy whose source has changed, and the
 * renaming of a column together with its hidden reference, which keeps its values, index and foreign key. Also the text of the schema file that
 * was applied last: it is served until a change has come to its end.
 */

import type { MigrationText } from "./list.ts";

export const codecMigrations: MigrationText = {
  name: "0018-codec-migrations",
  sql: [
    `CREATE TABLE holdfast.applied_source (
       owner text COLLATE "C" PRIMARY KEY,
       source text NOT NULL,
       applied_at timestamptz NOT NULL DEFAULT clock_timestamp());
     CREATE TABLE holdfast.codec_migration (
       id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
       owner text COLLATE "C" NOT NULL,
       schema_name text COLLATE "C" NOT NULL,
       table_name text COLLATE "C" NOT NULL,
       column_name text COLLATE "C" NOT NULL,
       entity text NOT NULL,
       from_spec text NOT NULL,
       to_spec text NOT NULL,
       state text NOT NULL DEFAULT 'copying' CHECK (state IN ('copying', 'swapped', 'dropped', 'abandoned')),
       copied bigint NOT NULL DEFAULT 0,
       failures jsonb NOT NULL DEFAULT '[]',
       failed bigint NOT NULL DEFAULT 0,
       error text,
       begun_by text NOT NULL,
       begun_at timestamptz NOT NULL DEFAULT clock_timestamp(),
       swapped_at timestamptz,
       ended_at timestamptz);
     CREATE UNIQUE INDEX ON holdfast.codec_migration (schema_name, table_name, column_name) WHERE state IN ('copying', 'swapped');
     COMMENT ON TABLE holdfast.codec_migration IS 'Fields that change their codec: copied, swapped, and what is left of the old column';`,
    `CREATE FUNCTION holdfast.forget_copy() RETURNS trigger
       LANGUAGE plpgsql SET search_path = pg_catalog AS $$
     BEGIN
       RETURN jsonb_populate_record(NEW, jsonb_build_object(TG_ARGV[0], NULL));
     END $$;`,
    `CREATE FUNCTION holdfast.touch_references(tab regclass, col name, dflt text) RETURNS void
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
       EXECUTE format('CREATE TRIGGER %I BEFORE INSERT OR UPDATE OF %I ON %s FOR EACH ROW EXECUTE FUNCTION holdfast.%I()', '_obj' || holdfast.ref_name(col), col, tab, fn);
     END $$;`,
    `CREATE FUNCTION holdfast.rename_stored(tab regclass, was name, becomes name, dflt text) RETURNS void
       LANGUAGE plpgsql SET search_path = pg_catalog AS $$
     DECLARE old_ref name := holdfast.ref_name(was); new_ref name := holdfast.ref_name(becomes);
     BEGIN
       EXECUTE format('DROP TRIGGER IF EXISTS %I ON %s', '_obj' || old_ref, tab);
       EXECUTE format('ALTER TABLE %s RENAME COLUMN %I TO %I', tab, was, becomes);
       IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = tab AND attname = old_ref AND NOT attisdropped) THEN RETURN; END IF;
       EXECUTE format('ALTER TABLE %s RENAME COLUMN %I TO %I', tab, old_ref, new_ref);
       EXECUTE format('ALTER TABLE %s RENAME CONSTRAINT %I TO %I', tab, old_ref || '_ck', new_ref || '_ck');
       EXECUTE format('ALTER TABLE %s RENAME CONSTRAINT %I TO %I', tab, old_ref || '_fk', new_ref || '_fk');
       PERFORM holdfast.touch_references(tab, becomes, dflt);
     END $$;`,
  ],
};
