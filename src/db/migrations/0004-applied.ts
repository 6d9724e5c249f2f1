/** What applies of a schema file have made: only that may a later apply drop. */

import type { MigrationText } from "./list.ts";

export const applied: MigrationText = {
  name: "0004-applied",
  sql: [
    `CREATE TABLE holdfast.applied_table (
       owner text COLLATE "C" NOT NULL,
       schema_name text COLLATE "C" NOT NULL,
       table_name text COLLATE "C" NOT NULL,
       entity text NOT NULL,
       whole boolean NOT NULL,
       columns text[] NOT NULL,
       indexes text[] NOT NULL,
       foreign_keys text[] NOT NULL,
       applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
       PRIMARY KEY (owner, schema_name, table_name));
     COMMENT ON TABLE holdfast.applied_table IS 'Tables, columns, indexes and foreign keys that were made from a schema file';`,
  ],
};
