/** Uploads that are being filled from a URL, and the index by which one caller's open uploads are counted. */

import type { MigrationText } from "./list.ts";

export const imports: MigrationText = {
  name: "0009-imports",
  sql: [
    // The URL itself may hold a secret: only its digest is kept, to know the same one again.
    `CREATE TABLE holdfast.upload_import (
       upload uuid PRIMARY KEY REFERENCES holdfast.upload_detail ON DELETE CASCADE,
       source bytea NOT NULL,
       claim uuid NOT NULL,
       principal text NOT NULL,
       received bigint NOT NULL DEFAULT 0,
       claimed_until timestamptz NOT NULL);
     COMMENT ON TABLE holdfast.upload_import IS 'Uploads that are or were filled from a URL; claimed_until: the process that does so is alive until then';
     CREATE INDEX ON holdfast.upload_import (principal, claimed_until);
     CREATE INDEX ON holdfast.upload (principal) WHERE principal IS NOT NULL;`,
  ],
};
