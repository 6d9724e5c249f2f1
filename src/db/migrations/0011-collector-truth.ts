/** What the collector needs to look at random objects of one store, however many there are. */

import type { MigrationText } from "./list.ts";

export const collectorTruth: MigrationText = {
  name: "0011-collector-truth",
  sql: [
    // `gen` only grows, so that insertion is at the right edge of each store. Whatever is condemned may go at any time and proves nothing.
    `CREATE INDEX object_sample ON holdfast.object (split_part(locator, ':', 1), gen)
       WHERE verified_at IS NOT NULL AND condemned_at IS NULL;`,
  ],
};
