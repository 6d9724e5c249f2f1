/** Lineage rows that are missing, wrong or left over, for tables that are there. */

import { type Change, script } from "./change.ts";
import { type Difference, madeOf, readable, type TablePair } from "./difference.ts";
import { deleteLineage, insertLineage } from "./lineage.ts";
import { foreignKeyMark } from "./mark.ts";
import { tableId } from "./wanted.ts";

/** Rows of columns that the model does not know are the business of whoever made them. */
export function lineageChanges(difference: Difference): readonly Change[] {
  const foreign = new Set(
    difference.existing.flatMap((pair) =>
      [...columnsLedElsewhere(difference, pair)].map((column) => `${readable(pair.wanted)}.${column}`),
    ),
  );
  return difference.existing.flatMap((pair) => lineageOfPair(difference, pair, foreign));
}

/** `foreign`: columns, as `schema.table.column`, whose own origin the model does not know, nor that of those that come from them. */
function lineageOfPair(
  difference: Difference,
  { wanted, actual }: TablePair,
  foreign: ReadonlySet<string>,
): Change[] {
  const rows = difference.catalog.lineage.get(wanted.schema)?.get(wanted.name) ?? new Map<string, string>();
  const wrong = new Map(
    [...wanted.lineage].filter(([column, origin]) => rows.get(column) !== origin && !foreign.has(origin)),
  );
  const known = new Set(wanted.columns.map((column) => column.name));
  const removed = difference.removed.get(`${wanted.schema}\0${wanted.name}`);
  const present = new Set(actual.columns.map((column) => column.name));
  const over = [...rows.keys()].filter((column) => {
    const unknown = !known.has(column) && present.has(column) && removed?.has(column) !== true;
    return !wanted.lineage.has(column) && !unknown && !foreign.has(`${readable(wanted)}.${column}`);
  });
  const statements = [
    ...(over.length === 0 ? [] : [deleteLineage(wanted.schema, wanted.name, over)]),
    ...(wrong.size === 0 ? [] : [insertLineage(wanted.schema, wanted.name, wrong)]),
  ];
  if (statements.length === 0) return [];
  const summary = `Set the lineage of ${readable(wanted)} (${[...wrong.keys(), ...over].join(", ")})`;
  const where = { entity: wanted.entity, table: readable(wanted) };
  return [{ kind: "lineage", summary, sql: script(statements), destructive: false, ...where }];
}

/** Columns of foreign keys that others have made and the model does not have: where they come from is not the model's to say. */
function columnsLedElsewhere(difference: Difference, { wanted, actual }: TablePair): ReadonlySet<string> {
  const ours = madeOf(difference, tableId(wanted.schema, wanted.name))?.foreignKeys ?? [];
  const known = new Set([...wanted.foreignKeys.map(foreignKeyMark), ...ours]);
  const others = actual.foreignKeys.filter((key) => !known.has(foreignKeyMark(key)));
  return new Set(others.flatMap((key) => key.columns));
}
