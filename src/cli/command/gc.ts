/** `gc`: what nothing refers to goes, in two steps that can be undone. */

import type { Command } from "commander";
import { ServiceError } from "../../errors.ts";
import {
  type CollectRow,
  collectSelection,
  collectText,
  decisionLine,
  isWaiting,
  nextCollect,
} from "../collector/collect-text.ts";
import { type News, runToEnd } from "../collector/run.ts";
import { ListDocument, written } from "../document.ts";
import { callOf } from "./context.ts";
import { withService } from "./service.ts";

interface CollectOptions {
  readonly apply?: boolean;
  readonly confirm?: boolean;
  readonly store?: readonly string[];
  readonly explain?: boolean;
}

export function collectCommand(program: Command): void {
  program
    .command("gc")
    .description("tell what nothing refers to; with --apply, remove it in two steps that can be undone")
    .option("--apply", "do it")
    .option("--confirm", "with --apply: confirm what the last run has told")
    .option("--store <name...>", "these stores only")
    .option("--explain", "every decision a line")
    .action((options: CollectOptions, command: Command) => collect(options, command));
}

async function collect(options: CollectOptions, command: Command): Promise<void> {
  const { apply = false, confirm = false, store: stores, explain = false } = options;
  if (confirm && !apply)
    throw new ServiceError("BAD_USER_INPUT", "--confirm has no effect on a dry run.", {
      details: { field: "--confirm", remedy: "Type: holdfast gc --apply --confirm" },
    });
  const { output } = callOf(command);
  const document = explain && output.json ? new ListDocument(process.stdout, "decisions") : undefined;
  const input = { apply, confirm, follow: explain, ...(stores === undefined ? {} : { stores }) };
  const onNews = async ({ decisions }: News): Promise<void> => {
    if (document !== undefined) await document.add(decisions);
    else if (explain && decisions.length > 0)
      await written(process.stdout, `${decisions.map(decisionLine).join("\n")}\n`);
  };
  const run = await withService(command, (at, signal) =>
    runToEnd<CollectRow>(at, { mutation: "collect", input, selection: collectSelection, onNews }, signal),
  );
  if (document === undefined) output.result(run, collectText(run));
  else await document.end(run);
  const next = nextCollect(run, stores ?? []);
  if (next !== undefined) output.note(`next: ${next}`);
  if (run.isApplied && (run.collected ?? []).some(({ counts }) => counts.kill > 0))
    output.note("undo: holdfast revive <locator>; what can be: holdfast objects --removed");
  if (run.state === "FAILED") process.exitCode = 1;
  else if (isWaiting(run)) process.exitCode = 4;
}
