/** Uploads whose parts clients send to the store itself, and folders whose files are declared beforehand. */

import type { MigrationText } from "./list.ts";

export const uploadParts: MigrationText = {
  name: "0006-upload-parts",
  sql: [
    // claim: one process completes the upload. fault: why it never can be. sweep_at: when to look for open multipart uploads of its keys.
    `ALTER TABLE holdfast.upload_detail
       ADD COLUMN by_parts boolean NOT NULL DEFAULT false,
       ADD COLUMN has_manifest boolean NOT NULL DEFAULT false,
       ADD COLUMN fault text,
       ADD COLUMN claim_by uuid, ADD COLUMN claim_until timestamptz,
       ADD COLUMN sweep_at timestamptz;
     CREATE INDEX ON holdfast.upload_detail (sweep_at) WHERE sweep_at IS NOT NULL;`,
    // path '' is the file of an upload of one file. part_count null: comes by PUT; 0: has no bytes, the service writes it.
    // multipart null: not begun, or its name was lost. assembled_at: the store has made the object.
    `CREATE TABLE holdfast.upload_declared (
       upload uuid NOT NULL REFERENCES holdfast.upload_detail ON DELETE CASCADE,
       path text COLLATE "C" NOT NULL,
       size bigint NOT NULL CHECK (size >= 0), sha256 bytea,
       part_size bigint, part_count int,
       multipart text, assembled_at timestamptz,
       PRIMARY KEY (upload, path),
       CHECK ((part_size IS NULL) = (part_count IS NULL)));`,
  ],
};
