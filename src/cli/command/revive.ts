/** `revive`: what was condemned or killed, back. */

import type { Command } from "commander";
import { askSystem } from "../../client/ask.ts";
import { textTable } from "../text-table.ts";
import { callOf } from "./context.ts";
import { withService } from "./service.ts";

interface RevivedRow {
  readonly locator: string;
  readonly outcome: string;
  readonly message: string;
}

/** Bringing bytes back takes time; an answer should not take minutes. */
const atOnce = 10;

export function reviveCommand(program: Command): void {
  program
    .command("revive <locators...>")
    .description("bring condemned and killed objects back, from the trash too, for another grace period")
    .action((locators: string[], _, command: Command) => revive(locators, command));
}

async function revive(locators: readonly string[], command: Command): Promise<void> {
  const mutation =
    "mutation ($locators: [ID!]!) { reviveObjects(locators: $locators) { locator outcome message } }";
  const revived = await withService(command, async (at, signal) => {
    const all: RevivedRow[] = [];
    for (let begin = 0; begin < locators.length && !signal.aborted; begin += atOnce) {
      const some = { locators: locators.slice(begin, begin + atOnce) };
      all.push(...(await askSystem<{ reviveObjects: RevivedRow[] }>(at, mutation, some)).reviveObjects);
    }
    return all;
  });
  const { output } = callOf(command);
  const rows = revived.map(({ locator, outcome, message }) => [locator, outcome, message]);
  output.result(revived, textTable(["locator", "", ""], rows));
  const outcomes = new Set(revived.map(({ outcome }) => outcome));
  if (outcomes.has("gone")) process.exitCode = 3;
  else if (outcomes.has("busy")) process.exitCode = 4;
}
