#!/usr/bin/env node
/** The command line: `holdfast --help`. Exit codes are those of the error table; 130 after Ctrl-C. */

// First: on an older Node nothing else may be loaded.
import "./node-version.ts";
import { Command, CommanderError } from "commander";
import { doctorCommand } from "./command/doctor.ts";
import { initCommand } from "./command/init.ts";
import { inspectCommands } from "./command/inspect.ts";
import { sampleCommands } from "./command/sample.ts";
import { schemaCommands } from "./command/schema.ts";
import { startCommand } from "./command/start.ts";
import { tokenCommands } from "./command/token.ts";
import { transferCommands } from "./command/transfer.ts";
import { report } from "./output.ts";
import { packageVersion } from "./version.ts";

const program = new Command("holdfast")
  .description("Typed tables whose large values live in object storage, and never get lost.")
  .version(packageVersion())
  .option("--json", "one JSON document instead of text")
  .option("--schema <file>", "schema file (HOLDFAST_SCHEMA, ./schema.graphql)")
  .option("--data <folder>", "embedded database, default store, keys (HOLDFAST_DATA, ./data)")
  .option(
    "--server <url>",
    "a running server; else the one that owns the data folder, else one of its own for this call",
  )
  .exitOverride();

for (const add of [
  initCommand,
  startCommand,
  schemaCommands,
  inspectCommands,
  transferCommands,
  tokenCommands,
  sampleCommands,
  doctorCommand,
]) {
  add(program);
}

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else process.exitCode = report(error, program.opts<{ json?: boolean }>().json === true, process.stderr);
}
