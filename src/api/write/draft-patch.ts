/** From a patch to the draft of what an update sets: absent leaves a field, null clears it or sets its default. */

import { refuseValue } from "../../plan/refuse-value.ts";
import { draftColumn, draftListRows, draftReference } from "./draft-row.ts";
import { fieldOf, type Input } from "./input-field.ts";
import type { DraftBook, RowDraft } from "./row-draft.ts";

/** Drafts the fields of `set` into `row`. @throws {BAD_USER_INPUT} naming the field */
export function draftPatch(book: DraftBook, row: RowDraft, set: Input): void {
  for (const [name, value] of Object.entries(set)) {
    if (value === undefined) continue;
    const place = `set.${name}`;
    const known = fieldOf(row.entity, name, "set");
    if (known.kind === "reference") draftReference(book, row, { reference: known.reference, value, place });
    else if (known.kind === "column") {
      if (known.column.inKey)
        refuseValue(place, value, "would change the key", "Create a row with the new key instead.");
      draftColumn(book, row, { column: known.column, value, place });
    } else if (known.kind === "list") {
      row.givenLists.add(known.list.entity);
      draftListRows(book, row, { list: known.list, value, place });
    } else
      refuseValue(place, value, "is a list of other rows", "Create, update or delete those rows themselves.");
  }
}
