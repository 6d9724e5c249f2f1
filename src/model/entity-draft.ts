/** Object definitions → entity drafts. */

import type { FieldDefinitionNode, ObjectTypeDefinitionNode } from "graphql";
import { type DirectiveUse, readDirectives } from "./directive.ts";
import type { EntityDraft, FieldDraft, Scope } from "./draft.ts";
import { draftField } from "./field.ts";
import { checkDescription, checkSchemaName } from "./identifier.ts";
import type { Tier } from "./model.ts";
import { lowerFirst } from "./naming.ts";
import { pluralName } from "./plural.ts";
import type { Definitions } from "./source.ts";

/** Drafts every type with `@table`; others are reported. */
export function draftEntities(definitions: Definitions, scope: Scope): EntityDraft[] {
  const drafts: EntityDraft[] = [];
  for (const node of definitions.objects) {
    if (drafts.some((draft) => draft.name === node.name.value)) continue;
    const draft = draftEntity(node, definitions, scope);
    if (draft !== undefined) drafts.push(draft);
  }
  return drafts;
}

function draftEntity(
  node: ObjectTypeDefinitionNode,
  definitions: Definitions,
  scope: Scope,
): EntityDraft | undefined {
  const { problems } = scope;
  const name = node.name.value;
  const label = `Type ${name}`;
  checkTypeHead(node, label, scope);
  const uses = readDirectives(node.directives ?? [], { place: "type", label }, problems);
  const table = uses.one("table");
  if (table === undefined) {
    if (node.directives?.some((each) => each.name.value === "table") === true) return undefined;
    return problems.at(node)(`${label} has no @table`, "Add @table: every object type is a table.");
  }
  const { fields, fieldNames, hasFaultyKey } = draftFields(node, scope);
  const file = node.loc?.source.name ?? "";
  const ownSchema = schemaOf(table, scope);
  const partOf = table.text("partOf");
  const tableName = table.text("name");
  const singular = lowerFirst(name);
  const renamedFrom = uses.one("renamedFrom")?.text("name");
  return {
    name,
    label,
    node,
    uses,
    description: node.description?.value ?? "",
    schema: ownSchema ?? definitions.schemaOfFile.get(file) ?? definitions.schema,
    tier: tierOf(table),
    singular,
    plural: pluralOf(table, { singular, label, scope }),
    fields,
    fieldNames,
    hasKey: node.fields?.some(isKey) === true,
    hasFaultyKey,
    ...(partOf === undefined ? {} : { partOf }),
    ...(tableName === undefined ? {} : { tableName }),
    ...(renamedFrom === undefined ? {} : { renamedFrom }),
  };
}

function checkTypeHead(node: ObjectTypeDefinitionNode, label: string, { problems }: Scope): void {
  const face = node.interfaces?.[0];
  if (face !== undefined) {
    problems.at(face)(
      `${label}: interface ${face.name.value} is not part of the schema language`,
      "Remove implements: Node is added to every table.",
    );
  }
  checkDescription(node.description?.value ?? "", label, problems.at(node));
}

function isKey(field: FieldDefinitionNode): boolean {
  return field.directives?.some((each) => each.name.value === "key") === true;
}

function draftFields(
  node: ObjectTypeDefinitionNode,
  scope: Scope,
): Pick<EntityDraft, "fields" | "fieldNames" | "hasFaultyKey"> {
  const fields: FieldDraft[] = [];
  const fieldNames = new Set<string>();
  let hasFaultyKey = false;
  for (const field of node.fields ?? []) {
    const name = field.name.value;
    if (fieldNames.has(name)) {
      scope.problems.at(field)(`Field ${node.name.value}.${name} stands twice`, "Keep one of them.");
      continue;
    }
    fieldNames.add(name);
    const draft = draftField(node.name.value, field, scope);
    if (draft !== undefined) fields.push(draft);
    else if (isKey(field)) hasFaultyKey = true;
  }
  return { fields, fieldNames, hasFaultyKey };
}

function schemaOf(table: DirectiveUse, { problems }: Scope): string | undefined {
  const schema = table.text("schema");
  if (schema === undefined) return undefined;
  return checkSchemaName(schema, problems.at(table.place("schema"))) ? schema : undefined;
}

function tierOf(table: DirectiveUse): Tier {
  const tier = table.text("tier");
  return tier === "LOOKUP" || tier === "IMPORTED" || tier === "COMPUTED" ? tier : "MANUAL";
}

interface PluralCheck {
  readonly singular: string;
  readonly label: string;
  readonly scope: Scope;
}

function pluralOf(table: DirectiveUse, { singular, label, scope }: PluralCheck): string {
  const plural = table.text("plural");
  if (plural === undefined) return pluralName(singular);
  const report = scope.problems.at(table.place("plural"));
  if (!/^[a-z][A-Za-z0-9]*$/.test(plural)) {
    report(
      `${label}: the plural ${JSON.stringify(plural)} is no field name`,
      "Write letters and digits, beginning with a lower-case letter.",
    );
  } else if (plural === singular) {
    report(
      `${label}: the plural is the singular, ${singular}`,
      `Write another, for example "${singular}List".`,
    );
  } else return plural;
  return pluralName(singular);
}
