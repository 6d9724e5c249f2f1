/** Catalog → drafts: every table whose name, kind and columns can be said, with the references that it may have. */

import { checkSchemaName } from "../model/identifier.ts";
import type { ModelContext } from "../model/model.ts";
import type { Catalog, CatalogTable } from "../sql/catalog.ts";
import { foreignKeyMark } from "../sql/mark.ts";
import { tableId } from "../sql/wanted.ts";
import type { Note } from "./description.ts";
import type { Draft, DraftReference } from "./draft.ts";
import { type ColumnWords, isHidden, readColumn } from "./read-column.ts";
import { referenceOf } from "./reference.ts";
import { nameOf, type Settled, settle, unsaidKey } from "./settle.ts";
import { readTableName } from "./table-name.ts";

/** The drafts that hold together, and what is told of everything else. */
export function draftTables(catalog: Catalog, schemas: readonly string[], context: ModelContext): Settled {
  const notes: Note[] = [];
  const bare = new Map<string, Draft>();
  const labels = new Map(catalog.enums.map((type) => [tableId(type.schema, type.name), type.labels]));
  for (const table of catalog.tables.values()) {
    if (!schemas.includes(table.schema)) continue;
    const draft = draftOf(table, { context, labels });
    if ("why" in draft) notes.push({ table: nameOf({ table }), message: `left out: ${draft.why}` });
    else bare.set(draft.id, draft);
  }
  const linked = new Map<string, Draft>();
  for (const draft of bare.values())
    linked.set(draft.id, { ...draft, references: referencesOf(draft, { drafts: bare, schemas }, notes) });
  const settled = settle(linked);
  return { drafts: settled.drafts, notes: [...notes, ...settled.notes] };
}

interface Sources {
  readonly context: ModelContext;
  readonly labels: ReadonlyMap<string, readonly string[]>;
}

function draftOf(table: CatalogTable, { context, labels }: Sources): Draft | { readonly why: string } {
  if (table.kind === "view") return { why: "it is a view, and no table" };
  if (!checkSchemaName(table.schema, () => undefined))
    return { why: `the schema's name ${table.schema} is none that a schema file can write` };
  const name = readTableName(table.name);
  if (name === undefined)
    return { why: "its name is none that DataJoint gives: lower-case words joined by _" };
  const words = new Map<string, ColumnWords>();
  const unsaid = new Map<string, string>();
  for (const column of table.columns) {
    if (isHidden(column.name)) continue;
    const read = readColumn(column, {
      schema: table.schema,
      codecs: context.codecs,
      labelsOf: (type) => labels.get(tableId(type.schema, type.name)) ?? [],
    });
    if ("why" in read) unsaid.set(column.name, read.why);
    else words.set(column.name, read);
  }
  return { id: tableId(table.schema, table.name), table, name, words, unsaid, references: [] };
}

/** Foreign keys of hidden columns are Holdfast's own. */
function referencesOf(
  draft: Draft,
  known: Parameters<typeof referenceOf>[2],
  notes: Note[],
): readonly DraftReference[] {
  const visible = draft.table.foreignKeys.filter(({ columns }) => !columns.some(isHidden));
  const keys = new Map(visible.map((key) => [foreignKeyMark(key), key]));
  return [...keys.values()].flatMap((key) => {
    const reference = referenceOf(draft.table, key, known);
    if (!("why" in reference)) return [reference];
    notes.push(unsaidKey(draft, { key }, reference.why));
    return [];
  });
}
