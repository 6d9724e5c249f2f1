/** Uniques and indexes of a table → `@unique` and `@index`; those that follow from the references need no word. */

import { type IndexedEntity, wantedIndexes } from "../sql/indexes.ts";
import { indexMark } from "../sql/mark.ts";
import type { Draft } from "./draft.ts";
import { isHidden } from "./read-column.ts";

/** Column lists, in the order of the catalog. */
export interface IndexWords {
  readonly uniques: readonly (readonly string[])[];
  readonly indexes: readonly (readonly string[])[];
  /** Column lists of those for which there is no word. */
  readonly unsaid: readonly (readonly string[])[];
}

export function indexWords(draft: Draft): IndexWords {
  const { table, references } = draft;
  const lists = new Map(
    table.indexes
      .filter(({ plain, columns }) => plain && columns.length > 0 && !columns.some(isHidden))
      .map(({ columns, unique }) => [indexMark({ columns, unique }), { columns, unique }]),
  );
  const found = [...lists.values()];
  const said = found.filter(({ columns }) => columns.every((column) => isComparable(draft, column)));
  const key = table.key.toSorted().join();
  // The key is unique already.
  const uniques = said
    .filter(({ unique, columns }) => unique && columns.toSorted().join() !== key)
    .map(({ columns }) => columns);
  const plain = said.filter(({ unique }) => !unique).map(({ columns }) => columns);
  return {
    uniques,
    indexes: written(
      { key: table.key, uniques: uniques.map((columns) => ({ columns })), indexes: [], references },
      plain,
    ),
    unsaid: found.filter((one) => !said.includes(one)).map(({ columns }) => columns),
  };
}

/** The indexes that would not be there without being written: what is written may make others superfluous, so it is tried. */
function written(base: IndexedEntity, plain: readonly (readonly string[])[]): readonly (readonly string[])[] {
  const ofReferences = new Set(
    base.references.map(({ columns }) => columns.map(({ column }) => column).join()),
  );
  let indexes = plain.filter((columns) => !ofReferences.has(columns.join())).map((columns) => ({ columns }));
  for (const columns of plain) {
    const given = new Set(wantedIndexes({ ...base, indexes }).map(indexMark));
    if (!given.has(indexMark({ columns, unique: false }))) indexes = [...indexes, { columns }];
  }
  return plain.filter((columns) => indexes.some((one) => one.columns === columns));
}

function isComparable({ words, references }: Draft, column: string): boolean {
  if (references.some(({ columns }) => columns.some((pair) => pair.column === column))) return true;
  return words.get(column)?.comparable === true;
}
