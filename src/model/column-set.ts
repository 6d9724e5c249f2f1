/** `@unique` and `@index` → sets of columns. */

import type { DirectiveUse } from "./directive.ts";
import type { EntityDraft } from "./draft.ts";
import type { Layout } from "./layout.ts";
import type { Column, ColumnSet } from "./model.ts";
import type { Problems } from "./problems.ts";

/** Most columns of a key, a unique or an index in PostgreSQL. */
export const indexColumnLimit = 32;

/** An entity with its columns, and where faults of its sets go. */
export interface SetOwner {
  readonly draft: EntityDraft;
  readonly layout: Layout;
  readonly problems: Problems;
}

/** Every unique of an entity, those of the type first. */
export function uniquesOf(owner: SetOwner): readonly ColumnSet[] {
  const key = owner.layout.columns.filter((column) => column.inKey).map((column) => column.name);
  const sets: ColumnSet[] = [];
  for (const { use, fields } of uniqueUses(owner)) {
    const set = columnSet(use, fields, owner);
    if (set === undefined) continue;
    if (sameColumns(set.columns, key)) {
      owner.problems.at(use.node)(
        `${owner.draft.label}: @unique(${fields.join(", ")}) is the key, which is unique already`,
        "Remove it.",
      );
    } else addSet(sets, set, { use, owner });
  }
  return sets;
}

/** Every index of an entity. */
export function indexesOf(owner: SetOwner): readonly ColumnSet[] {
  const sets: ColumnSet[] = [];
  for (const use of owner.draft.uses.all("index")) {
    const set = columnSet(use, use.texts("fields"), owner);
    if (set !== undefined) addSet(sets, set, { use, owner });
  }
  return sets;
}

function uniqueUses(owner: SetOwner): { use: DirectiveUse; fields: readonly string[] }[] {
  const uses: { use: DirectiveUse; fields: readonly string[] }[] = [];
  for (const use of owner.draft.uses.all("unique")) {
    if (use.has("fields")) uses.push({ use, fields: use.texts("fields") });
    else {
      owner.problems.at(use.node)(
        `${owner.draft.label}: @unique on a type needs its fields`,
        'Write @unique(fields: ["…"]).',
      );
    }
  }
  for (const field of owner.draft.fields) {
    for (const use of field.uses.all("unique")) {
      if (!use.has("fields")) uses.push({ use, fields: [field.name] });
      else {
        owner.problems.at(use.node)(
          `${field.label}: @unique on a field takes no fields`,
          "Remove fields, or put the directive on the type.",
        );
      }
    }
  }
  return uses;
}

interface AddedSet {
  readonly use: DirectiveUse;
  readonly owner: SetOwner;
}

function addSet(sets: ColumnSet[], set: ColumnSet, { use, owner }: AddedSet): void {
  if (!sets.some((other) => other.columns.join() === set.columns.join())) {
    sets.push(set);
    return;
  }
  owner.problems.at(use.node)(
    `${owner.draft.label}: @${use.node.name.value}(${set.fields.join(", ")}) stands twice`,
    "Keep one of them.",
  );
}

function sameColumns(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((each) => b.includes(each));
}

function columnSet(use: DirectiveUse, names: readonly string[], owner: SetOwner): ColumnSet | undefined {
  const columns: Column[] = [];
  for (const name of names) {
    const found = columnsOf(name, use, owner);
    if (found === undefined) return undefined;
    const twice = found.find((column) => columns.includes(column));
    if (twice !== undefined) {
      return owner.problems.at(use.place("fields"))(
        `${owner.draft.label}: @${use.node.name.value} names the column ${twice.name} twice`,
        "Name it once.",
      );
    }
    columns.push(...found);
  }
  if (columns.length > indexColumnLimit) {
    return owner.problems.at(use.node)(
      `${owner.draft.label}: @${use.node.name.value} spans ${columns.length} columns, and PostgreSQL takes ${indexColumnLimit}`,
      "Name fewer fields.",
    );
  }
  return { columns: columns.map((column) => column.name), fields: columns.map((column) => column.field) };
}

function columnsOf(name: string, use: DirectiveUse, owner: SetOwner): readonly Column[] | undefined {
  const { draft, layout } = owner;
  const field = draft.fields.find((each) => each.name === name);
  const directive = `@${use.node.name.value}`;
  const report = owner.problems.at(use.place("fields"));
  if (field === undefined) {
    const scalar = layout.columns.find((column) => column.exposed && column.field === name);
    if (scalar !== undefined) return [scalar];
    if (draft.fieldNames.has(name)) return undefined;
    return report(
      `${draft.label}: ${directive} names ${name}, which is no field of it`,
      "Name a field of the type.",
    );
  }
  if (field.kind === "reference") {
    const pairs = layout.references.find((each) => each.reference === field)?.pairs ?? [];
    return pairs.flatMap(({ column }) => layout.columns.filter((each) => each.name === column.name));
  }
  if (field.kind === "attribute" && isComparable(field.type)) {
    return layout.columns.filter((column) => column.name === field.column);
  }
  const what =
    field.kind === "list" || field.type.codec !== undefined ? "a codec field" : "a field of json or bytes";
  return report(`${draft.label}: ${directive} names ${name}, ${what}`, "Name fields that SQL can compare.");
}

function isComparable(type: Column["type"]): boolean {
  return type.codec === undefined && type.spec !== "json" && type.spec !== "bytes";
}
