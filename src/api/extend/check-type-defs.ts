/** What an extension's SDL may say: types of its own, and fields of tables' types, Query and Mutation. */

import {
  type DefinitionNode,
  type DocumentNode,
  type FieldDefinitionNode,
  type GraphQLSchema,
  isEnumType,
  isScalarType,
  Kind,
  parse,
  type TypeNode,
} from "graphql";
// Not in the index of graphql 16, which has the same function only as one that throws all faults as one text.
import { validateSDL } from "graphql/validation/validate.js";
import type { Model } from "../../model/model.ts";
import { entityTypeNames, enumTypeNames, reservedRootFields } from "../../model/reserved.ts";
import type { ExtensionProblems } from "./extension-problems.ts";

/** What SDL is checked against. */
export interface TypeDefsContext {
  readonly schema: GraphQLSchema;
  readonly model: Model;
  readonly problems: ExtensionProblems;
}

/** Parses and checks SDL; undefined where it cannot be parsed or says nothing. */
export function checkTypeDefs(context: TypeDefsContext, text: string): DocumentNode | undefined {
  const { schema, problems } = context;
  if (!/[^\s,]/.test(text.replace(/#[^\r\n]*/g, ""))) return undefined;
  const document = parsed(text, problems);
  if (document === undefined) return undefined;
  const taken = takenNames(context);
  const own = ownTypes(document);
  for (const definition of document.definitions) checkDefinition(context, text, { definition, taken, own });
  for (const error of validateSDL(document, schema))
    problems.byGraphql(text, error, remedyFor(error.message));
  return document;
}

function remedyFor(message: string): string {
  if (/already exists/.test(message)) return "Choose another name.";
  return "Correct typeDefs.";
}

function parsed(text: string, problems: ExtensionProblems): DocumentNode | undefined {
  try {
    return parse(text, { maxTokens: 100_000 });
  } catch (error) {
    if (!(error instanceof Error) || !("locations" in error)) throw error;
    // parse throws nothing else that has locations.
    problems.byGraphql(text, error as Parameters<ExtensionProblems["byGraphql"]>[1], "Correct typeDefs.");
    return undefined;
  }
}

/** Names of types that the document defines. */
export function ownTypes(document: DocumentNode | undefined): ReadonlySet<string> {
  const kinds = new Set<Kind>([
    Kind.OBJECT_TYPE_DEFINITION,
    Kind.INTERFACE_TYPE_DEFINITION,
    Kind.UNION_TYPE_DEFINITION,
    Kind.ENUM_TYPE_DEFINITION,
    Kind.INPUT_OBJECT_TYPE_DEFINITION,
  ]);
  const named = (document?.definitions ?? []).flatMap((node) =>
    kinds.has(node.kind) && "name" in node && node.name !== undefined ? [node.name.value] : [],
  );
  return new Set(named);
}

/** Names that a later version of the API may give to what it makes of the tables. */
function takenNames({ model }: TypeDefsContext): ReadonlySet<string> {
  return new Set([
    ...model.entities.flatMap(({ name, plural }) => entityTypeNames(name, plural)),
    ...model.enums.flatMap(({ name }) => enumTypeNames(name)),
  ]);
}

interface Checked {
  readonly definition: DefinitionNode;
  readonly taken: ReadonlySet<string>;
  readonly own: ReadonlySet<string>;
}

function checkDefinition(context: TypeDefsContext, text: string, checked: Checked): void {
  const { definition, taken, own } = checked;
  const { problems, schema } = context;
  const report = (message: string, remedy: string) =>
    problems.inText(text, nameOf(definition), message, remedy);
  switch (definition.kind) {
    case Kind.OBJECT_TYPE_DEFINITION:
    case Kind.INTERFACE_TYPE_DEFINITION:
    case Kind.UNION_TYPE_DEFINITION:
    case Kind.ENUM_TYPE_DEFINITION:
    case Kind.INPUT_OBJECT_TYPE_DEFINITION: {
      const { value } = definition.name;
      if (taken.has(value) && schema.getType(value) === undefined)
        report(`The name ${value} is kept for what the API makes of the tables`, "Choose another name.");
      if (
        "interfaces" in definition &&
        definition.interfaces?.some(({ name }) => name.value === "Node") === true
      )
        report(`${value} implements Node, which is for tables`, "Leave implements Node out.");
      if ("fields" in definition && definition.kind !== Kind.INPUT_OBJECT_TYPE_DEFINITION)
        checkOutputs(context, text, { fields: fieldsOf(definition), own });
      return;
    }
    case Kind.OBJECT_TYPE_EXTENSION:
      checkExtension(context, text, report, { ...checked, definition });
      return;
    default:
      report(
        `${what(definition)} cannot stand in typeDefs`,
        "Write types of your own, and extend type of a table's type, of Query and of Mutation.",
      );
  }
}

function checkExtension(
  context: TypeDefsContext,
  text: string,
  report: (message: string, remedy: string) => void,
  {
    definition,
    own,
  }: Checked & { readonly definition: DefinitionNode & { kind: Kind.OBJECT_TYPE_EXTENSION } },
): void {
  const { model, schema, problems } = context;
  const name = definition.name.value;
  const isRoot = name === "Query" || name === "Mutation";
  const isTable = model.entity.has(name) && model.entity.get(name)?.listOf === undefined;
  if (!isRoot && !isTable && schema.getType(name) !== undefined) {
    report(`The generated type ${name} cannot be extended`, "Extend the type of a table, Query or Mutation.");
  }
  if (own.has(name)) report(`${name} is your own type`, "Write the fields into the type itself.");
  const fields = fieldsOf(definition);
  checkOutputs(context, text, { fields, own });
  if (!isRoot) return;
  const root = name === "Query" ? schema.getQueryType() : schema.getMutationType();
  for (const { name: field } of fields) {
    // Of one that is there SDL validation tells.
    if (reservedRootFields.has(field.value) && root?.getFields()[field.value] === undefined)
      problems.inText(
        text,
        field,
        `The root field ${field.value} belongs to the API`,
        "Choose another name.",
      );
  }
}

function fieldsOf(definition: DefinitionNode): readonly FieldDefinitionNode[] {
  // Input fields are no outputs; callers leave them out.
  return "fields" in definition ? ((definition.fields ?? []) as readonly FieldDefinitionNode[]) : [];
}

/** Answers are of types that an extension can make: leaves, its own types, tables' rows, `Node`, `PageInfo`. */
function checkOutputs(
  { schema, model, problems }: TypeDefsContext,
  text: string,
  { fields, own }: { readonly fields: readonly FieldDefinitionNode[]; readonly own: ReadonlySet<string> },
): void {
  for (const field of fields) {
    const name = typeName(field.type);
    const type = schema.getType(name);
    // What no type is SDL validation tells.
    if (own.has(name) || type === undefined || isScalarType(type) || isEnumType(type)) continue;
    if (model.entity.get(name)?.listOf === undefined && model.entity.has(name)) continue;
    if (name === "Node" || name === "PageInfo") continue;
    problems.inText(
      text,
      field.type,
      `${field.name.value} answers with ${name}, which only the API can make`,
      "Answer with scalars, enums, rows of tables, or types of your own.",
    );
  }
}

function typeName(type: TypeNode): string {
  return type.kind === Kind.NAMED_TYPE ? type.name.value : typeName(type.type);
}

function nameOf(definition: DefinitionNode) {
  return "name" in definition && definition.name !== undefined ? definition.name : definition;
}

function what(definition: DefinitionNode): string {
  const kind = definition.kind
    .replace(/(Type)?(Definition|Extension)$/, "")
    .replace(/([a-z])([A-Z])/g, "$1 $2");
  const isExtension = definition.kind.endsWith("Extension");
  const name = "name" in definition && definition.name !== undefined ? ` ${definition.name.value}` : "";
  return `${isExtension ? "An extension of the " : "A "}${kind.toLowerCase()}${name}`;
}
