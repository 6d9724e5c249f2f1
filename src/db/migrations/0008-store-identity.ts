/** What each store is, wherever it lies: the id that its marker object carries. */

import type { MigrationText } from "./list.ts";

export const storeIdentity: MigrationText = {
  name: "0008-store-identity",
  sql: [
    // marked_at: when the marker was first seen in the store. Null: a location without one may be taken as new.
    `ALTER TABLE holdfast.store
       ADD COLUMN identity uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
       ADD COLUMN marked_at timestamptz;`,
  ],
};
