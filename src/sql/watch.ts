/** The triggers that record what statements change, for subscriptions; `holdfast.watch` makes them. */

import type { Change } from "./change.ts";
import { type Difference, readable, type TablePair } from "./difference.ts";
import { literal, qualified } from "./quote.ts";

/** Names of the triggers of a watched table. */
export const watchTriggers: readonly string[] = [
  "_holdfast_deleted",
  "_holdfast_inserted",
  "_holdfast_truncated",
  "_holdfast_updated",
];

/** Adds the triggers; those that are there are made again. */
export function watchTable(table: { readonly schema: string; readonly name: string }): string {
  return `SELECT holdfast.watch(${literal(qualified(table.schema, table.name))}::regclass)`;
}

/** Tables that are there and are not watched. A view has no rows of its own. */
export function watchChanges({ existing }: Difference): readonly Change[] {
  return existing.filter(isUnwatched).map(({ wanted }) => ({
    kind: "watch",
    summary: `Record the changes of ${readable(wanted)} for subscriptions`,
    sql: watchTable(wanted),
    destructive: false,
    entity: wanted.entity,
    table: readable(wanted),
  }));
}

function isUnwatched({ actual }: TablePair): boolean {
  return actual.kind === "table" && !watchTriggers.every((name) => actual.triggers.includes(name));
}
