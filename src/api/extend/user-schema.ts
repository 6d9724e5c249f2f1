/** The generated schema with what an extension adds to it. */

import { extendSchema, type GraphQLError, type GraphQLSchema, printSchema, validateSchema } from "graphql";
import type { Extension, ExtensionContext, Values } from "../../extend/contract.ts";
import type { LoadedExtension } from "../../extend/load.ts";
import type { Model } from "../../model/model.ts";
import type { UserNeeds } from "../../plan/plan-user.ts";
import type { EntitySchema } from "../schema.ts";
import type { WriteField } from "../write/contract.ts";
import { addedFields, checkResolvers } from "./check-resolvers.ts";
import { checkTypeDefs } from "./check-type-defs.ts";
import { ExtensionProblems } from "./extension-problems.ts";

/** A function of an extension for all rows that ask for it with the same arguments: a value, or an Error, for each. */
export type UserCall = (
  rows: readonly Values[],
  args: Values,
  context: ExtensionContext,
) => readonly unknown[] | Promise<readonly unknown[]>;

/** The schema and the functions behind what was added, by `Type.field`. */
export interface UserSchema extends EntitySchema {
  readonly calls: ReadonlyMap<string, UserCall>;
  readonly hooks: NonNullable<Extension["hooks"]>;
}

/** Adds an extension. @throws {SCHEMA_INVALID} with every problem, its file and line. */
export function extendEntitySchema(base: EntitySchema, model: Model, loaded: LoadedExtension): UserSchema {
  const { extension } = loaded;
  const problems = new ExtensionProblems(loaded);
  const text = extension.typeDefs ?? "";
  const document = checkTypeDefs({ schema: base.schema, model, problems }, text);
  // Where the SDL cannot be read nothing is known of its fields.
  if (document === undefined) problems.throwIfAny();
  const needs = checkResolvers({ schema: base.schema, model, problems, extension, document });
  problems.throwIfAny();
  const calls = callsOf(extension);
  const hooks = extension.hooks ?? {};
  if (document === undefined) return { ...base, calls, hooks };
  const schema = extendSchema(base.schema, document, { assumeValidSDL: true });
  for (const error of validateSchema(schema)) reportInvalid(problems, text, error);
  problems.throwIfAny();
  for (const [type, fields] of addedFields(document)) {
    if (type !== "Query" && type !== "Mutation" && !model.entity.has(type)) continue;
    for (const { name } of fields)
      mark(schema, { type, name: name.value }, needs.get(`${type}.${name.value}`));
  }
  return { schema, sdl: printSchema(schema), calls, hooks };
}

function reportInvalid(problems: ExtensionProblems, text: string, error: GraphQLError): void {
  problems.byGraphql(text, error, "Correct typeDefs.");
}

function mark(
  schema: GraphQLSchema,
  at: { readonly type: string; readonly name: string },
  needs: UserNeeds["needs"],
): void {
  const type = schema.getType(at.type);
  const field = type !== undefined && "getFields" in type ? type.getFields()[at.name] : undefined;
  if (field === undefined) return;
  const user: UserNeeds = { needs };
  const write: WriteField = { kind: "user", field: `${at.type}.${at.name}` };
  field.extensions = { ...field.extensions, ...(at.type === "Mutation" ? { write } : { user }) };
}

function callsOf(extension: Extension): ReadonlyMap<string, UserCall> {
  const calls = new Map<string, UserCall>();
  for (const [type, functions] of [
    ["Query", extension.query],
    ["Mutation", extension.mutation],
  ] as const) {
    for (const [name, call] of Object.entries(functions ?? {}))
      calls.set(`${type}.${name}`, async (_, args, context) => [await call(args, context)]);
  }
  for (const [type, fields] of Object.entries(extension.fields ?? {})) {
    for (const [name, resolver] of Object.entries(fields)) {
      calls.set(`${type}.${name}`, async (rows, args, context) => {
        if (resolver.resolveMany !== undefined) return resolver.resolveMany(rows, args, context);
        return Promise.all(rows.map((row) => settled(async () => resolver.resolve?.(row, args, context))));
      });
    }
  }
  return calls;
}

/** The value, or the Error: one row's fault is no other row's. */
async function settled(work: () => Promise<unknown>): Promise<unknown> {
  try {
    return await work();
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
