/** What an upload is for and what it has received; the reservation itself is the row of `holdfast.upload` with the same id. */

import type { MigrationText } from "./list.ts";

export const uploads: MigrationText = {
  name: "0002-uploads",
  sql: [
    // No reference to holdfast.upload: its row goes at publication, and this one then says that the upload was used.
    `CREATE TABLE holdfast.upload_detail (
       id uuid PRIMARY KEY,
       kind text NOT NULL CHECK (kind IN ('FILE', 'TREE')),
       state text NOT NULL DEFAULT 'OPEN' CHECK (state IN ('OPEN', 'RECEIVED', 'SEALED', 'COMPLETE')),
       field text NOT NULL,
       target jsonb NOT NULL,
       store text NOT NULL, path text NOT NULL,
       filename text NOT NULL, media_type text,
       declared_size bigint CHECK (declared_size >= 0), declared_sha256 bytea,
       prefix bytea NOT NULL DEFAULT '',
       size bigint, sha256 bytea, md5 bytea, item_count int,
       created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
       expires_at timestamptz NOT NULL,
       written_at timestamptz,
       CHECK (state <> 'RECEIVED' OR kind = 'FILE'), CHECK (state <> 'SEALED' OR kind = 'TREE'),
       CHECK (state = 'OPEN' OR size IS NOT NULL));
     CREATE INDEX ON holdfast.upload_detail (expires_at);`,
    // A file of a folder is announced before its first byte: sha256 null = under way, or cut.
    `CREATE TABLE holdfast.upload_file (
       upload uuid NOT NULL REFERENCES holdfast.upload_detail ON DELETE CASCADE,
       path text COLLATE "C" NOT NULL,
       size bigint, sha256 bytea,
       PRIMARY KEY (upload, path));`,
  ],
};
