/** Names must be free: of types, of the fields of a type, of the root fields. */

import type { EnumTypeDefinitionNode, ObjectTypeDefinitionNode } from "graphql";
import type { EntityDraft } from "./draft.ts";
import type { Entity, ModelContext } from "./model.ts";
import { snakeCase, uniqueFieldName } from "./naming.ts";
import { locationOf, type Problems } from "./problems.ts";
import {
  entityTypeNames,
  enumTypeNames,
  reservedFieldNames,
  reservedRootFields,
  reservedTypeNames,
  rootFieldNames,
} from "./reserved.ts";
import type { Definitions } from "./source.ts";

type TypeNode = ObjectTypeDefinitionNode | EnumTypeDefinitionNode;

/** Checks the names of types and enums by themselves: form, reserved ones, duplicates. */
export function checkTypeNames(definitions: Definitions, context: ModelContext, problems: Problems): void {
  const reserved = reservedTypeNames(context);
  const first = new Map<string, TypeNode>();
  for (const node of [...definitions.objects, ...definitions.enums]) {
    const name = node.name.value;
    const report = problems.at(node);
    const twin = first.get(name);
    if (!/^[A-Z][A-Za-z0-9]*$/.test(name)) {
      report(
        `The type name ${name} is not valid`,
        "Write letters and digits, beginning with a capital, no _: SpikeTrain.",
      );
    } else if (reserved.has(name)) {
      report(`The type name ${name} is reserved`, renameRemedy(node));
    } else if (twin !== undefined) {
      const { file, line } = locationOf(twin);
      report(
        `The type ${name} is defined twice, first in ${file} line ${line}`,
        "Rename or remove one of them.",
      );
    } else first.set(name, node);
  }
}

function renameRemedy(node: TypeNode): string {
  const name = node.name.value;
  if (node.kind === "EnumTypeDefinition") return `Choose another name, for example ${name}Kind.`;
  return `Choose another name, for example ${name}Row with @table(name: "${snakeCase(name)}").`;
}

/** Checks the names that the API derives from types: each must be free, and no type may have one. */
export function checkDerivedNames(
  drafts: readonly EntityDraft[],
  definitions: Definitions,
  problems: Problems,
): void {
  const nodes = new Map<string, TypeNode>();
  for (const node of [...definitions.objects, ...definitions.enums]) {
    if (!nodes.has(node.name.value)) nodes.set(node.name.value, node);
  }
  const owners = new Map<string, string>();
  const enums = definitions.enums.map((node) => ({
    name: node.name.value,
    made: enumTypeNames(node.name.value),
  }));
  const entities = drafts.map(({ name, plural }) => ({ name, made: entityTypeNames(name, plural) }));
  for (const { name, made } of [...entities, ...enums]) {
    for (const derived of new Set(made)) {
      const node = nodes.get(derived);
      if (node !== undefined) {
        problems.at(node)(
          `The type name ${derived} is taken: the API makes a type of this name for ${name}`,
          renameRemedy(node),
        );
      } else checkRival(derived, { name, node: nodes.get(name), owners, problems });
    }
  }
}

interface Rivalry {
  readonly name: string;
  readonly node: TypeNode | undefined;
  readonly owners: Map<string, string>;
  readonly problems: Problems;
}

/** Two types whose derived names meet. Payloads meet only where root fields do, and those are checked by themselves. */
function checkRival(derived: string, { name, node, owners, problems }: Rivalry): void {
  const owner = owners.get(derived);
  if (owner === undefined || node === undefined) {
    owners.set(derived, name);
  } else if (owner !== name && !derived.endsWith("Payload")) {
    problems.at(node)(
      `Type ${name}: the API would make the type ${derived} for it and for ${owner}`,
      "Rename one of them.",
    );
  }
}

/** Checks the fields of each entity: written ones, columns of references, and the reverse sides of others. */
export function checkFieldNames(entities: readonly Entity[], problems: Problems): void {
  const byName = new Map(entities.map((entity) => [entity.name, entity]));
  for (const entity of entities) {
    const names = new Map(entity.fields.map((field) => [field.name, `field ${entity.name}.${field.name}`]));
    checkColumnFields(entity, names, problems);
    checkReverseFields(entity, { names, byName, problems });
  }
}

function checkColumnFields(entity: Entity, names: Map<string, string>, problems: Problems): void {
  const groupKeys = new Map<string, string>();
  for (const column of entity.columns) {
    const owner = names.get(column.field);
    if (column.origin === "reference" && column.exposed) {
      if (owner !== undefined) {
        problems.add(
          column.location,
          `Type ${entity.name}: the column ${column.name} of a reference gives a field ${column.field}, and that is the name of ${owner}`,
          'Rename that field, or the column with @reference(columns: ["…"]).',
        );
      }
      names.set(column.field, `column ${entity.name}.${column.name}`);
    }
    const groupKey = snakeCase(column.field);
    const rival = groupKeys.get(groupKey);
    if (rival !== undefined && rival !== column.field) {
      problems.add(
        column.location,
        `Type ${entity.name}: the fields ${rival} and ${column.field} differ in capitals and underscores only`,
        "Rename one of them: in groupBy both would be called the same.",
      );
    }
    groupKeys.set(groupKey, column.field);
  }
}

interface ReverseCheck {
  readonly names: Map<string, string>;
  readonly byName: ReadonlyMap<string, Entity>;
  readonly problems: Problems;
}

function checkReverseFields(entity: Entity, { names, byName, problems }: ReverseCheck): void {
  for (const child of entity.children) {
    const from = byName.get(child.entity);
    const reference = from?.references.find((each) => each.field === child.reference);
    if (from === undefined || reference === undefined || from.listOf !== undefined) continue;
    const label = `Field ${from.name}.${reference.field}`;
    const owner = names.get(child.field);
    if (!/^[a-z][A-Za-z0-9_]*$/.test(child.field) || reservedFieldNames.has(child.field)) {
      problems.add(
        reference.location,
        `${label}: its reverse side on ${entity.name} cannot be called ${JSON.stringify(child.field)}`,
        'Choose another name with @reverse(name: "…"): letters and digits, beginning with a lower-case letter, not reserved.',
      );
    } else if (owner !== undefined) {
      problems.add(
        reference.location,
        `${label}: its reverse side on ${entity.name} would be called ${child.field}, the name of ${owner}`,
        'Choose another with @reverse(name: "…").',
      );
    } else names.set(child.field, `the reverse side of ${from.name}.${reference.field}`);
  }
}

/** Checks that the root fields of all entities, and the types of list parts, have names of their own. */
export function checkRootFields(entities: readonly Entity[], problems: Problems): void {
  const owners = new Map<string, string>([...reservedRootFields].map((name) => [name, "the API"]));
  const types = new Map(
    entities.filter((each) => each.listOf === undefined).map((each) => [each.name, each]),
  );
  for (const entity of entities) {
    if (entity.listOf !== undefined) checkListType(entity, types, problems);
    else checkOwnRootFields(entity, owners, problems);
  }
}

function checkOwnRootFields(entity: Entity, owners: Map<string, string>, problems: Problems): void {
  const uniques = entity.uniques.map((set) => uniqueFieldName(entity.singular, set.fields));
  for (const name of [...rootFieldNames(entity), ...uniques]) {
    const owner = owners.get(name);
    if (owner === undefined) {
      owners.set(name, `type ${entity.name}`);
      continue;
    }
    problems.add(
      entity.location,
      `Type ${entity.name}: its root field ${name} is that of ${owner} already`,
      'Rename the type, or choose another plural with @table(plural: "…").',
    );
    return;
  }
}

function checkListType(part: Entity, types: Map<string, Entity>, problems: Problems): void {
  const derived = [...types.values()].find((each) =>
    entityTypeNames(each.name, each.plural).includes(part.name),
  );
  const owner = types.get(part.name) ?? derived;
  if (owner === undefined) {
    types.set(part.name, part);
    return;
  }
  problems.add(
    part.location,
    `Field ${part.listOf?.entity}.${part.listOf?.field}: its table is called ${part.name}, a name of type ${owner.name}`,
    "Rename the field, or that type.",
  );
}

/** The table of a list part must be free too. */
export function checkListTables(entities: readonly Entity[], problems: Problems): void {
  const owners = new Map<string, Entity>();
  for (const entity of [...entities].sort(
    (a, b) => Number(a.listOf !== undefined) - Number(b.listOf !== undefined),
  )) {
    const full = `${entity.schema}.${entity.table}`;
    const owner = owners.get(full);
    if (owner !== undefined && entity.listOf !== undefined) {
      problems.add(
        entity.location,
        `Field ${entity.listOf.entity}.${entity.listOf.field}: the table ${full} belongs to type ${owner.name} already`,
        "Rename the field, or that type.",
      );
    } else owners.set(full, entity);
  }
}
