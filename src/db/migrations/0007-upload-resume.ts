/** What a resumable upload has received so far, durably, and who goes on with it. */

import type { MigrationText } from "./list.ts";

export const uploadResume: MigrationText = {
  name: "0007-upload-resume",
  sql: [
    // No reference to upload_detail: its row may go first, and this one then still names what is to be cleaned in the store.
    // `received` counts stored bytes, the codec's prefix included. The digests are states of hash-wasm after these bytes, as secret as they.
    `CREATE TABLE holdfast.upload_resume (
       upload uuid PRIMARY KEY,
       store text NOT NULL, path text NOT NULL,
       handle text,
       epoch int NOT NULL DEFAULT 1,
       received bigint NOT NULL DEFAULT 0 CHECK (received >= 0),
       sha256 bytea, md5 bytea, content_sha256 bytea,
       writer uuid, writer_until timestamptz,
       CHECK ((writer IS NULL) = (writer_until IS NULL)));
     REVOKE ALL ON holdfast.upload_resume FROM PUBLIC;`,
    // Pieces that the store has named, and behind them the bytes that are too few for one.
    `CREATE TABLE holdfast.upload_piece (
       upload uuid NOT NULL REFERENCES holdfast.upload_resume ON DELETE CASCADE,
       number int NOT NULL CHECK (number > 0), size int NOT NULL, tag text NOT NULL,
       PRIMARY KEY (upload, number));
     CREATE TABLE holdfast.upload_tail (
       upload uuid NOT NULL REFERENCES holdfast.upload_resume ON DELETE CASCADE,
       at bigint NOT NULL, bytes bytea NOT NULL,
       PRIMARY KEY (upload, at));
     ALTER TABLE holdfast.upload_tail ALTER COLUMN bytes SET STORAGE EXTERNAL;
     REVOKE ALL ON holdfast.upload_tail FROM PUBLIC;`,
  ],
};
