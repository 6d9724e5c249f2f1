/** What is ours after an apply: made by it, or by an earlier one and still wanted. */

import type { MadeTable } from "./catalog.ts";
import { type Difference, lostColumns, madeOf } from "./difference.ts";
import { foreignKeyMark, indexMark } from "./mark.ts";
import { isAsked } from "./supporting.ts";
import { tableId, type WantedTable } from "./wanted.ts";

/** The record to keep when the plan of `difference` has run. */
export function madeAfter(difference: Difference): readonly MadeTable[] {
  return difference.tables.map((table) => madeOfTable(difference, table));
}

function madeOfTable(difference: Difference, table: WantedTable): MadeTable {
  const id = tableId(table.schema, table.name);
  const there = difference.catalog.tables.get(id);
  const earlier = madeOf(difference, id);
  const lost = lostColumns(difference, id);
  const had = new Set(there?.columns.map((column) => column.name).filter((name) => !lost.has(name)));
  const indexes = new Set(there?.indexes.filter((index) => index.plain).map(indexMark));
  const keys = new Set(there?.foreignKeys.map(foreignKeyMark));
  const isOurs = (mark: string, present: ReadonlySet<string>, made: readonly string[] | undefined): boolean =>
    !present.has(mark) || made?.includes(mark) === true;
  return {
    owner: difference.owner,
    schema: table.schema,
    table: table.name,
    entity: table.entity,
    whole: there === undefined || earlier?.whole === true,
    columns: table.columns.map((column) => column.name).filter((name) => isOurs(name, had, earlier?.columns)),
    indexes: table.indexes
      .filter(
        (index) => there === undefined || isAsked(index, { wanted: table, actual: there, made: earlier }),
      )
      .map(indexMark)
      .filter((mark) => isOurs(mark, indexes, earlier?.indexes)),
    foreignKeys: table.foreignKeys
      .map(foreignKeyMark)
      .filter((mark) => isOurs(mark, keys, earlier?.foreignKeys)),
  };
}
