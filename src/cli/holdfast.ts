#!/usr/bin/env node
/** The command line: `holdfast --help`. Exit codes are those of the error table; 130 after Ctrl-C. */

// First: on an older Node nothing else may be loaded.
import "./node-version.ts";
import { Command, CommanderError } from "commander";
import { adoptCommand } from "./command/adopt.ts";
import { backupCommand } from "./command/backup.ts";
import { capabilityCommands } from "./command/capability.ts";
import { codecCommands } from "./command/codec.ts";
import { doctorCommand } from "./command/doctor.ts";
import { checkCommand } from "./command/fsck.ts";
import { collectCommand } from "./command/gc.ts";
import { getCommand } from "./command/get.ts";
import { initCommand } from "./command/init.ts";
import { introspectCommand } from "./command/introspect.ts";
import { lineageCommand } from "./command/lineage.ts";
import { migrateCommand } from "./command/migrate.ts";
import { objectCommands } from "./command/objects.ts";
import { populateCommand } from "./command/populate.ts";
import { restoreCommand } from "./command/restore.ts";
import { reviveCommand } from "./command/revive.ts";
import { sampleCommands } from "./command/sample.ts";
import { schemaCommands } from "./command/schema.ts";
import { schemaPrintCommands } from "./command/schema-print.ts";
import { startCommand } from "./command/start.ts";
import { storeCommands } from "./command/stores.ts";
import { tokenCommands } from "./command/token.ts";
import { uploadCommand } from "./command/upload.ts";
import { Interrupted } from "./interrupt.ts";
import { report } from "./output.ts";
import { usageError } from "./usage-error.ts";
import { packageVersion } from "./version.ts";

// A reader that has seen enough, such as `head`, is no failure of ours.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});

const json = process.argv.includes("--json");
const program = new Command("holdfast");

program
  .description("Typed tables whose large values live in object storage, and never get lost.")
  .version(packageVersion())
  .option("--json", "one JSON document instead of text")
  .option("--schema <file>", "schema file (HOLDFAST_SCHEMA, ./schema.graphql)")
  .option(
    "--extensions <file>",
    "extension file (HOLDFAST_EXTENSIONS, ./extensions.ts beside the schema file)",
  )
  .option("--data <folder>", "embedded database, default store, tokens (HOLDFAST_DATA, ./data)")
  .option("--server <url>", "a running server, with the token in HOLDFAST_TOKEN")
  .configureOutput({ outputError: () => undefined })
  .exitOverride()
  .addHelpText(
    "after",
    `
Begin with:
  holdfast init my-lab    a project of your own: a schema file to edit
  holdfast start          the service for the schema file here; in a checkout of Holdfast a sample laboratory

Commands talk to the server of --server, else to the one that runs on the data folder; when none runs,
they start a private one for the call. Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 pending or
conflict, 5 integrity damage, 6 database, store or server unreachable, 7 not allowed, 130 interrupted.`,
  );

const groups: readonly (readonly [title: string, add: readonly ((program: Command) => void)[]])[] = [
  ["Service:", [initCommand, startCommand, doctorCommand]],
  [
    "Schema:",
    [introspectCommand, adoptCommand, lineageCommand, schemaCommands, migrateCommand, schemaPrintCommands],
  ],
  ["Values:", [getCommand, uploadCommand, populateCommand]],
  ["Looking:", [storeCommands, codecCommands, objectCommands]],
  ["Keeping:", [backupCommand, restoreCommand, collectCommand, checkCommand, reviveCommand]],
  ["More:", [tokenCommands, capabilityCommands, sampleCommands]],
];
for (const [title, adds] of groups) {
  program.commandsGroup(title);
  for (const add of adds) add(program);
}
program.helpCommand(true);

try {
  if (process.argv.length === 2) program.help({ error: true });
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    const usage = usageError(error);
    if (usage !== undefined) process.exitCode = report(usage, json, process.stderr);
    else process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else {
    process.exitCode = report(error, json, process.stderr);
    // What was given up may still hold the process.
    if (error instanceof Interrupted) process.exit();
  }
}
