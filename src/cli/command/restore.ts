/** `restore`: what a backup file holds, into a database and stores that have none of it. */

import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { Command } from "commander";
import type { CheckedBackup } from "../../backup/check.ts";
import { parseFaultPoints } from "../../object/fault-points.ts";
import type { Settings } from "../settings.ts";
import { loadRegistry } from "../start/load-codecs.ts";
import { checkModel, readStores, withKept } from "../start/load-model.ts";
import { packageVersion } from "../version.ts";
import { stepsOf } from "./backup.ts";
import { type Call, callOf } from "./context.ts";
import { withDatabase } from "./direct.ts";

interface Options {
  readonly check?: boolean;
}

export function restoreCommand(program: Command): void {
  program
    .command("restore <file>")
    .description("bring back what a backup holds, into a database and stores that have none of it")
    .option("--check", "only look whether the file is whole")
    .action((file: string, options: Options, command: Command) => {
      const call = callOf(command);
      return options.check === true ? check(call, resolve(file)) : run(call, resolve(file));
    });
}

async function check({ output }: Call, path: string): Promise<void> {
  const { checkBackup } = await import("../../backup/check.ts");
  const backup = await checkBackup(path);
  const { header, end } = backup;
  const { id, moment, madeBy, postgres, leftOut } = header;
  const { objects, objectBytes, missing } = end;
  output.result(
    {
      file: path,
      id,
      moment,
      madeBy,
      postgres,
      leftOut,
      tables: tablesOf(backup),
      objects,
      objectBytes,
      missing,
    },
    `${path}: whole; ${objects} objects (${objectBytes} bytes) and the rows as of ${moment}, by Holdfast ${madeBy} on PostgreSQL ${postgres}`,
  );
  for (const { locator, problem } of missing) output.note(`not whole: ${locator}: ${problem}`);
}

function tablesOf({ header, end }: CheckedBackup): { table: string; rows: number }[] {
  return header.tables.map(({ schema, table }, at) => ({
    table: `${schema}.${table}`,
    rows: end.rows[at] ?? 0,
  }));
}

async function run(call: Call, path: string): Promise<void> {
  const { settings, output } = call;
  const { restore } = await import("../../backup/restore.ts");
  const { registry, broken } = await loadRegistry(settings);
  const storeConfigs = await readStores(settings);
  const report = await withDatabase(call, { storeConfigs, joins: false }, ({ database, stores, signal }) =>
    restore(
      {
        database,
        stores,
        parse: async (source, kept) =>
          checkModel(path, source, withKept({ source, registry, broken, storeConfigs }, kept)),
        version: packageVersion(),
        faults: parseFaultPoints(settings.fault),
      },
      { file: path, signal, onStep: stepsOf(process.stderr, output.json) },
    ),
  );
  const { header, objects, missing } = report;
  const schemaFile = await placeSchema(settings, report.source);
  output.result(
    { file: path, id: header.id, moment: header.moment, objects, missing, ...(schemaFile && { schemaFile }) },
    `Restored ${objects} objects and the rows as of ${header.moment}.`,
  );
  if (schemaFile !== undefined) output.note(`Made ${schemaFile}.`);
  for (const { locator, problem } of missing) output.note(`not whole: ${locator}: ${problem}`);
  output.note(
    "Signed URLs from before are not valid here; look at the stores with: holdfast fsck\nnext: holdfast start",
  );
}

/** The schema file of the backup, where there is none yet. */
async function placeSchema({ schemaPath }: Settings, source: string): Promise<string | undefined> {
  try {
    await writeFile(schemaPath, source, { flag: "wx" });
    return schemaPath;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return undefined;
    throw error;
  }
}
