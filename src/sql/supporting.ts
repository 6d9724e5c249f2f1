/** Indexes that support foreign keys: a key that others have made brings its own, or none. */

import type { CatalogTable, MadeTable } from "./catalog.ts";
import { foreignKeyMark } from "./mark.ts";
import type { WantedIndex, WantedTable } from "./wanted.ts";

/**
 * Whether a missing index is to be made. DataJoint up to 2.3.2 made none for its foreign keys; to add them to somebody else's table
 * is not for a schema file to ask, since it has no word for them.
 */
export function isAsked(
  index: WantedIndex,
  { wanted, actual, made }: { wanted: WantedTable; actual: CatalogTable; made: MadeTable | undefined },
): boolean {
  if (index.supports !== true) return true;
  const columns = index.columns.join();
  const supported = wanted.foreignKeys.filter((key) => key.columns.join() === columns).map(foreignKeyMark);
  const there = new Set(actual.foreignKeys.map(foreignKeyMark));
  const ours = new Set(made?.foreignKeys);
  return supported.some((mark) => !there.has(mark) || ours.has(mark));
}
