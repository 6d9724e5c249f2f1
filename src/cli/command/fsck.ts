/** `fsck`: stores compared with the database. */

import type { Command } from "commander";
import {
  type CheckRow,
  checkSelection,
  checkText,
  findingLine,
  isDamaged,
  isMendable,
} from "../collector/check-text.ts";
import { type FindingRow, type News, runToEnd } from "../collector/run.ts";
import { ListDocument, written } from "../document.ts";
import { callOf, wrongOption } from "./context.ts";
import { withService } from "./service.ts";

interface CheckOptions {
  readonly apply?: boolean;
  readonly scrub?: string;
  readonly store?: readonly string[];
}

/** So many findings of a kind are told; the rest is counted, and all are in the JSON document. */
const mostLines = 20;

export function checkCommand(program: Command): void {
  program
    .command("fsck")
    .description("compare stores with the database; with --apply, mend what can be mended; deletes nothing")
    .option("--apply", "bring missing bytes back where they are kept, adopt unknown ones, verify")
    .option("--scrub <share>", "read and digest so much of the objects: 0.1, or all")
    .option("--store <name...>", "these stores only")
    .action((options: CheckOptions, command: Command) => check(options, command));
}

async function check({ apply = false, scrub, store: stores }: CheckOptions, command: Command): Promise<void> {
  const { output } = callOf(command);
  const share = scrub === undefined ? 0 : shareOf(scrub);
  const document = output.json ? new ListDocument(process.stdout, "findings") : undefined;
  const input = { apply, scrub: share, follow: true, ...(stores === undefined ? {} : { stores }) };
  const told = new Map<string, number>();
  const onNews = async ({ findings }: News): Promise<void> => {
    if (document !== undefined) return document.add(findings);
    const lines = findings.filter((finding) => isTold(told, finding)).map(findingLine);
    if (lines.length > 0) await written(process.stdout, `${lines.join("\n")}\n`);
  };
  const run = await withService(command, (at, signal) =>
    runToEnd<CheckRow>(at, { mutation: "fsck", input, selection: checkSelection, onNews }, signal),
  );
  if (document === undefined) output.result(run, checkText(run));
  else await document.end(run);
  for (const [kind, count] of told)
    if (count > mostLines) output.note(`${kind}: ${count - mostLines} more; all of them with --json`);
  const named = (stores ?? []).map((name) => ` --store ${name}`).join("");
  if (isMendable(run)) output.note(`next: holdfast fsck --apply${named}`);
  if (run.state === "FAILED") process.exitCode = 1;
  else if (isDamaged(run)) process.exitCode = 5;
  else if (run.doubts.length > 0) process.exitCode = 4;
}

function isTold(told: Map<string, number>, { kind }: FindingRow): boolean {
  const count = (told.get(kind) ?? 0) + 1;
  told.set(kind, count);
  return count <= mostLines;
}

function shareOf(text: string): number {
  const share = text === "all" ? 1 : Number(text);
  if (text.trim() !== "" && share > 0 && share <= 1) return share;
  throw wrongOption("--scrub", text, "all, or a number above 0 and up to 1");
}
