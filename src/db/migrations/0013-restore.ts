/** How far a store has come after the database was set back: since when, trusted by nobody since, checked since; and what lies in its trash. */

import type { MigrationText } from "./list.ts";

export const restore: MigrationText = {
  name: "0013-restore",
  sql: [
    `ALTER TABLE holdfast.store
       ADD COLUMN restore_since timestamptz, ADD COLUMN restore_reset_at timestamptz, ADD COLUMN restore_checked_at timestamptz;
     UPDATE holdfast.store SET restore_since = clock_timestamp() WHERE gc = 'restore';
     CREATE FUNCTION holdfast.store_mode() RETURNS trigger LANGUAGE plpgsql AS $$
     BEGIN
       IF NEW.gc = 'restore' THEN NEW.restore_since := clock_timestamp(); ELSE NEW.restore_since := NULL; END IF;
       NEW.restore_reset_at := NULL;
       NEW.restore_checked_at := NULL;
       RETURN NEW;
     END $$;
     CREATE TRIGGER store_mode BEFORE UPDATE OF gc ON holdfast.store
       FOR EACH ROW WHEN (OLD.gc IS DISTINCT FROM NEW.gc) EXECUTE FUNCTION holdfast.store_mode();`,
    // Numbers begin again when a database is set back; this never comes twice.
    `ALTER TABLE holdfast.collector_run ADD COLUMN nonce uuid NOT NULL DEFAULT gen_random_uuid();`,
    // Tombstones of the time that the database no longer knows are not in it; what they hid is. Made anew by each check, worth nothing after.
    `CREATE UNLOGGED TABLE holdfast.trash_index (
       store text COLLATE "C" NOT NULL, at text COLLATE "C" NOT NULL, path text COLLATE "C" NOT NULL,
       PRIMARY KEY (store, at));
     CREATE INDEX ON holdfast.trash_index (store, path);`,
  ],
};
