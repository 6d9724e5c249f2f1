/** `schema`, `schema print`: the GraphQL schema of the API, for people and for the tools that make clients. */

import { realpath } from "node:fs/promises";
import { resolve } from "node:path";
import type { Command } from "commander";
import {
  buildClientSchema,
  buildSchema,
  type GraphQLSchema,
  getIntrospectionQuery,
  type IntrospectionQuery,
  introspectionFromSchema,
  lexicographicSortSchema,
  printSchema,
} from "graphql";
import { askSystem } from "../../client/ask.ts";
import { ServiceError } from "../../errors.ts";
import { saveText } from "../save-text.ts";
import { type Call, callOf } from "./context.ts";
import { withService } from "./service.ts";

interface PrintOptions {
  readonly out?: string;
  readonly introspection?: boolean;
  readonly system?: boolean;
}

/** All that introspection can tell. */
const everything = {
  descriptions: true,
  specifiedByUrl: true,
  directiveIsRepeatable: true,
  schemaDescription: true,
  inputValueDeprecation: true,
  oneOf: true,
};

export function schemaPrintCommands(program: Command): void {
  const schema = program
    .command("schema")
    .description("print the GraphQL schema that the service serves")
    .action((_, command: Command) => showServed(command));
  schema
    .command("print")
    .description("print the GraphQL schema that the schema file makes; touches no database")
    .option("--out <file>", "write it there instead; replaces the file when it differs")
    .option("--introspection", "the answer to the introspection query (JSON) instead of SDL")
    .option("--system", "the schema of Holdfast's own API, /system/graphql")
    .addHelpText("after", "\nWith --server it is the schema that this service serves.")
    .action((options: PrintOptions, command: Command) => print(options, command));
}

async function showServed(command: Command): Promise<void> {
  const sdl = await servedSdl(command);
  callOf(command).output.result({ sdl }, sdl);
}

async function servedSdl(command: Command, needs: { schemaFile?: boolean } = {}): Promise<string> {
  const { model } = await withService(
    command,
    (at) => askSystem<{ model: { apiSdl: string } }>(at, "{ model { apiSdl } }"),
    needs,
  );
  return model.apiSdl;
}

async function print(options: PrintOptions, command: Command): Promise<void> {
  const call = callOf(command);
  const sdl = options.system === true ? await systemSdl(call, command) : await entitySdl(call, command);
  const introspection =
    options.introspection === true ? introspectionFromSchema(buildSchema(sdl), everything) : undefined;
  const text = introspection === undefined ? sdl : `${JSON.stringify(introspection, null, 2)}\n`;
  if (options.out === undefined) call.output.result(introspection ?? { sdl }, text);
  else await save(text, options.out, call);
}

async function entitySdl({ server, settings }: Call, command: Command): Promise<string> {
  if (server !== undefined) return servedSdl(command, { schemaFile: true });
  const { loadModel } = await import("../start/load-model.ts");
  const { buildEntitySchema } = await import("../../api/schema.ts");
  const { model, registry } = await loadModel(settings, { readOnly: true });
  return buildEntitySchema(model, registry).sdl;
}

/** In the order of the alphabet, as `docs/reference/system.graphql`. */
async function systemSdl({ server }: Call, command: Command): Promise<string> {
  const schema = server === undefined ? await ownSystemSchema() : await askedSystemSchema(command);
  return `${printSchema(lexicographicSortSchema(schema))}\n`;
}

async function ownSystemSchema(): Promise<GraphQLSchema> {
  const { describeSystemSchema } = await import("../../system/schema.ts");
  return describeSystemSchema();
}

async function askedSystemSchema(command: Command): Promise<GraphQLSchema> {
  const query = getIntrospectionQuery(everything);
  const asked = await withService(command, (at) => askSystem<IntrospectionQuery>(at, query), {
    schemaFile: true,
  });
  return buildClientSchema(asked);
}

async function save(text: string, out: string, { settings, output }: Call): Promise<void> {
  const file = resolve(out);
  await refuseSchemaFile(file, settings.schemaPath);
  const changed = await saveText(text, file, out);
  output.result({ file, changed }, `${out}: ${changed ? "written" : "nothing to change"}`);
}

/** The schema file is where the printed schema comes from: there is no way back. */
async function refuseSchemaFile(file: string, schemaPath: string): Promise<void> {
  const real = (path: string) => realpath(path).catch(() => resolve(path));
  if ((await real(file)) !== (await real(schemaPath))) return;
  throw new ServiceError("BAD_USER_INPUT", `--out ${file} is the schema file itself.`, {
    details: { field: "--out", value: file, remedy: "Name another file, for example api.graphql." },
  });
}
