/** Schema text → the definitions that the language knows; everything else is refused by name. */

import {
  type ASTNode,
  type DefinitionNode,
  type EnumTypeDefinitionNode,
  GraphQLError,
  Kind,
  type ObjectTypeDefinitionNode,
  parse,
  type SchemaExtensionNode,
  Source,
} from "graphql";
import { readDirectives } from "./directive.ts";
import { checkSchemaName } from "./identifier.ts";
import type { Problems } from "./problems.ts";

/** One schema file. */
export interface SchemaFile {
  readonly path: string;
  readonly text: string;
}

/** What the files define, in their order. */
export interface Definitions {
  readonly objects: readonly ObjectTypeDefinitionNode[];
  readonly enums: readonly EnumTypeDefinitionNode[];
  /** PostgreSQL schema of the model, and of each file that names its own. */
  readonly schema: string;
  readonly schemaOfFile: ReadonlyMap<string, string>;
}

/** The schema of files that name none. */
const defaultSchema = "lab";

/** Reads every file; faults of syntax and unsupported constructs are reported. */
export function readDefinitions(files: readonly SchemaFile[], problems: Problems): Definitions {
  const objects: ObjectTypeDefinitionNode[] = [];
  const enums: EnumTypeDefinitionNode[] = [];
  const schemaOfFile = new Map<string, string>();
  for (const file of files) {
    for (const node of parseFile(file, problems)) {
      if (node.kind === Kind.OBJECT_TYPE_DEFINITION) objects.push(node);
      else if (node.kind === Kind.ENUM_TYPE_DEFINITION) enums.push(node);
      else if (node.kind === Kind.SCHEMA_EXTENSION) readDatabase(node, schemaOfFile, problems);
      else refuse(node, problems);
    }
  }
  checkSomething(files, objects, problems);
  checkSilentFiles(objects, schemaOfFile, problems);
  const [schema = defaultSchema] = schemaOfFile.values();
  return { objects, enums, schema, schemaOfFile };
}

function parseFile(file: SchemaFile, problems: Problems): readonly DefinitionNode[] {
  if (isBlank(file.text)) return [];
  try {
    return parse(new Source(file.text, file.path)).definitions;
  } catch (error) {
    if (error instanceof GraphQLError) {
      const { line, column } = error.locations?.[0] ?? { line: 1, column: 1 };
      problems.add(
        { file: file.path, line, column },
        error.message.replace(/\.$/, ""),
        "Correct the text at this place.",
      );
      return [];
    }
    if (!(error instanceof RangeError)) throw error;
    problems.add(
      { file: file.path, line: 1, column: 1 },
      "The file is nested too deeply to be read",
      "Flatten its lists and objects.",
    );
    return [];
  }
}

/** Nothing but blanks and comments, which the parser would call a fault of syntax. */
function isBlank(text: string): boolean {
  return !/[^\s,\uFEFF]/.test(text.replace(/#[^\r\n]*/g, ""));
}

function checkSomething(
  files: readonly SchemaFile[],
  objects: readonly ObjectTypeDefinitionNode[],
  problems: Problems,
): void {
  if (objects.length > 0 || !problems.isEmpty) return;
  problems.add(
    { file: files[0]?.path ?? "schema.graphql", line: 1, column: 1 },
    "The schema defines no table",
    "Write at least one type with @table, for example: type Subject @table { subjectId: Int! @key }.",
  );
}

/** Two files that name different schemas leave a third one's tables without a home. */
function checkSilentFiles(
  objects: readonly ObjectTypeDefinitionNode[],
  schemaOfFile: ReadonlyMap<string, string>,
  problems: Problems,
): void {
  const named = new Set(schemaOfFile.values());
  if (named.size < 2) return;
  const told = new Set(schemaOfFile.keys());
  for (const node of objects) {
    const file = node.loc?.source.name ?? "";
    if (told.has(file)) continue;
    told.add(file);
    problems.at(node)(
      `The file ${file} names no database schema, and the others name ${[...named].join(" and ")}`,
      'Begin it with extend schema @database(schema: "…").',
    );
  }
}

function readDatabase(
  node: SchemaExtensionNode,
  schemaOfFile: Map<string, string>,
  problems: Problems,
): void {
  for (const operation of node.operationTypes ?? []) {
    problems.at(operation)(
      `The ${operation.operation} type is generated and cannot be chosen`,
      "Remove the operation types of the schema.",
    );
  }
  const owner = { place: "schema", label: "The schema" } as const;
  const use = readDirectives(node.directives ?? [], owner, problems).one("database");
  const schema = use?.text("schema");
  if (use === undefined || schema === undefined) return;
  const file = node.loc?.source.name ?? "";
  const before = schemaOfFile.get(file);
  if (before !== undefined && before !== schema) {
    problems.at(use.node)(
      `This file names two database schemas, ${before} and ${schema}`,
      "Keep one, and put @table(schema:) on types that lie elsewhere.",
    );
  } else if (checkSchemaName(schema, problems.at(use.place("schema")))) schemaOfFile.set(file, schema);
}

const refusals: Partial<Record<Kind, readonly [what: string, remedy: string]>> = {
  [Kind.INTERFACE_TYPE_DEFINITION]: ["Interface", "Write the fields into each type."],
  [Kind.UNION_TYPE_DEFINITION]: ["Union", "Write one nullable reference for each type."],
  [Kind.INPUT_OBJECT_TYPE_DEFINITION]: ["Input type", "Input types are generated: remove it."],
  [Kind.SCALAR_TYPE_DEFINITION]: ["Scalar", "Use a scalar of the language, or a codec."],
  [Kind.DIRECTIVE_DEFINITION]: ["Directive definition", "The directives are built in: remove it."],
  [Kind.OBJECT_TYPE_EXTENSION]: ["Type extension", "Write the fields into the type itself."],
  [Kind.ENUM_TYPE_EXTENSION]: ["Enum extension", "Write the values into the enum itself."],
  [Kind.INTERFACE_TYPE_EXTENSION]: ["Interface extension", "Write the fields into each type."],
  [Kind.UNION_TYPE_EXTENSION]: ["Union extension", "Write one nullable reference for each type."],
  [Kind.INPUT_OBJECT_TYPE_EXTENSION]: ["Input type extension", "Input types are generated: remove it."],
  [Kind.SCALAR_TYPE_EXTENSION]: ["Scalar extension", "Use a scalar of the language, or a codec."],
};

function refuse(node: DefinitionNode, problems: Problems): undefined {
  const report = problems.at(node);
  if (node.kind === Kind.SCHEMA_DEFINITION) {
    return report(
      "A schema definition is not part of the language: the operation types are generated",
      'Write extend schema @database(schema: "…") instead.',
    );
  }
  if (node.kind === Kind.OPERATION_DEFINITION || node.kind === Kind.FRAGMENT_DEFINITION) {
    const what = node.kind === Kind.FRAGMENT_DEFINITION ? "fragment" : node.operation;
    return report(
      `A ${what} cannot stand in a schema file`,
      "Send it to /graphql; the schema holds types and enums only.",
    );
  }
  const [what, remedy] = refusals[node.kind] ?? ["Definition", "Remove it."];
  return report(`${what} ${nameOf(node)} is not part of the schema language`, remedy);
}

function nameOf(node: ASTNode): string {
  return "name" in node && node.name !== undefined ? node.name.value : node.kind;
}
