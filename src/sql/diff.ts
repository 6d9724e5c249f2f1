/** Model and catalog → the changes that make the one of the other. Pure: nothing here asks the database. */

import type { Model } from "../model/model.ts";
import type { Catalog } from "./catalog.ts";
import { type Change, ordered } from "./change.ts";
import { columnChanges } from "./diff-column.ts";
import { foreignKeyChanges, indexChanges, keyChanges } from "./diff-constraint.ts";
import { lineageChanges } from "./diff-lineage.ts";
import { renameChanges } from "./diff-rename.ts";
import { createdTables, droppedTables, schemaChanges } from "./diff-table.ts";
import { typeChanges } from "./diff-type.ts";
import { columnFates, type Difference, namesLeft } from "./difference.ts";
import { columnRenames, tableRenames } from "./rename.ts";
import { withColumnRenames, withTableRenames } from "./renamed-catalog.ts";
import { wantedTables } from "./table.ts";
import { tableId, type WantedTable } from "./wanted.ts";
import { watchChanges } from "./watch.ts";

/** The changes in the order in which they must run; none where the database is as the model wants it. */
export function planChanges(model: Model, catalog: Catalog): readonly Change[] {
  return planTables(wantedTables(model), catalog, model.schema);
}

/** {@link planChanges}, for tables; `owner` names the schema file in the record of what applies have made. */
export function planTables(
  tables: readonly WantedTable[],
  catalog: Catalog,
  owner: string,
): readonly Change[] {
  const { difference, renames } = compare(tables, catalog, owner);
  const names = namesLeft(difference);
  return ordered([
    ...renames,
    ...schemaChanges(difference),
    ...typeChanges(difference),
    ...droppedTables(difference),
    ...difference.existing.flatMap((pair) => [
      ...columnChanges(difference, pair),
      ...keyChanges(difference, pair),
      ...indexChanges(difference, pair, names),
      ...foreignKeyChanges(difference, pair),
    ]),
    ...createdTables(difference, names),
    ...lineageChanges(difference),
    ...watchChanges(difference),
  ]);
}

/** Lays the two side by side: renames done, tables paired, and what becomes of each column decided. */
export function compare(
  tables: readonly WantedTable[],
  catalog: Catalog,
  owner: string,
): { readonly difference: Difference; readonly renames: readonly Change[] } {
  const ofTables = tableRenames(tables, catalog, owner);
  const named = withTableRenames(catalog, ofTables);
  const ofColumns = columnRenames(tables, named);
  const after = withColumnRenames(named, ofColumns);
  const renames = renameChanges({ tables: ofTables, columns: ofColumns }, named, after);
  const byId = new Map(tables.map((table) => [tableId(table.schema, table.name), table]));
  const existing = tables.flatMap((wanted) => {
    const actual = renames.catalog.tables.get(tableId(wanted.schema, wanted.name));
    return actual === undefined ? [] : [{ wanted, actual }];
  });
  const base = { tables, byId, existing, owner, catalog: renames.catalog, before: renames.before };
  return { difference: { ...base, ...columnFates(base) }, renames: renames.changes };
}
