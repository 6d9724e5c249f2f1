/** What is known of the codecs that fields were written with, for the day when one of them is not loaded. */

import type { MigrationText } from "./list.ts";

export const codecs: MigrationText = {
  name: "0014-codecs",
  sql: [
    `CREATE TABLE holdfast.codec (
       name text COLLATE "C" PRIMARY KEY,
       description jsonb NOT NULL,
       seen_at timestamptz NOT NULL DEFAULT clock_timestamp());`,
  ],
};
