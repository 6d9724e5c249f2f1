/** Lists of codec values → part tables `(key…, idx, value)`, one row and one foreign key for each element. */

import type { ListDraft } from "./draft.ts";
import { checkTableName } from "./identifier.ts";
import type { Column, ColumnType, Entity, Reference } from "./model.ts";
import { snakeCase, upperFirst } from "./naming.ts";
import { locationOf, type Problems } from "./problems.ts";
import { columnFieldName } from "./reserved.ts";

/** Makes the part table of one list; `undefined` where the owner's key is in its way. */
export function makeListPart(owner: Entity, list: ListDraft, problems: Problems): Entity | undefined {
  const report = problems.at(list.node);
  const location = locationOf(list.node);
  const key = keyColumns(owner, list);
  const taken = key.find((column) => column.name === "idx" || column.name === "value");
  if (taken !== undefined) {
    return report(
      `${list.label}: its table needs the columns idx and value, and the key of ${owner.name} has ${taken.name}`,
      'Rename that column with @column(name: "…").',
    );
  }
  const table = partTable(owner.table, owner.partOf !== undefined, list.name);
  checkTableName(table, list.label, report);
  const name = `${owner.name}${upperFirst(list.name)}`;
  const before = partTable(
    owner.renamedFromTable ?? owner.table,
    owner.partOf !== undefined,
    list.renamedFrom ?? list.name,
  );
  return {
    name,
    singular: `${owner.singular}${upperFirst(list.name)}`,
    plural: `${owner.singular}${upperFirst(list.name)}List`,
    description: list.description,
    schema: owner.schema,
    table,
    tier: owner.tier,
    partOf: owner.partOf ?? owner.name,
    listOf: { entity: owner.name, field: list.name },
    columns: [...key, indexColumn(location), valueColumn(list)],
    references: [ownerReference(owner, list)],
    children: [],
    lists: [],
    fields: [
      { kind: "reference", name: owner.singular },
      { kind: "column", name: "idx", column: "idx" },
      { kind: "column", name: "value", column: "value" },
    ],
    key: [...owner.key, "idx"],
    uniques: [],
    indexes: [],
    ...(before === table ? {} : { renamedFromTable: before }),
    location,
  };
}

/** The list of a part lies beside it, in the master: DataJoint knows no parts of parts. */
function partTable(owner: string, ownerIsPart: boolean, field: string): string {
  return `${owner}${ownerIsPart ? "_" : "__"}${snakeCase(field)}`;
}

function keyColumns(owner: Entity, list: ListDraft): Column[] {
  return owner.key.flatMap((name) => {
    const column = owner.columns.find((each) => each.name === name);
    if (column === undefined) return [];
    const field = columnFieldName(name);
    return [
      {
        name,
        field,
        exposed: field !== owner.singular,
        type: referredType(column.type),
        nullable: false,
        inKey: true,
        origin: "reference" as const,
        description: "",
        ...(column.renamedFrom === undefined ? {} : { renamedFrom: column.renamedFrom }),
        location: locationOf(list.node),
      },
    ];
  });
}

function referredType(type: ColumnType): ColumnType {
  return /^timestamp(\(\d\))?$/.test(type.sql) ? { ...type, sql: "timestamp" } : type;
}

function indexColumn(location: Column["location"]): Column {
  return {
    name: "idx",
    field: "idx",
    exposed: true,
    type: { spec: "int32", sql: "integer", graphql: "Int" },
    nullable: false,
    inKey: true,
    origin: "attribute",
    description: "place in the list, from 0",
    location,
  };
}

function valueColumn(list: ListDraft): Column {
  return {
    name: "value",
    field: "value",
    exposed: true,
    type: list.type,
    nullable: false,
    inKey: false,
    origin: "attribute",
    description: list.description,
    location: locationOf(list.node),
  };
}

function ownerReference(owner: Entity, list: ListDraft): Reference {
  return {
    field: owner.singular,
    target: owner.name,
    columns: owner.key.map((column) => ({ column, target: column })),
    inKey: true,
    nullable: false,
    unique: false,
    reverse: list.name,
    description: "",
    location: locationOf(list.node),
  };
}
