/** Schema text → Model: every check in one go. The one entry into this folder. */

import { ColumnResolver } from "./column.ts";
import { checkRequiredCycles } from "./cycle.ts";
import type { EntityDraft, ListDraft, Scope } from "./draft.ts";
import { makeEntity } from "./entity.ts";
import { draftEntities } from "./entity-draft.ts";
import { buildEnums } from "./enum.ts";
import { freezeModel } from "./freeze.ts";
import { layOut } from "./layout.ts";
import { makeListPart } from "./list-part.ts";
import type { Child, Entity, Model, ModelContext } from "./model.ts";
import {
  checkDerivedNames,
  checkFieldNames,
  checkListTables,
  checkRootFields,
  checkTypeNames,
} from "./name-check.ts";
import { Problems } from "./problems.ts";
import { checkRenames } from "./rename.ts";
import { readDefinitions, type SchemaFile } from "./source.ts";
import { nameTables } from "./table-name.ts";

/**
 * Parses and checks a schema.
 *
 * @throws {SCHEMA_INVALID} naming every fault as `file:line:column message. remedy`, one a line; `details.problems` has them as data.
 */
export function parseModel(files: readonly SchemaFile[], context: ModelContext): Model {
  const problems = new Problems();
  const definitions = readDefinitions(files, problems);
  const enums = buildEnums(definitions.enums, problems);
  const scope: Scope = {
    objectNames: new Set(definitions.objects.map((node) => node.name.value)),
    enums,
    enumNames: new Set(definitions.enums.map((node) => node.name.value)),
    context,
    problems,
  };
  checkTypeNames(definitions, context, problems);
  const drafts = draftEntities(definitions, scope);
  checkDerivedNames(drafts, definitions, problems);
  checkRenames(drafts, problems);
  const entities = resolveEntities(drafts, scope);
  problems.throwIfAny();
  return freezeModel({ schema: definitions.schema, entities, enums: [...enums.values()] }, context);
}

/** Drafts → entities with their list parts and children; a faulty one is left out. */
function resolveEntities(
  drafts: readonly EntityDraft[],
  { objectNames, problems }: Scope,
): readonly Entity[] {
  const byName = new Map(drafts.map((draft) => [draft.name, draft]));
  const names = nameTables(drafts, objectNames, problems);
  const resolver = new ColumnResolver(byName, names, problems);
  const entities: Entity[] = [];
  for (const draft of drafts) {
    const name = names.get(draft.name);
    checkKey(draft, problems);
    const layout = layOut(draft, resolver, problems);
    if (layout === undefined || name === undefined) continue;
    const entity = makeEntity({ draft, layout, name, problems });
    entities.push(...withListParts(entity, draft, problems));
  }
  const linked = linkChildren(entities);
  checkFieldNames(linked, problems);
  checkRootFields(linked, problems);
  checkListTables(linked, problems);
  checkRequiredCycles(linked, problems);
  return linked;
}

function checkKey(draft: EntityDraft, problems: Problems): void {
  if (draft.hasKey) return;
  problems.at(draft.node)(
    `${draft.label} has no key`,
    "Put @key on the field, or the fields, that tell its rows apart.",
  );
}

function withListParts(entity: Entity, draft: EntityDraft, problems: Problems): readonly Entity[] {
  const lists = draft.fields.filter((field): field is ListDraft => field.kind === "list");
  const parts = lists.flatMap((list) => makeListPart(entity, list, problems) ?? []);
  const codecLists = parts.map((part) => ({
    field: part.listOf?.field ?? "",
    entity: part.name,
    description: part.description,
  }));
  return [{ ...entity, lists: codecLists }, ...parts];
}

function linkChildren(entities: readonly Entity[]): readonly Entity[] {
  const children = new Map<string, Child[]>(entities.map((entity) => [entity.name, []]));
  for (const entity of entities) {
    for (const reference of entity.references) {
      children.get(reference.target)?.push({
        field: reference.reverse,
        entity: entity.name,
        reference: reference.field,
        unique: reference.unique,
      });
    }
  }
  return entities.map((entity) => ({ ...entity, children: children.get(entity.name) ?? [] }));
}
