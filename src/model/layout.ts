/** Lays out the columns of one entity: key first, shared columns once, references' columns at their place. */

import { type ColumnDraft, type ColumnResolver, finishColumn, type ReferenceColumns } from "./column.ts";
import type { AttributeDraft, EntityDraft, FieldDraft } from "./draft.ts";
import type { Column } from "./model.ts";
import { snakeCase } from "./naming.ts";
import type { Problems } from "./problems.ts";

/** Columns in table order, and what each reference uses of them. */
export interface Layout {
  readonly columns: readonly Column[];
  readonly references: readonly ReferenceColumns[];
}

/** One column with everything that uses it. */
interface Slot {
  readonly draft: ColumnDraft;
  readonly references: ReferenceColumns[];
}

/** Lays out an entity; `undefined` where one of its references could not be followed. */
export function layOut(
  entity: EntityDraft,
  resolver: ColumnResolver,
  problems: Problems,
): Layout | undefined {
  const slots = new Map<string, Slot>();
  const references: ReferenceColumns[] = [];
  let isSound = entity.hasKey && !entity.hasFaultyKey;
  for (const field of keyFirst(entity.fields)) {
    if (field.kind === "attribute") {
      const column = resolver.attributeColumn(entity, field);
      if (!addAttribute(slots, column, { field, problems })) isSound = false;
    } else if (field.kind === "reference") {
      const resolved = resolver.referenceColumns(entity, field);
      if (resolved === undefined) isSound = false;
      else if (addReference(slots, resolved, { entity, problems })) references.push(resolved);
      else isSound = false;
    }
  }
  if (!isSound) return undefined;
  const columns = [...slots.values()].map((slot) => finishSlot(slot, entity));
  for (const each of references) checkNullable(each, columns, problems);
  return { columns, references };
}

/** A reference whose every column is required through others can never be null. */
function checkNullable(
  { reference, pairs }: ReferenceColumns,
  columns: readonly Column[],
  problems: Problems,
): void {
  const own = columns.filter((column) => pairs.some((pair) => pair.column.name === column.name));
  if (!reference.nullable || own.some((column) => column.nullable)) return;
  problems.at(reference.node)(
    `${reference.label} is nullable, but shares all its columns with required references`,
    `Write ${reference.target}!, or give it a column of its own with @reference(columns: ["…"]).`,
  );
}

function keyFirst(fields: readonly FieldDraft[]): readonly FieldDraft[] {
  const isKey = (field: FieldDraft): boolean => field.kind !== "list" && field.inKey;
  return [...fields.filter(isKey), ...fields.filter((field) => !isKey(field))];
}

interface AttributePlace {
  readonly field: AttributeDraft;
  readonly problems: Problems;
}

function addAttribute(
  slots: Map<string, Slot>,
  draft: ColumnDraft,
  { field, problems }: AttributePlace,
): boolean {
  const taken = slots.get(draft.name);
  if (taken === undefined) {
    slots.set(draft.name, { draft, references: [] });
    return true;
  }
  const owner = taken.draft.attribute ?? taken.references[0]?.reference;
  problems.at(field.uses.one("column")?.place("name") ?? field.node)(
    `${field.label}: the column ${draft.name} belongs to field ${owner?.name} already`,
    taken.draft.attribute === undefined
      ? "Remove this field: the reference brings the column, and its scalar is readable."
      : 'Choose another with @column(name: "…").',
  );
  return false;
}

interface ReferencePlace {
  readonly entity: EntityDraft;
  readonly problems: Problems;
}

function addReference(
  slots: Map<string, Slot>,
  resolved: ReferenceColumns,
  { entity, problems }: ReferencePlace,
): boolean {
  const { reference, pairs } = resolved;
  const report = problems.at(reference.uses.one("reference")?.place("columns") ?? reference.node);
  for (const { column } of pairs) {
    const taken = slots.get(column.name);
    if (taken?.draft.attribute !== undefined) {
      report(
        `${reference.label}: its column ${column.name} is the column of field ${taken.draft.attribute.name} already`,
        takenRemedy(resolved, entity),
      );
      return false;
    }
    const other = taken?.references[0]?.reference;
    if (taken !== undefined && !sameType(taken.draft, column)) {
      report(
        `${reference.label}: it shares the column ${column.name} with field ${other?.name}, and their types differ: ${column.type.spec} and ${taken.draft.type.spec}`,
        'Rename one with @reference(columns: ["…"]).',
      );
      return false;
    }
  }
  if (hasTwin(slots, resolved, problems)) return false;
  for (const { column } of pairs) {
    const slot = slots.get(column.name) ?? { draft: column, references: [] };
    slot.references.push(resolved);
    slots.set(column.name, slot);
  }
  return true;
}

/** A row that refers to its own table needs columns beside its key; elsewhere the field is superfluous. */
function takenRemedy({ reference, pairs }: ReferenceColumns, entity: EntityDraft): string {
  const names = pairs.map(({ column }) => `"${snakeCase(reference.name)}_${column.name}"`).join(", ");
  const rename = `@reference(columns: [${names}])`;
  return reference.target === entity.name
    ? `Give the reference columns of its own: ${rename}.`
    : `Remove that field, whose value the reference gives, or write ${rename}.`;
}

function sameType(a: ColumnDraft, b: ColumnDraft): boolean {
  return a.type.spec === b.type.spec && a.type.sql === b.type.sql && a.type.enumSchema === b.type.enumSchema;
}

/** Two references to one target that use the same columns would always be the same row. */
function hasTwin(slots: ReadonlyMap<string, Slot>, resolved: ReferenceColumns, problems: Problems): boolean {
  const { reference, pairs } = resolved;
  const others = slots.get(pairs[0]?.column.name ?? "")?.references ?? [];
  const twin = others.find(
    (other) =>
      other.reference.target === reference.target &&
      other.pairs.every(({ column }, at) => column.name === pairs[at]?.column.name),
  );
  if (twin === undefined) return false;
  const names = pairs.map(({ column }) => `"${snakeCase(reference.name)}_${column.name}"`).join(", ");
  problems.at(reference.node)(
    `${reference.label}: it has the same columns as field ${twin.reference.name}, which refers to ${reference.target} too`,
    `Give it columns of its own, for example @reference(columns: [${names}]).`,
  );
  return true;
}

function finishSlot({ draft, references }: Slot, entity: EntityDraft): Column {
  const { attribute } = draft;
  const users = references.map((each) => each.reference);
  const inKey = attribute?.inKey ?? users.some((reference) => reference.inKey);
  const nullable = attribute?.nullable ?? users.every((reference) => reference.nullable);
  const column = finishColumn(draft, { inKey, nullable, exposed: true, references: users, entity });
  const isShadowed = attribute === undefined && users.some((reference) => reference.name === column.field);
  return isShadowed ? { ...column, exposed: false } : column;
}
