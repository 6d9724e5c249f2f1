/** `lineage`: what DataJoint joins by, of tables that anybody may have made. Works on the database itself. */

import type { Command } from "commander";
import { compareLineage, type LineageReport, rebuildLineage } from "../../db/lineage.ts";
import { schemasThere } from "../../db/read-schemas.ts";
import { ServiceError } from "../../errors.ts";
import { type Call, callOf } from "./context.ts";
import { withDatabaseAsIs } from "./direct.ts";
import { repeatedSchemas } from "./repeated-schemas.ts";

export function lineageCommand(program: Command): void {
  const schemas = repeatedSchemas(program);
  program
    .command("lineage")
    .description(
      "compare ~lineage, by which DataJoint joins, with keys and foreign keys; with --apply mend it",
    )
    .usage("--schema <name> [--schema <name> …] [options]")
    .option("--apply", "mend it, in one transaction")
    .addHelpText("after", "\n--schema <name> is a PostgreSQL schema here, and may stand several times.")
    .action((options: { apply?: boolean }, command: Command) =>
      run(schemas, options.apply === true, command),
    );
}

async function run(names: readonly string[], applies: boolean, command: Command): Promise<void> {
  const schemas = [...new Set(names)];
  if (schemas.length === 0) {
    throw new ServiceError("BAD_USER_INPUT", "lineage needs the PostgreSQL schemas to look at.", {
      details: { field: "--schema", remedy: "Type: holdfast lineage --schema <name>" },
    });
  }
  const call = callOf(command, { schemaIsFile: false });
  const report = await withDatabaseAsIs(call, async ({ database }) => {
    await schemasThere(database, schemas);
    return applies ? rebuildLineage(database, schemas) : compareLineage(database, schemas);
  });
  tell(report, schemas, call);
}

function tell(report: LineageReport, schemas: readonly string[], { output }: Call): void {
  const { applied } = report;
  const lines = report.schemas.flatMap(({ schema, hasTable, faults }) => [
    ...(hasTable ? [] : [`${schema}: ${applied ? "made" : "there is no"} ~lineage`]),
    ...faults.map(({ table, column, kind, is, should }) => {
      const from = is === undefined ? "" : ` ${is}`;
      const to = should === undefined ? "" : ` ${is === undefined ? "" : "-> "}${should}`;
      return `${schema}.${table}.${column}: ${kind}${from}${to}`;
    }),
  ]);
  const isRight = lines.length === 0;
  output.result(
    report,
    isRight ? `The lineage of ${schemas.join(", ")} is as it should be.` : lines.join("\n"),
  );
  for (const note of report.notes) output.note(note);
  if (isRight) return;
  if (applied) output.note("Mended. Python programs that run must open their schemas anew.");
  else {
    const again = schemas.map((name) => `--schema ${name}`).join(" ");
    output.note(`nothing was changed; next: holdfast lineage ${again} --apply`);
    process.exitCode = 4;
  }
}
