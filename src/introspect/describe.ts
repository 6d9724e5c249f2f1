/** Catalog → description. Pure: what is not in the catalog is not asked. */

import type { ModelContext } from "../model/model.ts";
import { lowerFirst, pascalCase, snakeCase, upperFirst } from "../model/naming.ts";
import { pluralName } from "../model/plural.ts";
import type { Catalog } from "../sql/catalog.ts";
import { tableComment } from "../sql/comment.ts";
import type { DescribedTable, Description, Note } from "./description.ts";
import type { Draft, DraftReference } from "./draft.ts";
import { draftTables } from "./drafts.ts";
import { Enums } from "./enums.ts";
import { FieldNames } from "./field-names.ts";
import { type FieldPlace, fieldsOf } from "./fields.ts";
import { indexWords } from "./index-words.ts";
import { nameOf } from "./settle.ts";
import { tableOrder } from "./table-order.ts";
import { type EntityName, TypeNames } from "./type-names.ts";

/** Every table of the schemas, in their order. */
export function describe(catalog: Catalog, schemas: readonly string[], context: ModelContext): Description {
  const { drafts, notes } = draftTables(catalog, schemas, context);
  const order = tableOrder(drafts, schemas);
  const names = new TypeNames(context);
  const entities = nameEntities(order, names);
  const told: Note[] = [...notes, ...renamed(order, entities)];
  const enums = new Enums(names);
  const fields = nameFields(order, entities);
  const tables = order.map((draft) => {
    const place = { draft, entities, enums, names: fields, indexes: indexWords(draft) };
    return describeTable(place, told);
  });
  return { schemas, tables, enums: enums.all, notes: told };
}

/** Masters first: the names of parts begin with theirs. */
function nameEntities(order: readonly Draft[], names: TypeNames): ReadonlyMap<string, EntityName> {
  const found = new Map<string, EntityName>();
  for (const draft of order.filter(({ name }) => name.part === undefined))
    found.set(draft.id, names.entity({ usual: pascalCase(draft.name.base), schema: draft.table.schema }));
  for (const draft of order.filter(({ name }) => name.part !== undefined)) {
    const master = masterOf(draft, order);
    const before = master === undefined ? "" : (found.get(master.id)?.entity ?? "");
    const usual = `${before}${pascalCase(draft.name.part ?? "")}`;
    found.set(draft.id, names.entity({ usual, schema: draft.table.schema }));
  }
  return found;
}

function masterOf(draft: Draft, order: readonly Draft[]): Draft | undefined {
  return order.find(({ table }) => table.schema === draft.table.schema && table.name === draft.name.master);
}

function renamed(order: readonly Draft[], entities: ReadonlyMap<string, EntityName>): readonly Note[] {
  return order.flatMap((draft) => {
    const usual = pascalCase(`${draft.name.base}_${draft.name.part ?? ""}`);
    const entity = entities.get(draft.id)?.entity ?? usual;
    if (entity === usual) return [];
    return [{ table: nameOf(draft), message: `called ${entity}: the name ${usual} is taken` }];
  });
}

/** Own fields of every table first, then what leads back to it. */
function nameFields(order: readonly Draft[], entities: ReadonlyMap<string, EntityName>): FieldPlace["names"] {
  const names = new Map(
    order.map((draft) => {
      const columns = draft.references.flatMap((one) => one.columns.map(({ column }) => column));
      return [draft.id, new FieldNames(new Set(columns))] as const;
    }),
  );
  const columns = new Map<string, string>();
  const references = new Map<DraftReference, { name: string; reverse?: string }>();
  for (const draft of order) {
    const own = names.get(draft.id);
    if (own === undefined) continue;
    for (const column of ownColumns(draft)) columns.set(`${draft.id}\0${column}`, own.column(column));
    for (const reference of draft.references) {
      const target = entities.get(reference.target)?.entity ?? "";
      references.set(reference, {
        name: own.reference(reference, target, (column) => isIndexed(draft, column)),
      });
    }
  }
  for (const draft of order)
    for (const reference of draft.references)
      nameReverse({ draft, reference }, { names, entities, references });
  return {
    column: (draft, column) =>
      columns.get(`${draft.id}\0${column}`) ?? names.get(draft.id)?.scalar(column) ?? column,
    reference: (reference) => references.get(reference) ?? { name: "" },
  };
}

/** Whether an index or a unique names the column by itself. */
function isIndexed(draft: Draft, column: string): boolean {
  const { uniques, indexes } = indexWords(draft);
  return [...uniques, ...indexes].some(
    (columns) => columns.includes(column) && !draft.references.some((one) => sameColumns(one, columns)),
  );
}

/** Visible columns that no reference brings. */
function ownColumns({ table, words, references }: Draft): readonly string[] {
  const brought = new Set(references.flatMap(({ columns }) => columns.map(({ column }) => column)));
  return table.columns.map(({ name }) => name).filter((name) => words.has(name) && !brought.has(name));
}

interface ReverseNames {
  readonly names: ReadonlyMap<string, FieldNames>;
  readonly entities: ReadonlyMap<string, EntityName>;
  readonly references: Map<DraftReference, { name: string; reverse?: string }>;
}

/** The rule of `src/model/entity.ts` gives the usual name. */
function nameReverse(
  { draft, reference }: { readonly draft: Draft; readonly reference: DraftReference },
  { names, entities, references }: ReverseNames,
): void {
  const given = references.get(reference);
  const own = entities.get(draft.id);
  if (given === undefined || own === undefined) return;
  const singular = lowerFirst(own.entity);
  const columns = new Set(reference.columns.map(({ column }) => column));
  const sets = [draft.table.key, ...indexWords(draft).uniques];
  const isUnique = sets.some((set) => set.every((column) => columns.has(column)));
  const usual = isUnique ? singular : (own.plural ?? pluralName(singular));
  const target = entities.get(reference.target)?.entity ?? "";
  const longer = `${usual}As${upperFirst(given.name)}`;
  const isPlain = given.name === lowerFirst(target);
  const name = names.get(reference.target)?.reverse(isPlain ? [usual, longer] : [longer, usual]) ?? usual;
  references.set(reference, name === usual ? given : { ...given, reverse: name });
}

function describeTable(place: FieldPlace, notes: Note[]): DescribedTable {
  const { draft, entities, indexes, names } = place;
  const { table, name } = draft;
  const { entity, plural } = entities.get(draft.id) ?? { entity: "" };
  const master = [...entities].find(([id]) => id === `${table.schema}\0${name.master}`)?.[1].entity;
  const before = notes.length;
  const fields = fieldsOf(place, notes);
  for (const columns of indexes.unsaid)
    notes.push({
      table: nameOf(draft),
      message: `the index over (${columns.join(", ")}) stays, and is not written here`,
    });
  const remarks = notes
    .slice(before)
    .map(({ column, message }) => (column === undefined ? message : `${column}: ${message}`));
  const base = baseOf(entity, master);
  const wanted = name.part ?? name.base;
  const said = (columns: readonly string[]): readonly string[] =>
    columns.map((column) => names.column(draft, column));
  return {
    entity,
    schema: table.schema,
    tier: name.tier,
    ...(master === undefined ? {} : { partOf: master }),
    ...(base === wanted ? {} : { tableName: wanted }),
    ...(plural === undefined ? {} : { plural }),
    description: tableComment(table.comment),
    fields,
    uniques: indexes.uniques.filter((columns) => !isOneField(place, columns)).map(said),
    indexes: indexes.indexes.map(said),
    remarks,
  };
}

/** Whether a unique stands on a field. */
function isOneField({ draft }: FieldPlace, columns: readonly string[]): boolean {
  const isReference = draft.references.some((one) => sameColumns(one, columns));
  return isReference || (columns.length === 1 && ownColumns(draft).includes(columns[0] ?? ""));
}

function sameColumns({ columns }: DraftReference, list: readonly string[]): boolean {
  return columns.map(({ column }) => column).join() === list.join();
}

/** As `src/model/table-name.ts` derives it. */
function baseOf(entity: string, master: string | undefined): string {
  const rest = master !== undefined && entity.startsWith(master) ? entity.slice(master.length) : "";
  return snakeCase(/^[A-Z]/.test(rest) ? rest : entity);
}
