/** Drafts and layouts → entities, their references named on both sides. */

import type { ReferenceColumns } from "./column.ts";
import { indexColumnLimit, indexesOf, uniquesOf } from "./column-set.ts";
import type { EntityDraft } from "./draft.ts";
import type { Layout } from "./layout.ts";
import type { ColumnSet, Entity, FieldOrder, Reference } from "./model.ts";
import { locationOf, type Problems } from "./problems.ts";
import type { TableName } from "./table-name.ts";

/** An entity before its children and lists are known. */
export interface EntityParts {
  readonly draft: EntityDraft;
  readonly layout: Layout;
  readonly name: TableName;
  readonly problems: Problems;
}

/** Makes an entity; `children` and `lists` are empty still. */
export function makeEntity({ draft, layout, name, problems }: EntityParts): Entity {
  const uniques = uniquesOf({ draft, layout, problems });
  const indexes = indexesOf({ draft, layout, problems });
  const key = layout.columns.filter((column) => column.inKey).map((column) => column.name);
  if (key.length > indexColumnLimit) {
    problems.at(draft.node)(
      `${draft.label}: its key spans ${key.length} columns, and PostgreSQL takes ${indexColumnLimit}`,
      "Give it a key of its own, and refer to the others without @key.",
    );
  }
  const expires = expiresOf(draft, problems);
  return {
    name: draft.name,
    singular: draft.singular,
    plural: draft.plural,
    description: draft.description,
    schema: draft.schema,
    table: name.table,
    tier: name.tier,
    ...(draft.partOf === undefined ? {} : { partOf: draft.partOf }),
    columns: layout.columns,
    references: layout.references.map((each) => makeReference(each, { draft, key, uniques })),
    children: [],
    lists: [],
    fields: draft.fields.map(fieldOrder),
    key,
    uniques,
    indexes,
    ...(expires === undefined ? {} : { expires }),
    ...(draft.renamedFrom === undefined ? {} : { renamedFrom: draft.renamedFrom }),
    ...(name.renamedFromTable === undefined ? {} : { renamedFromTable: name.renamedFromTable }),
    location: locationOf(draft.node),
  };
}

function fieldOrder(field: EntityDraft["fields"][number]): FieldOrder {
  if (field.kind === "attribute") return { kind: "column", name: field.name, column: field.column };
  return { kind: field.kind, name: field.name };
}

interface ReferenceOwner {
  readonly draft: EntityDraft;
  readonly key: readonly string[];
  readonly uniques: readonly ColumnSet[];
}

function makeReference({ reference, pairs }: ReferenceColumns, owner: ReferenceOwner): Reference {
  const own = new Set(pairs.map(({ column }) => column.name));
  const sets = [owner.key, ...owner.uniques.map((set) => set.columns)];
  const unique = sets.some((set) => set.every((column) => own.has(column)));
  return {
    field: reference.name,
    target: reference.target,
    columns: pairs.map(({ column, target }) => ({ column: column.name, target })),
    inKey: reference.inKey,
    nullable: reference.nullable,
    unique,
    reverse: reference.reverse ?? (unique ? owner.draft.singular : owner.draft.plural),
    description: reference.description,
    location: locationOf(reference.node),
  };
}

function expiresOf(draft: EntityDraft, problems: Problems): string | undefined {
  const table = draft.uses.one("table");
  const name = table?.text("expires");
  if (table === undefined || name === undefined) return undefined;
  const field = draft.fields.find((each) => each.name === name);
  const report = problems.at(table.place("expires"));
  if (field?.kind === "attribute" && field.type.graphql === "DateTime" && field.type.list === undefined) {
    if (field.default?.startsWith("CURRENT_TIMESTAMP") !== true) return field.column;
    return report(
      `${draft.label}: expires names ${name}, whose default is the time of writing: such rows would go at once`,
      "Remove the default, or name a field with the time until which a row is kept.",
    );
  }
  if (field === undefined && draft.fieldNames.has(name)) return undefined;
  return report(
    `${draft.label}: expires names ${name}, which is no DateTime field of it`,
    "Name a field of type DateTime.",
  );
}
