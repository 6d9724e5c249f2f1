/** Makes the configured stores known to the database, whose triggers refuse objects of unknown ones. */

import type { Database } from "../db/contract.ts";
import type { Stores } from "../store/contract.ts";

/** Writes the names into `holdfast.store`, and which is the default. Stores that are no longer configured stay: rows may name them. */
export async function registerStores(db: Database, stores: Stores): Promise<void> {
  const names = [...stores.all.keys()].sort();
  await db.transaction(
    async (transaction) => {
      // Replicas that start at once must not trip over each other's default.
      await transaction.query("LOCK TABLE holdfast.store IN SHARE ROW EXCLUSIVE MODE");
      await transaction.query(
        "INSERT INTO holdfast.store (name) SELECT unnest($1::text[]) ON CONFLICT (name) DO NOTHING",
        [names],
      );
      if (stores.defaultName === undefined) return;
      await transaction.query(
        "UPDATE holdfast.store SET is_default = false WHERE is_default AND name <> $1",
        [stores.defaultName],
      );
      await transaction.query(
        "UPDATE holdfast.store SET is_default = true WHERE NOT is_default AND name = $1",
        [stores.defaultName],
      );
    },
    { lockTimeoutMs: 10_000 },
  );
}
