/** Whether every field of an extension has its function, and every function its field. */

import {
  type DocumentNode,
  type FieldDefinitionNode,
  type GraphQLSchema,
  Kind,
  parse,
  type SelectionSetNode,
  validate,
} from "graphql";
import type { Extension, FieldResolver } from "../../extend/contract.ts";
import type { Model } from "../../model/model.ts";
import { ownTypes } from "./check-type-defs.ts";
import type { ExtensionProblems } from "./extension-problems.ts";

/** What functions are checked against. */
export interface ResolverContext {
  readonly schema: GraphQLSchema;
  readonly model: Model;
  readonly problems: ExtensionProblems;
  readonly extension: Extension;
  readonly document: DocumentNode | undefined;
}

/** The fields that the document adds, by type. */
export function addedFields(
  document: DocumentNode | undefined,
): ReadonlyMap<string, readonly FieldDefinitionNode[]> {
  const added = new Map<string, readonly FieldDefinitionNode[]>();
  for (const node of document?.definitions ?? []) {
    if (node.kind !== Kind.OBJECT_TYPE_EXTENSION && node.kind !== Kind.OBJECT_TYPE_DEFINITION) continue;
    added.set(node.name.value, [...(added.get(node.name.value) ?? []), ...(node.fields ?? [])]);
  }
  return added;
}

/** Checks fields, root operations and hooks. Answers what the fields need, by `Type.field`. */
export function checkResolvers(context: ResolverContext): ReadonlyMap<string, SelectionSetNode> {
  const added = addedFields(context.document);
  checkMissing(context, added);
  checkRoots(context, added);
  checkHooks(context);
  return checkFields(context, added);
}

type Added = ReadonlyMap<string, readonly FieldDefinitionNode[]>;

function checkMissing({ extension, document, problems }: ResolverContext, added: Added): void {
  const own = ownTypes(document);
  const text = extension.typeDefs ?? "";
  for (const [type, fields] of added) {
    if (own.has(type)) continue;
    for (const { name } of fields) {
      const [given, place] = functionsOf(extension, type);
      if (given !== undefined && Object.hasOwn(given, name.value)) continue;
      problems.inText(text, name, `Nothing answers ${type}.${name.value}`, `Write ${place}.${name.value}.`);
    }
  }
}

function functionsOf(extension: Extension, type: string): readonly [object | undefined, place: string] {
  if (type === "Query") return [extension.query, "query"];
  if (type === "Mutation") return [extension.mutation, "mutation"];
  return [extension.fields?.[type], `fields.${type}`];
}

function checkRoots({ extension, problems }: ResolverContext, added: Added): void {
  for (const [part, type] of [
    ["query", "Query"],
    ["mutation", "Mutation"],
  ] as const) {
    for (const [name, given] of Object.entries(extension[part] ?? {})) {
      const at = [part, name];
      if (typeof given !== "function")
        problems.atName(at, `${part}.${name} is no function`, "Write (args, context) => ….");
      if (added.get(type)?.some((field) => field.name.value === name) === true) continue;
      problems.atName(
        at,
        `typeDefs adds no field ${name} to ${type}`,
        `Write extend type ${type} { ${name}: … }, or remove the function.`,
      );
    }
  }
}

const resolverParts = ["needs", "resolve", "resolveMany"];

function checkFields(context: ResolverContext, added: Added): ReadonlyMap<string, SelectionSetNode> {
  const { extension, problems, model } = context;
  const needs = new Map<string, SelectionSetNode>();
  for (const [type, fields] of Object.entries(extension.fields ?? {})) {
    if (type === "Query" || type === "Mutation") {
      const remedy = `Write them under ${type.toLowerCase()}.`;
      problems.atName(["fields", type], `fields.${type} holds root operations`, remedy);
      continue;
    }
    for (const [name, resolver] of Object.entries(fields ?? {})) {
      const at = ["fields", type, name];
      if (added.get(type)?.some((field) => field.name.value === name) !== true) {
        problems.atName(
          at,
          `typeDefs adds no field ${name} to ${type}`,
          `Write extend type ${type} { ${name}: … }, or remove the function.`,
        );
        continue;
      }
      checkResolver(problems, at, resolver);
      const text = resolver?.needs;
      if (typeof text !== "string") continue;
      if (!model.entity.has(type)) {
        const remedy = "Its row is the object that was answered: remove needs.";
        problems.atName(at, `${type} is no table, so ${type}.${name} needs nothing of it`, remedy);
        continue;
      }
      const selection = checkNeeds(context, { type, name, text });
      if (selection !== undefined) needs.set(`${type}.${name}`, selection);
    }
  }
  return needs;
}

function checkResolver(problems: ExtensionProblems, at: readonly string[], resolver: FieldResolver): void {
  const name = at.join(".");
  const remedy = "Write {needs, resolve(row, args, context)} or {needs, resolveMany(rows, args, context)}.";
  // What the user wrote need not be what its type says.
  const given: unknown = resolver;
  if (given === null || typeof given !== "object") {
    problems.atName(at, `${name} is no object`, remedy);
    return;
  }
  const { needs, resolve, resolveMany } = given as Readonly<Record<string, unknown>>;
  const unknown = Object.keys(given).filter((part) => !resolverParts.includes(part));
  if (unknown.length > 0) problems.atName(at, `${name} has an unknown part ${unknown.join(", ")}`, remedy);
  if (needs !== undefined && typeof needs !== "string")
    problems.atName(at, `The needs of ${name} are no text`, 'Write needs: "{ field … }".');
  const functions = [resolve, resolveMany].filter((part) => part !== undefined);
  if (functions.length !== 1 || typeof functions[0] !== "function")
    problems.atName(at, `${name} has not exactly one of the functions resolve and resolveMany`, remedy);
}

/** Needs are validated as a selection of the generated schema. */
function checkNeeds(
  { schema, problems }: ResolverContext,
  { type, name, text }: { readonly type: string; readonly name: string; readonly text: string },
): SelectionSetNode | undefined {
  const report = (message: string) =>
    problems.inText(text, undefined, `The needs of ${type}.${name}: ${message}`, remedy);
  const remedy = `Select fields that the schema file gives ${type}, with literal arguments: "{ … }".`;
  const begin = `query { node(id: "") { ... on ${type} \n`;
  try {
    const document = parse(`${begin}${text}\n } }`, { maxTokens: 5000 });
    const [operation, ...others] = document.definitions;
    if (others.length > 0 || operation?.kind !== Kind.OPERATION_DEFINITION) {
      report("one selection is expected");
      return undefined;
    }
    const faults = validate(schema, document, undefined, { maxErrors: 20 });
    for (const error of faults) problems.byGraphql(text, error, remedy, 1);
    const node = operation.selectionSet.selections[0];
    const fragment = node?.kind === Kind.FIELD ? node.selectionSet?.selections[0] : undefined;
    if (faults.length > 0 || fragment?.kind !== Kind.INLINE_FRAGMENT) return undefined;
    return fragment.selectionSet;
  } catch (error) {
    report(error instanceof Error ? error.message : String(error));
    return undefined;
  }
}

const hookNames = [
  "beforeCreate",
  "beforeUpdate",
  "beforeDelete",
  "afterCreate",
  "afterUpdate",
  "afterDelete",
  "afterCommit",
];

function checkHooks({ extension, model, problems }: ResolverContext): void {
  for (const [type, hooks] of Object.entries(extension.hooks ?? {})) {
    const entity = model.entity.get(type);
    if (entity === undefined || entity.listOf !== undefined)
      problems.atName(
        ["hooks", type],
        `There is no type ${type} with @table`,
        "Name a type of the schema file.",
      );
    for (const [name, hook] of Object.entries(hooks ?? {})) {
      const at = ["hooks", type, name];
      if (!hookNames.includes(name))
        problems.atName(at, `There is no hook ${name}`, `The hooks are ${hookNames.join(", ")}.`);
      else if (typeof hook !== "function")
        problems.atName(at, `The hook ${type}.${name} is no function`, "Write a function.");
    }
  }
}
