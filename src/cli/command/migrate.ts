/** `migrate`: fields get another codec with their values kept, while everybody reads and writes. */

import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import { askSystem } from "../../client/ask.ts";
import type { Endpoint } from "../../client/request.ts";
import type { Output } from "../output.ts";
import { callOf } from "./context.ts";
import { withService } from "./service.ts";

interface MigrateOptions {
  readonly dryRun?: boolean;
  readonly stores?: boolean;
  readonly status?: boolean;
  readonly abandon?: boolean;
  readonly dropOld?: boolean;
  readonly confirm?: boolean;
}

interface ChangeRow {
  readonly id: string;
  readonly subject: string;
  readonly from: string;
  readonly to: string;
  readonly state: "COPYING" | "SWAPPED" | "DROPPED" | "ABANDONED";
  readonly copied: string;
  readonly failed: string;
  readonly failures: readonly { readonly key: Readonly<Record<string, string>>; readonly message: string }[];
  readonly error: string | null;
}

interface PlannedRow extends Pick<ChangeRow, "subject" | "from" | "to"> {
  readonly values: string;
  readonly sql: string;
  readonly obstacle: string | null;
}

const fields =
  "id entity subject from to state copied failed failures { key message } error begunAt swappedAt";
const needs = { schemaFile: true };
const lookEveryMs = 300;
/** Failures that are told by name. */
const mostLines = 20;

export function migrateCommand(program: Command): void {
  program
    .command("migrate")
    .description("give fields the codecs that the schema file names, with their values, while writers write")
    .option("--dry-run", "say what would be changed, and why something cannot be")
    .option("--stores", "also move values that lie in another store than their field's")
    .option("--status", "say how far it is")
    .option("--abandon", "give it up: the fields stay as they were")
    .option("--drop-old", "drop the values as they were before; needs --confirm")
    .option("--confirm", "do what cannot be undone")
    .action((options: MigrateOptions, command: Command) => migrate(options, command));
}

async function migrate(options: MigrateOptions, command: Command): Promise<void> {
  const { output } = callOf(command);
  await withService(
    command,
    async (at, signal) => {
      if (options.dryRun === true) return dryRun(at, output, options.stores === true);
      if (options.dropOld === true) return dropOld(at, output, options.confirm === true);
      if (options.abandon === true) return tell(output, await ask(at, "mutation", "abandonCodecChanges"));
      if (options.status === true) return tell(output, await ask(at, "query", "codecChanges"));
      return follow(at, { output, signal, stores: options.stores === true });
    },
    needs,
  );
}

async function ask(at: Endpoint, kind: "query" | "mutation", name: string): Promise<readonly ChangeRow[]> {
  const { found } = await askSystem<{ found: ChangeRow[] }>(at, `${kind} { found: ${name} { ${fields} } }`);
  return found;
}

async function planned(at: Endpoint, stores: boolean): Promise<readonly PlannedRow[]> {
  const query = `{ found: plannedCodecChanges(stores: ${stores}) { entity subject from to values sql obstacle } }`;
  return (await askSystem<{ found: PlannedRow[] }>(at, query)).found;
}

async function dryRun(at: Endpoint, output: Output, stores: boolean): Promise<void> {
  const found = await planned(at, stores);
  output.result(found, found.map(plannedText).join("\n\n") || nothing);
  if (found.length === 0) return;
  const isBlocked = found.some(({ obstacle }) => obstacle !== null);
  const next = stores ? "next: holdfast migrate --stores" : "next: holdfast migrate";
  output.note(isBlocked ? "next: change the schema file as said" : next);
  process.exitCode = 4;
}

function plannedText({ subject, from, to, values, sql, obstacle }: PlannedRow): string {
  const head = `-- ${subject}: ${values} values from ${from} to ${to}`;
  return obstacle === null ? `${head}\n${sql};` : `${head}   CANNOT BE MADE: ${obstacle}`;
}

const nothing = "Nothing to do: no field of the schema file has another codec than its column.";

/** Begins, and waits for the end; Ctrl-C leaves a server at its work. */
async function follow(
  at: Endpoint,
  {
    output,
    signal,
    stores,
  }: { readonly output: Output; readonly signal: AbortSignal; readonly stores: boolean },
): Promise<void> {
  const first = await ask(at, "mutation", `beginCodecChanges(stores: ${stores})`);
  const mine = new Set(first.filter(({ state }) => state === "COPYING").map(({ id }) => id));
  if (mine.size === 0) {
    const done = first.filter(({ state }) => state === "SWAPPED");
    output.result(first, done.length === 0 ? nothing : done.map(line).join("\n"));
    if (done.length > 0) output.note("next: holdfast migrate --drop-old");
    return;
  }
  for (let told = ""; ; ) {
    const now = (await ask(at, "query", "codecChanges")).filter(({ id }) => mine.has(id));
    const isOver = now.every(({ state, error }) => state !== "COPYING" || error !== null);
    if (isOver) return tell(output, now);
    const text = now.map(line).join("; ");
    if (text !== told) output.note(text);
    told = text;
    await sleep(lookEveryMs, undefined, { signal });
  }
}

function tell(output: Output, rows: readonly ChangeRow[]): void {
  output.result(rows, rows.map(text).join("\n") || "No field has changed its codec.");
  if (rows.some((one) => one.state === "COPYING" && one.error !== null)) {
    output.note("next: mend what is said, then: holdfast migrate; or give it up: holdfast migrate --abandon");
    process.exitCode = 4;
  } else if (rows.some(({ state }) => state === "SWAPPED")) output.note("next: holdfast migrate --drop-old");
}

function text(change: ChangeRow): string {
  const failures = change.failures.slice(0, mostLines).map(({ key, message }) => {
    const named = Object.entries(key).map(([name, value]) => `${name}=${value}`);
    return `  ${named.join(" ")}: ${message}`;
  });
  const more = Number(change.failed) - failures.length;
  return [
    line(change),
    ...(change.error === null ? [] : [`  ${change.error}`]),
    ...failures,
    ...(more > 0 ? [`  and ${more} more`] : []),
  ].join("\n");
}

function line({ subject, from, to, state, copied, failed }: ChangeRow): string {
  const counts = `${copied} copied${failed === "0" ? "" : `, ${failed} in the way`}`;
  const words = {
    COPYING: `copying, ${counts}`,
    SWAPPED: `done, ${counts}; the old values are kept`,
    DROPPED: "done; the old values are dropped",
    ABANDONED: "given up",
  };
  return `${subject} from ${from} to ${to}: ${words[state]}`;
}

async function dropOld(at: Endpoint, output: Output, isConfirmed: boolean): Promise<void> {
  const done = (await ask(at, "query", "codecChanges")).filter(({ state }) => state === "SWAPPED");
  if (isConfirmed || done.length === 0) {
    const rows = done.length === 0 ? done : await ask(at, "mutation", "dropOldValues");
    output.result(rows, rows.map(line).join("\n") || "No old values are kept.");
    return;
  }
  output.result(done, done.map(({ subject, from }) => `the values of ${subject} as ${from}`).join("\n"));
  output.note(
    "These would be dropped, and nothing brings them back. next: holdfast migrate --drop-old --confirm",
  );
  process.exitCode = 4;
}
