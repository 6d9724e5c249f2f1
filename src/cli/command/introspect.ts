/** `introspect`: tables that are there already, as a schema file. Reads the database, and changes nothing in it. */

import { resolve } from "node:path";
import type { Command } from "commander";
import { connect } from "../../db/database.ts";
import { readSchemas } from "../../db/read-schemas.ts";
import { ServiceError } from "../../errors.ts";
import type { Note } from "../../introspect/description.ts";
import { type Introspected, introspect } from "../../introspect/introspect.ts";
import type { ModelContext } from "../../model/model.ts";
import { saveText } from "../save-text.ts";
import type { Settings } from "../settings.ts";
import { runningServer } from "../start/server-file.ts";
import { type Call, callOf } from "./context.ts";
import { repeatedSchemas } from "./repeated-schemas.ts";

interface IntrospectOptions {
  readonly url?: string;
  readonly out?: string;
  readonly force?: boolean;
}

export function introspectCommand(program: Command): void {
  const schemas = repeatedSchemas(program);
  program
    .command("introspect")
    .description("describe tables that are there already as a schema file; changes nothing")
    .usage("--schema <name> [--schema <name> …] [options]")
    .option("--url <url>", "the database; DATABASE_URL unless given")
    .option("--out <file>", "write it there instead; replaces the file when it differs")
    .option("--force", "print it also where it does not describe the tables as they are")
    .addHelpText(
      "after",
      "\n--schema <name> is a PostgreSQL schema here, and may stand several times; the first is the file's own.",
    )
    .action((options: IntrospectOptions, command: Command) => run(schemas, options, command));
}

async function run(names: readonly string[], options: IntrospectOptions, command: Command): Promise<void> {
  const schemas = [...new Set(names)];
  if (schemas.length === 0) {
    throw new ServiceError("BAD_USER_INPUT", "introspect needs the PostgreSQL schemas to describe.", {
      details: { field: "--schema", remedy: "Type: holdfast introspect --schema <name> > schema.graphql" },
    });
  }
  const { output, settings } = callOf(command, { schemaIsFile: false });
  const url = await databaseOf(settings, options.url);
  const context = await contextOf(settings);
  const database = await connect(url, { maxConnections: 2, prepared: settings.prepared });
  const catalog = await readSchemas(database, schemas).finally(() => database.close());
  const found = introspect(catalog, schemas, context);
  if (found.tables === 0) throw nothing(schemas, found);
  if (found.faults.length > 0 && options.force !== true) throw unproven(found);
  await tell(found, { options, output, context });
}

/** @throws {BAD_USER_INPUT} where no database is named, and none runs here. */
async function databaseOf(settings: Settings, given: string | undefined): Promise<string> {
  if (given !== undefined) {
    if (/^postgres(ql)?:\/\//.test(given) && URL.canParse(given)) return given;
    throw new ServiceError("BAD_USER_INPUT", "--url is not a PostgreSQL URL.", {
      details: { field: "--url", remedy: "Write postgresql://user:password@host:port/database." },
    });
  }
  const found = settings.databaseUrl ?? (await runningServer(settings.dataFolder))?.databaseUrl;
  if (found !== undefined) return found;
  throw new ServiceError("BAD_USER_INPUT", "introspect needs to know the database.", {
    details: { field: "--url", remedy: "Give --url, or set DATABASE_URL." },
  });
}

/** Codecs and stores of the project, where there are some. */
async function contextOf(settings: Settings): Promise<ModelContext> {
  const { loadRegistry } = await import("../start/load-codecs.ts");
  const { readStores } = await import("../start/load-model.ts");
  const { registry } = await loadRegistry(settings);
  const { stores, defaultName, filepathDefaultName } = await readStores(settings, { readOnly: true });
  return {
    codecs: registry.facts,
    typeNames: registry.typeNames,
    stores: new Set(stores.map(({ name }) => name)),
    defaultStore: defaultName,
    filepathDefaultStore: filepathDefaultName,
  };
}

function nothing(schemas: readonly string[], { notes }: Introspected): ServiceError {
  const told = notes.map(noteText).join("\n");
  const message = `No table of ${schemas.join(", ")} can be described${told === "" ? ": there is none." : `:\n${told}`}`;
  return new ServiceError("NOT_FOUND", message, {
    details: { field: "--schema", value: schemas[0], remedy: "Name a schema with tables." },
  });
}

function unproven({ faults }: Introspected): ServiceError {
  const message = `The schema file that was made does not describe the tables as they are:\n${faults.join("\n")}`;
  return new ServiceError("SCHEMA_INVALID", message, {
    details: {
      problems: faults,
      remedy: "Please report it. With --force the file is printed all the same, to be mended by hand.",
    },
  });
}

interface Telling {
  readonly options: IntrospectOptions;
  readonly output: Call["output"];
  readonly context: ModelContext;
}

async function tell(found: Introspected, { options, output, context }: Telling): Promise<void> {
  const { text, tables, notes, faults } = found;
  const stores = found.stores.filter((name) => !context.stores.has(name));
  const facts = { tables, notes, faults, missingStores: stores, unknownCodecs: found.unknownCodecs };
  if (options.out === undefined) output.result({ sdl: text, ...facts }, text);
  else {
    const file = resolve(options.out);
    const changed = await saveText(text, file, options.out);
    output.result(
      { file, changed, ...facts },
      `${options.out}: ${changed ? "written" : "nothing to change"}`,
    );
  }
  for (const note of notes) output.note(noteText(note));
  for (const fault of faults) output.note(`NOT AS IT IS: ${fault}`);
  if (stores.length > 0)
    output.note(
      `These stores are named and not configured; add them to datajoint.json: ${stores.join(", ")}`,
    );
  if (context.filepathDefaultStore === undefined && /@codec\(name: "filepath", store: "default"\)/.test(text))
    output.note("There are <filepath@> columns; set stores.filepath_default in datajoint.json.");
  if (found.unknownCodecs.length > 0)
    output.note(
      `No codec of these names is loaded, so that their fields are Opaque: ${found.unknownCodecs.join(", ")}`,
    );
  output.note(`${tables} ${tables === 1 ? "table" : "tables"}; nothing was changed in the database.`);
  output.note("next: holdfast check");
}

function noteText({ table, column, message }: Note): string {
  return `${table}${column === undefined ? "" : `.${column}`}: ${message}`;
}
