/** Who this database is, and the keys that sign capabilities. */

import type { MigrationText } from "./list.ts";

export const identity: MigrationText = {
  name: "0003-identity",
  sql: [
    `CREATE TABLE holdfast.setting (
       name text COLLATE "C" PRIMARY KEY,
       value jsonb NOT NULL,
       set_by text NOT NULL DEFAULT current_user,
       set_at timestamptz NOT NULL DEFAULT clock_timestamp());
     INSERT INTO holdfast.setting (name, value) VALUES ('database_id', to_jsonb(gen_random_uuid()));`,
    `CREATE TABLE holdfast.capability_key (
       id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
       secret bytea NOT NULL CHECK (octet_length(secret) >= 32),
       created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
       revoked_at timestamptz);
     REVOKE ALL ON holdfast.capability_key FROM PUBLIC;`,
  ],
};
