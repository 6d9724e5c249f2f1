/** The collector's memory: how each store is collected, what runs have found, every decision for good, and which server the database is on. */

import type { MigrationText } from "./list.ts";

export const collector: MigrationText = {
  name: "0010-collector",
  sql: [
    // confirmed_version: the version of Holdfast whose report somebody has confirmed; another one only reports at first.
    `ALTER TABLE holdfast.store
       ADD COLUMN grace interval NOT NULL DEFAULT '7 days' CHECK (grace >= interval '0'),
       ADD COLUMN keep interval NOT NULL DEFAULT '30 days' CHECK (keep >= interval '0'),
       ADD COLUMN confirmed_version text;`,
    `CREATE TABLE holdfast.collector_run (
       id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
       kind text NOT NULL CHECK (kind IN ('COLLECT', 'FSCK', 'REVIVE', 'POLICY', 'RESTORE', 'EXPIRE')),
       state text NOT NULL DEFAULT 'RUNNING' CHECK (state IN ('RUNNING', 'DONE', 'FAILED')),
       applied boolean NOT NULL, by text NOT NULL, version text NOT NULL,
       started_at timestamptz NOT NULL DEFAULT clock_timestamp(), ended_at timestamptz,
       report jsonb);
     CREATE INDEX ON holdfast.collector_run (started_at);`,
    // Append only, whoever asks. One line for each object and step, written by the transaction that did it.
    `CREATE TABLE holdfast.audit (
       id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
       at timestamptz NOT NULL DEFAULT clock_timestamp(),
       run bigint, by text NOT NULL, step text NOT NULL,
       locator text COLLATE "C", gen bigint, tombstone bigint, details jsonb);
     CREATE INDEX ON holdfast.audit (locator);
     CREATE INDEX ON holdfast.audit (at);
     CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON holdfast.audit
       FOR EACH STATEMENT EXECUTE FUNCTION holdfast.refuse();`,
    // The server and its course that the collector last worked on: another one means a restored or promoted database.
    `CREATE TABLE holdfast.course (
       "only" boolean PRIMARY KEY DEFAULT true CHECK ("only"),
       system_identifier text NOT NULL, timeline int NOT NULL,
       seen_at timestamptz NOT NULL DEFAULT clock_timestamp());`,
  ],
};
