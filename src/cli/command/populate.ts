/** `populate`: makers work off the jobs of their tables, beside any other worker. */

import type { Command } from "commander";
import { ask } from "../../client/ask.ts";
import type { Endpoint } from "../../client/request.ts";
import { ServiceError } from "../../errors.ts";
import type { Maker, Outcome } from "../../populate/contract.ts";
import { loadMaker } from "../../populate/load.ts";
import { type PopulateOptions, populate, type Totals } from "../../populate/populate.ts";
import { uploadsTo } from "../../populate/send.ts";
import { ListDocument, written } from "../document.ts";
import { callOf, wholeOption, wrongOption } from "./context.ts";
import { withService } from "./service.ts";

interface CommandOptions {
  readonly parallel: string;
  readonly limit?: string;
  readonly lease: string;
  readonly refresh: boolean;
  readonly watch?: string;
}

export function populateCommand(program: Command): void {
  program
    .command("populate <maker...>")
    .description(
      "make the rows of computed tables with the makers of these files, each key once among all workers",
    )
    .option("--parallel <n>", "keys at a time, 1 to 64", "1")
    .option("--limit <n>", "keys in all, of each maker")
    .option("--lease <seconds>", "a worker that is silent for so long loses its key", "60")
    .option("--no-refresh", "work off the jobs that are there; add none for new keys")
    .option("--watch <seconds>", "when nothing is left wait, and look again so often")
    .action((files: string[], options: CommandOptions, command: Command) => run(files, options, command));
}

async function run(files: readonly string[], options: CommandOptions, command: Command): Promise<void> {
  const { output } = callOf(command);
  const given = checked(options);
  const makers: Maker[] = [];
  for (const file of files) makers.push(await loadMaker(file));
  if (given.watchSeconds !== undefined && makers.length > 1)
    throw wrongOption("--watch", options.watch ?? "", "one maker: start a command for each");
  const document = output.json ? new ListDocument(process.stdout, "keys") : undefined;
  const all: (Totals & { readonly table: string })[] = [];
  await withService(command, async (at, signal) => {
    for (const maker of makers) {
      const onOutcome = async (outcome: Outcome): Promise<void> => {
        if (document !== undefined) await document.add([outcome]);
        else if (isTold(outcome)) await written(process.stdout, `${lineOf(outcome)}\n`);
      };
      const totals = await populate(maker, { ...given, ...(await reaching(at, maker, signal)), onOutcome });
      all.push({ table: maker.table, ...totals });
    }
  });
  if (document !== undefined) await document.end({ tables: all });
  else output.result(all, all.map(textOf).join("\n"));
  if (all.some(({ FAILED }) => FAILED > 0)) process.exitCode = 1;
}

/** @throws {BAD_USER_INPUT} for a server whose schema has no such jobs. */
async function reaching(
  at: Endpoint,
  { table }: Maker,
  signal: AbortSignal,
): Promise<Pick<PopulateOptions, "ask" | "upload" | "signal">> {
  const query = '{ jobs: __type(name: "JobTable") { enumValues { name } } }';
  const { jobs } = await ask<{ jobs: { enumValues: { name: string }[] } | null }>(at, query);
  const tables = jobs?.enumValues.map(({ name }) => name) ?? [];
  if (!tables.includes(table)) throw noJobs(table, tables);
  return {
    ask: (document, variables, stop) => ask(at, document, variables, stop),
    upload: uploadsTo(at),
    signal,
  };
}

function noJobs(table: string, tables: readonly string[]): ServiceError {
  const there = tables.length === 0 ? "No table of this schema has any" : `There are: ${tables.join(", ")}`;
  return new ServiceError("BAD_USER_INPUT", `${table} has no jobs.`, {
    details: {
      field: "table",
      value: table,
      remedy: `Only Imported and Computed tables whose keys have references have jobs. ${there}.`,
    },
  });
}

function checked({ parallel, limit, lease, refresh, watch }: CommandOptions) {
  return {
    parallel: wholeOption("--parallel", parallel, [1, 64]),
    leaseSeconds: wholeOption("--lease", lease, [3, 86_400]),
    refresh,
    ...(limit !== undefined && { limit: wholeOption("--limit", limit, [1, 1_000_000_000]) }),
    ...(watch !== undefined && { watchSeconds: wholeOption("--watch", watch, [1, 86_400]) }),
  };
}

function isTold({ state }: Outcome): boolean {
  return state === "FAILED" || state === "LOST";
}

function lineOf({ table, key, state, message }: Outcome): string {
  return `${table} ${JSON.stringify(key)}: ${state === "LOST" ? "lost" : "failed"}: ${message}`;
}

function textOf({ table, MADE, SKIPPED, FAILED, LOST }: Totals & { readonly table: string }): string {
  const others = [
    ...(SKIPPED > 0 ? [`${SKIPPED} skipped`] : []),
    ...(FAILED > 0 ? [`${FAILED} failed`] : []),
    ...(LOST > 0 ? [`${LOST} lost to other workers`] : []),
  ];
  return [`${table}: ${MADE} made`, ...others].join(", ");
}
