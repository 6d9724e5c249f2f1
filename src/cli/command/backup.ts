/** `backup`: rows and objects of one moment in one file, while the service runs. */

import { resolve } from "node:path";
import type { Command } from "commander";
import type { BackupReport, BackupVersions } from "../../backup/backup.ts";
import type { Queryable } from "../../db/contract.ts";
import { parseFaultPoints } from "../../object/fault-points.ts";
import type { Settings } from "../settings.ts";
import { loadKnownModel, type ModelParts, readModelParts } from "../start/load-model.ts";
import { versionBefore } from "../start/version-before.ts";
import { packageVersion } from "../version.ts";
import { callOf } from "./context.ts";
import { withDatabase } from "./direct.ts";

interface Options {
  readonly allowMissing?: boolean;
  readonly leaveOut?: readonly string[];
}

export function backupCommand(program: Command): void {
  program
    .command("backup <file>")
    .description("write rows and objects of one moment into one file, while the service goes on")
    .option("--allow-missing", "also when bytes of objects are missing or damaged; they are listed")
    .option("--leave-out <name...>", "do without a table that the schema file does not say: schema.table")
    .action((file: string, options: Options, command: Command) => run(file, options, command));
}

async function run(file: string, options: Options, command: Command): Promise<void> {
  const call = callOf(command);
  const { backup } = await import("../../backup/backup.ts");
  const parts = await readModelParts(call.settings);
  const { storeConfigs } = parts;
  const path = resolve(file);
  const report = await withDatabase(
    call,
    { storeConfigs, joins: true },
    async ({ database, stores, signal }) =>
      backup(
        {
          database,
          stores,
          versions: (db) => versionsOf(call.settings, parts, db),
          version: packageVersion(),
          faults: parseFaultPoints(call.settings.fault),
        },
        {
          file: path,
          allowMissing: options.allowMissing === true,
          leaveOut: options.leaveOut ?? [],
          signal,
          onStep: stepsOf(process.stderr, call.output.json),
        },
      ),
  );
  const { missing } = report;
  call.output.result({ file: path, ...report }, textOf(path, report));
  for (const { locator, problem } of missing) call.output.note(`not whole: ${locator}: ${problem}`);
  if (missing.length > 0) process.exitCode = 5;
}

/** While fields change their codec the tables follow the file that was applied last. */
async function versionsOf(settings: Settings, parts: ModelParts, db: Queryable): Promise<BackupVersions> {
  const loaded = await loadKnownModel(settings, parts, db);
  const before = await versionBefore({ settings, db, loaded });
  return before === undefined ? loaded : { ...before, wanted: loaded.source };
}

function textOf(path: string, { moment, tables, rows, objects, objectBytes, missing }: BackupReport): string {
  const lacking = missing.length === 0 ? "" : `, ${missing.length} of them without their bytes`;
  return `${path}: ${rows} rows of ${tables} tables, ${objects} objects (${objectBytes} bytes)${lacking}, as of ${moment}`;
}

/** What is being done, on one line of a terminal. */
export function stepsOf(stream: NodeJS.WriteStream, isQuiet: boolean): (step: string) => void {
  if (!stream.isTTY || isQuiet) return () => undefined;
  process.once("exit", () => stream.write("\r\u001b[K"));
  return (step) => stream.write(`\r\u001b[K${step.slice(0, Math.max(20, stream.columns - 1))}`);
}
