/**
 * The record of changes that subscriptions are fed from: triggers of the users' tables write what a statement changed, and wake who listens.
 *
 * A position in it is a snapshot, not a number: transactions commit in another order than they write, so "all above number n" would
 * miss the late ones. See docs/decisions/0008-changes.md.
 */

import type { MigrationText } from "./list.ts";

/** Rows of a statement that one entry holds: readers take entries whole, and a value has a limit. */
const rowsOfAnEntry = 250;
/** Bytes beyond which an old value is left out of the record. */
const oldValueBytes = 1024;

const tables = `
CREATE TABLE holdfast.change (
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  xid xid8 NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  schema_name text COLLATE "C" NOT NULL,
  table_name text COLLATE "C" NOT NULL,
  operation text COLLATE "C" NOT NULL,
  key_columns text[] NOT NULL,
  rows json NOT NULL);
CREATE INDEX change_xid ON holdfast.change (xid);
COMMENT ON TABLE holdfast.change IS 'What statements changed, for subscriptions: of each row its key, and its old values where it was there before';
CREATE TABLE holdfast.change_mark (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  snapshot pg_snapshot NOT NULL,
  number bigint NOT NULL);
COMMENT ON TABLE holdfast.change_mark IS 'What was committed when; changes that the oldest mark sees may be gone';
INSERT INTO holdfast.change_mark (snapshot, number) VALUES (pg_current_snapshot(), 0);
REVOKE ALL ON holdfast.change, holdfast.change_mark FROM PUBLIC;
`;

/**
 * Columns are looked up at each statement: a column may be renamed or dropped under the trigger, and no writer may fail for it.
 * Generated columns are ours, bytes are no filter's business.
 */
const record = `
CREATE FUNCTION holdfast.record_change() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET bytea_output = hex SET extra_float_digits = 1 AS $$
DECLARE
  keys text[]; olds text; fat text; key_of text; source text; paired text;
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    INSERT INTO holdfast.change (xid, schema_name, table_name, operation, key_columns, rows)
      VALUES (pg_current_xact_id(), TG_TABLE_SCHEMA, TG_TABLE_NAME, 'TRUNCATE', '{}', '[]');
    PERFORM pg_notify('holdfast_change', '');
    RETURN NULL;
  END IF;
  IF TG_OP = 'INSERT' THEN
    IF NOT EXISTS (SELECT FROM holdfast_new) THEN RETURN NULL; END IF;
  ELSIF NOT EXISTS (SELECT FROM holdfast_old) THEN
    RETURN NULL;
  END IF;
  SELECT array_agg(a.attname::text ORDER BY k.at) INTO keys
    FROM pg_index i CROSS JOIN unnest(i.indkey::int2[]) WITH ORDINALITY AS k (num, at) JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.num
    WHERE i.indrelid = TG_RELID AND i.indisprimary;
  IF keys IS NULL THEN RETURN NULL; END IF;
  -- a % of a name must survive the second format()
  SELECT string_agg('%1$s.' || replace(quote_ident(name), '%', '%%'), ', ') INTO key_of FROM unnest(keys) AS name;
  IF TG_OP <> 'INSERT' THEN
    SELECT string_agg(CASE WHEN a.attlen > 0 THEN format('o.%1$I', a.attname) ELSE format('CASE WHEN pg_column_size(o.%1$I) <= ${oldValueBytes} THEN o.%1$I END AS %1$I', a.attname) END, ', '),
           string_agg(format('CASE WHEN pg_column_size(o.%I) > ${oldValueBytes} THEN %L END', a.attname, a.attname), ', ') FILTER (WHERE a.attlen < 0)
      INTO olds, fat
      FROM pg_attribute a WHERE a.attrelid = TG_RELID AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND a.atttypid <> 'bytea'::regtype;
    olds := format('(SELECT to_jsonb(old) FROM (SELECT %s) AS old)', olds)
      || coalesce(format(' - array_remove(ARRAY[%s]::text[], NULL)', fat), '');
  END IF;
  IF TG_OP = 'INSERT' THEN
    source := format('SELECT 2 AS op, json_build_array(%s) AS row, row_number() OVER () AS n FROM holdfast_new AS n', format(key_of, 'n'));
  ELSIF TG_OP = 'DELETE' THEN
    source := format('SELECT 1 AS op, json_build_array(%s, %s) AS row, row_number() OVER () AS n FROM holdfast_old AS o', format(key_of, 'o'), olds);
  ELSE
    SELECT string_agg(format('o.%1$I = n.%1$I', name), ' AND ') INTO paired FROM unnest(keys) AS name;
    source := format($f$SELECT CASE WHEN o.%1$I IS NULL THEN 2 WHEN n.%1$I IS NULL THEN 1 ELSE 3 END AS op,
        CASE WHEN o.%1$I IS NULL THEN json_build_array(%2$s) ELSE json_build_array(%3$s, %4$s) END AS row, row_number() OVER () AS n
      FROM holdfast_old AS o FULL JOIN holdfast_new AS n ON %5$s$f$, keys[1], format(key_of, 'n'), format(key_of, 'o'), olds, paired);
  END IF;
  EXECUTE 'INSERT INTO holdfast.change (xid, schema_name, table_name, operation, key_columns, rows)
    SELECT pg_current_xact_id(), $1, $2, (ARRAY[''DELETE'', ''INSERT'', ''UPDATE''])[op], $3, json_agg(row ORDER BY n) FROM (' || source || ') AS changed
    GROUP BY op, n / ${rowsOfAnEntry} ORDER BY op, n / ${rowsOfAnEntry}' USING TG_TABLE_SCHEMA, TG_TABLE_NAME, keys;
  PERFORM pg_notify('holdfast_change', '');
  RETURN NULL;
END $$;
`;

const watch = `
CREATE FUNCTION holdfast.watch(tab regclass) RETURNS void
  LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF NOT has_table_privilege(tab, 'TRIGGER') THEN RETURN; END IF;      -- somebody else's table: served all the same, without subscriptions
  EXECUTE format('CREATE OR REPLACE TRIGGER _holdfast_inserted AFTER INSERT ON %s REFERENCING NEW TABLE AS holdfast_new FOR EACH STATEMENT EXECUTE FUNCTION holdfast.record_change()', tab);
  EXECUTE format('CREATE OR REPLACE TRIGGER _holdfast_updated AFTER UPDATE ON %s REFERENCING OLD TABLE AS holdfast_old NEW TABLE AS holdfast_new FOR EACH STATEMENT EXECUTE FUNCTION holdfast.record_change()', tab);
  EXECUTE format('CREATE OR REPLACE TRIGGER _holdfast_deleted AFTER DELETE ON %s REFERENCING OLD TABLE AS holdfast_old FOR EACH STATEMENT EXECUTE FUNCTION holdfast.record_change()', tab);
  EXECUTE format('CREATE OR REPLACE TRIGGER _holdfast_truncated AFTER TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION holdfast.record_change()', tab);
END $$;
`;

export const changes: MigrationText = {
  name: "0005-changes",
  sql: [tables, record, watch],
};
