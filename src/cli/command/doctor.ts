/** `doctor`: checks what a service needs, one line each, with the remedy. */

import type { Command } from "commander";
import { textTable } from "../text-table.ts";
import { callOf } from "./context.ts";

export function doctorCommand(program: Command): void {
  program
    .command("doctor")
    .description("check what a service needs, and say what to do")
    .action((_, command: Command) => doctor(command));
}

async function doctor(command: Command): Promise<void> {
  const { settings, output } = callOf(command);
  const { checkUp } = await import("../checkup.ts");
  const findings = await checkUp(settings);
  const rows = findings.map(({ check, ok, message }) => [ok ? "ok" : "PROBLEM", check, message]);
  output.result(findings, textTable(["", "", ""], rows).trim());
  const broken = findings.filter(({ ok }) => !ok).length;
  if (broken > 0) process.exitCode = 1;
  else output.note("next: holdfast start");
}
