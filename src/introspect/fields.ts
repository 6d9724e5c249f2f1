/** The fields of one table, in the order in which they are written: the key, then the others as the columns stand. */

import { camelCase, snakeCase } from "../model/naming.ts";
import { scalarRules } from "../model/spec.ts";
import type { CatalogColumn } from "../sql/catalog.ts";
import { defaultText } from "./default-text.ts";
import type { DescribedField, Note } from "./description.ts";
import type { Draft, DraftReference } from "./draft.ts";
import type { Enums } from "./enums.ts";
import type { IndexWords } from "./index-words.ts";
import { keyOrder } from "./key-order.ts";
import type { ColumnWords } from "./read-column.ts";
import { nameOf } from "./settle.ts";
import type { EntityName } from "./type-names.ts";

/** A table with the names that it has been given. */
export interface FieldPlace {
  readonly draft: Draft;
  readonly entities: ReadonlyMap<string, EntityName>;
  readonly enums: Enums;
  readonly indexes: IndexWords;
  readonly names: {
    /** Field of a column, those of references included. */
    readonly column: (draft: Draft, column: string) => string;
    readonly reference: (reference: DraftReference) => { readonly name: string; readonly reverse?: string };
  };
}

export function fieldsOf(place: FieldPlace, notes: Note[]): readonly DescribedField[] {
  const { draft } = place;
  const order = keyOrder(draft);
  const members = "members" in order ? order.members : [];
  const key = members.map((member) =>
    member.kind === "reference"
      ? referenceField(place, member.reference)
      : columnField(place, columnOf(draft, member.column), notes),
  );
  const told = new Set(
    members.map((member) => (member.kind === "reference" ? member.reference : member.column)),
  );
  return [...key.flatMap((field) => field ?? []), ...otherFields(place, told, notes)];
}

/** A reference stands where the first of its columns does that is not there already. */
function otherFields(
  place: FieldPlace,
  told: Set<string | DraftReference>,
  notes: Note[],
): readonly DescribedField[] {
  const { draft } = place;
  const fields: DescribedField[] = [];
  const given = new Set(draft.table.key);
  const add = (reference: DraftReference): void => {
    told.add(reference);
    for (const { column } of reference.columns) given.add(column);
    fields.push(referenceField(place, reference));
  };
  for (const column of draft.table.columns) {
    if (told.has(column.name) || given.has(column.name)) continue;
    const users = draft.references.filter((one) => !told.has(one) && uses(one, column.name));
    for (const reference of users) add(reference);
    if (users.length > 0 || given.has(column.name)) continue;
    const field = columnField(place, column, notes);
    if (field !== undefined) fields.push(field);
  }
  for (const reference of draft.references) if (!told.has(reference)) add(reference);
  return fields;
}

function uses({ columns }: DraftReference, name: string): boolean {
  return columns.some(({ column }) => column === name);
}

function columnOf({ table }: Draft, name: string): CatalogColumn | undefined {
  return table.columns.find((column) => column.name === name);
}

function referenceField({ entities, indexes, names }: FieldPlace, reference: DraftReference): DescribedField {
  const { name, reverse } = names.reference(reference);
  const columns = reference.columns.map(({ column }) => column);
  const isRenamed = reference.columns.some(({ column, target }) => column !== target);
  return {
    name,
    type: entities.get(reference.target)?.entity ?? "",
    nullable: reference.nullable,
    inKey: reference.inKey,
    unique: indexes.uniques.some((set) => set.join() === columns.join()),
    description: "",
    ...(isRenamed ? { columns } : {}),
    ...(reverse === undefined ? {} : { reverse }),
  };
}

function columnField(
  place: FieldPlace,
  column: CatalogColumn | undefined,
  notes: Note[],
): DescribedField | undefined {
  const { draft, enums, entities, indexes, names } = place;
  if (column === undefined) return undefined;
  const tell = (message: string): void => {
    notes.push({ table: nameOf(draft), column: column.name, message });
  };
  const words = draft.words.get(column.name);
  if (words === undefined) {
    const why = draft.unsaid.get(column.name);
    if (why !== undefined) tell(leftOut(column, why));
    return undefined;
  }
  const name = names.column(draft, column.name);
  const entity = entities.get(draft.id)?.entity ?? "";
  const type =
    words.labels === undefined ? undefined : enums.of({ labels: words.labels, column: column.name, entity });
  const value = defaultText(
    column,
    words,
    (stored) => type?.values.find((one) => one.stored === stored)?.name,
  );
  if (value === undefined) tell(`its default ${column.default} stays, and is not written here`);
  return {
    name,
    type: type?.name ?? words.graphql ?? "",
    nullable: column.nullable,
    inKey: draft.table.key.includes(column.name),
    unique: indexes.uniques.some((set) => set.length === 1 && set[0] === column.name),
    description: words.description,
    column: columnWords(column, words, { name, value }),
    ...(words.codec === undefined ? {} : { codec: words.codec }),
  };
}

function leftOut(column: CatalogColumn, why: string): string {
  const needed = !column.nullable && column.default === null && !column.generated;
  return `left out: ${why}${needed ? "; it needs a value in every row, so that no row can be created here" : ""}`;
}

function columnWords(
  column: CatalogColumn,
  words: ColumnWords,
  { name, value }: { readonly name: string; readonly value: string | null | undefined },
): NonNullable<DescribedField["column"]> {
  const isUsual = snakeCase(name) === column.name && camelCase(column.name) === name;
  const isUsualType = words.spec === scalarRules.get(words.graphql ?? "")?.spec;
  return {
    ...(isUsual ? {} : { name: column.name }),
    ...(words.spec === undefined || isUsualType ? {} : { type: words.spec }),
    ...(words.native === undefined ? {} : { native: words.native }),
    ...(value === null || value === undefined ? {} : { default: value }),
  };
}
