/** `doctor`: checks what a service needs, one line each, with the remedy. */

import { access, constants, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import type { Command } from "commander";
import { isServiceError } from "../../errors.ts";
import { readStoreConfigs } from "../../store/config.ts";
import { openStores } from "../../store/open.ts";
import type { Settings } from "../settings.ts";
import { loadModel } from "../start/load-model.ts";
import { runningServer } from "../start/server-file.ts";
import { textTable } from "../text-table.ts";
import { callOf } from "./context.ts";

interface Finding {
  readonly check: string;
  readonly ok: boolean;
  readonly message: string;
}

type Check = readonly [name: string, run: (settings: Settings) => Promise<string>];

const leastFreeBytes = 1024 ** 3;

const checks: readonly Check[] = [
  ["node", async () => `${process.version}`],
  [
    "schema file",
    async (settings) =>
      `${(await loadModel(settings)).model.entities.length} tables in ${settings.schemaPath}`,
  ],
  ["data folder", dataFolder],
  ["stores", stores],
  [
    "server",
    async (settings) =>
      (await runningServer(settings.dataFolder))?.url ?? "none is running; start one with: holdfast start",
  ],
];

export function doctorCommand(program: Command): void {
  program
    .command("doctor")
    .description("check what a service needs, and say what to do")
    .action((_, command: Command) => doctor(command));
}

async function doctor(command: Command): Promise<void> {
  const { settings, output } = callOf(command);
  const findings: Finding[] = [];
  for (const [check, run] of checks) findings.push(await find(check, () => run(settings)));
  const rows = findings.map(({ check, ok, message }) => [ok ? "ok" : "PROBLEM", check, message]);
  output.result(findings, textTable(["", "", ""], rows).trim());
  if (findings.some(({ ok }) => !ok)) process.exitCode = 1;
}

async function find(check: string, run: () => Promise<string>): Promise<Finding> {
  try {
    return { check, ok: true, message: await run() };
  } catch (error) {
    if (!isServiceError(error)) return { check, ok: false, message: String(error) };
    const remedy = error.details.remedy === undefined ? "" : ` ${error.details.remedy}`;
    return { check, ok: false, message: error.message + remedy };
  }
}

async function dataFolder({ dataFolder: folder }: Settings): Promise<string> {
  const at = await firstThatExists(folder);
  await access(at, constants.W_OK);
  const { bavail, bsize } = await statfs(at);
  const free = bavail * bsize;
  if (free < leastFreeBytes) throw new Error(`${folder} has ${free} bytes left; free some space.`);
  return `${folder}, ${Math.floor(free / 1024 ** 3)} GiB free`;
}

async function firstThatExists(folder: string): Promise<string> {
  for (let at = folder; ; at = dirname(at)) {
    const there = await access(at).then(
      () => true,
      () => false,
    );
    if (there || at === dirname(at)) return at;
  }
}

async function stores(settings: Settings): Promise<string> {
  const configs = await readStoreConfigs({
    folder: dirname(settings.schemaPath),
    environment: process.env,
    dataFolder: settings.dataFolder,
  });
  const opened = await openStores(configs);
  for (const { driver } of opened.all.values()) await driver.probe();
  return `${[...opened.all.keys()].join(", ")} (from ${configs.source})`;
}
