/** `adopt`: tables that others have made come under the guard of foreign keys, and out of it again. Works on the database itself. */

import type { Command } from "commander";
import { adopt, planAdoption } from "../../adopt/adopt.ts";
import type { AdoptReport } from "../../adopt/contract.ts";
import { planUndo, type UndoReport, undo } from "../../adopt/undo.ts";
import { schemasThere } from "../../db/read-schemas.ts";
import { ServiceError } from "../../errors.ts";
import { parseFaultPoints } from "../../object/fault-points.ts";
import { openStores } from "../../store/open.ts";
import { adoptText, countsOf, emptyStores, undoText } from "../adopt/adopt-text.ts";
import { secondsOption } from "../duration.ts";
import { readStores } from "../start/load-model.ts";
import { stepsOf } from "./backup.ts";
import { type Call, callOf } from "./context.ts";
import { type Direct, withDatabase, withDatabaseAsIs } from "./direct.ts";
import { repeatedSchemas } from "./repeated-schemas.ts";

interface AdoptFlags {
  readonly apply?: boolean;
  readonly undo?: boolean;
  readonly bytes: boolean;
  readonly maxLock: string;
}

/** Locks that others hold are waited for so long in each step. */
const patienceMs = 60_000;

export function adoptCommand(program: Command): void {
  const schemas = repeatedSchemas(program);
  program
    .command("adopt")
    .description(
      "guard the stored values of tables that others have made; tells what it would do, and with --apply does it",
    )
    .usage("--schema <name> [--schema <name> …] [options]")
    .option("--apply", "do it, while everybody goes on writing; a run that ended half-way is gone on with")
    .option("--undo", "take back what adopt and apply have added to the schemas; with --apply does it")
    .option("--no-bytes", "do not look whether the bytes of the values are in their stores")
    .option("--max-lock <time>", "longest time that a table may be locked while it is written anew", "30s")
    .addHelpText("after", "\n--schema <name> is a PostgreSQL schema here, and may stand several times.")
    .action((flags: AdoptFlags, command: Command) => run(schemas, flags, command));
}

async function run(names: readonly string[], flags: AdoptFlags, command: Command): Promise<void> {
  const schemas = [...new Set(names)];
  if (schemas.length === 0) {
    throw new ServiceError("BAD_USER_INPUT", "adopt needs the PostgreSQL schemas to adopt.", {
      details: { field: "--schema", remedy: "Type: holdfast adopt --schema <name>" },
    });
  }
  const maxLockMs = secondsOption("--max-lock", flags.maxLock) * 1000;
  // `--schema` names no file here: the project is where the command runs.
  const call = callOf(command, { schemaIsFile: false });
  const storeConfigs = await readStores(call.settings, { readOnly: flags.apply !== true });
  const onStep = stepsOf(process.stderr, call.output.json);
  const faults = parseFaultPoints(call.settings.fault);
  const options = { faults, schemas, looksAtBytes: flags.bytes, onStep, maxLockMs, patienceMs };
  const work = async ({ database, stores, signal }: Direct): Promise<AdoptReport | UndoReport> => {
    await schemasThere(database, schemas);
    const all = { ...options, stores, signal };
    if (flags.undo === true) return flags.apply === true ? undo(database, all) : planUndo(database, schemas);
    return flags.apply === true ? adopt(database, all) : planAdoption(database, all);
  };
  const report =
    flags.apply === true
      ? await withDatabase(call, { storeConfigs, joins: true }, work)
      : await withDatabaseAsIs(call, async (direct) =>
          work({ ...direct, stores: await openStores(storeConfigs) }),
        );
  if ("holds" in report) tellUndo(report, call);
  else tellAdoption(report, call);
}

function tellAdoption(report: AdoptReport, { output }: Call): void {
  const { open, obstacles, missing } = countsOf(report);
  output.result(report, adoptText(report));
  for (const note of report.notes) output.note(note);
  const again = report.schemas.map((name) => `--schema ${name}`).join(" ");
  for (const { place, store } of emptyStores(report))
    output.note(`None of the bytes of ${place} are in the store ${store}: is it the one that Python means?`);
  if (missing > 0)
    output.note(
      `${missing} rows are without their bytes: they were so before, and are guarded all the same.`,
    );
  if (!report.applied && open > obstacles)
    output.note(`nothing was changed; next: holdfast adopt ${again} --apply`);
  if (report.applied && open > 0)
    output.note(`when nothing is in the way any more: holdfast adopt ${again} --apply`);
  if (report.applied && open === 0) output.note(`undo: holdfast adopt ${again} --undo`);
  if (open > 0 || obstacles > 0) process.exitCode = 4;
  else if (missing > 0) process.exitCode = 5;
}

function tellUndo(report: UndoReport, { output }: Call): void {
  const isNothing = report.tables.length === 0 && report.holds.length === 0;
  output.result(report, undoText(report));
  const isOpen = report.obstacles.length > 0 || report.failed.length > 0;
  if (isOpen || (!report.applied && !isNothing)) process.exitCode = 4;
  if (!report.applied && !isNothing && !isOpen) {
    const again = report.schemas.map((name) => `--schema ${name}`).join(" ");
    output.note(`nothing was changed; next: holdfast adopt ${again} --undo --apply`);
  }
  if (report.applied && report.stores.length > 0)
    output.note(
      `The objects stay. The collector deletes nothing while these columns are without guard; then ${report.stores.join(", ")} must be confirmed anew.`,
    );
}
