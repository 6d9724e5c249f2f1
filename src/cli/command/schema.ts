/** `check`, `plan`, `apply`, `drift`: from the schema file to tables. */

import type { Command } from "commander";
import { askSystem } from "../../client/ask.ts";
import { nextStep } from "../start/describe-changes.ts";
import { callOf } from "./context.ts";
import { withService } from "./service.ts";

interface Change {
  readonly summary: string;
  readonly sql: string;
  readonly destructive: boolean;
  readonly refusal: { readonly message: string; readonly remedy: string } | null;
}

interface Difference {
  readonly kind: string;
  readonly subject: string;
  readonly message: string;
  readonly breaks: boolean;
}

const changeFields = "kind summary sql destructive entity refusal { message remedy }";
const aboutSchemaFile = { schemaFile: true };
const nothingToDo = "Nothing to do: the tables are as the schema file says.";

export function schemaCommands(program: Command): void {
  program
    .command("check")
    .description("check the schema file and the extension beside it; touches no database")
    .action((_, command: Command) => check(command));
  program
    .command("plan")
    .description("show the SQL that apply would run; exit code 4 when there is some")
    .action((_, command: Command) => plan(command));
  program
    .command("apply")
    .description("make the tables follow the schema file, in one transaction")
    .option("--allow-destructive", "also remove what the schema file no longer has")
    .action((options: { allowDestructive?: boolean }, command: Command) => apply(options, command));
  program
    .command("drift")
    .description("compare the tables with the schema file; exit code 4 when they differ")
    .action((_, command: Command) => drift(command));
}

async function check(command: Command): Promise<void> {
  const { settings, output } = callOf(command);
  const { loadModel } = await import("../start/load-model.ts");
  const { checkExtension } = await import("../start/check-extension.ts");
  const loaded = await loadModel(settings, { readOnly: true });
  const { model } = loaded;
  const extension = await checkExtension(settings, loaded);
  const names = model.entities.map(({ name }) => name);
  const tables = `${names.length} ${names.length === 1 ? "table" : "tables"}`;
  output.result(
    { ok: true, entities: names, version: model.version, extension: extension?.file ?? null },
    [
      `${settings.schemaPath}: ${tables}, no problems`,
      ...(extension ? [`${extension.file}: no problems`] : []),
    ].join("\n"),
  );
  output.note("next: holdfast plan");
}

async function plan(command: Command): Promise<void> {
  const { plan } = await withService(
    command,
    (at) => askSystem<{ plan: Change[] }>(at, `{ plan { ${changeFields} } }`),
    aboutSchemaFile,
  );
  const { output } = callOf(command);
  output.result(plan, plan.length === 0 ? nothingToDo : plan.map(changeText).join("\n\n"));
  if (plan.length === 0) return;
  output.note(
    nextStep({
      refused: plan.some(({ refusal }) => refusal !== null),
      destructive: plan.some(({ destructive }) => destructive),
    }),
  );
  process.exitCode = 4;
}

/** SQL that can be run as it stands: what is no SQL is a comment. */
function changeText({ summary, sql, destructive, refusal }: Change): string {
  const mark = refusal !== null ? "   CANNOT BE MADE" : destructive ? "   DESTRUCTIVE" : "";
  const reason = refusal === null ? [] : [`--   ${refusal.message}`, `--   ${refusal.remedy}`];
  const statements = sql.trimEnd() === "" ? [] : [`${sql.trimEnd().replace(/;$/, "")};`];
  return [`-- ${summary}${mark}`, ...reason, ...statements].join("\n");
}

async function apply(options: { allowDestructive?: boolean }, command: Command): Promise<void> {
  const query = `mutation ($allow: Boolean!) { apply(allowDestructive: $allow) { ${changeFields} } }`;
  const variables = { allow: options.allowDestructive === true };
  const { apply } = await withService(
    command,
    (at) => askSystem<{ apply: Change[] }>(at, query, variables),
    aboutSchemaFile,
  );
  const { output } = callOf(command);
  output.result(apply, apply.map(({ summary }) => `applied: ${summary}`).join("\n") || nothingToDo);
}

async function drift(command: Command): Promise<void> {
  const { drift } = await withService(
    command,
    (at) => askSystem<{ drift: Difference[] }>(at, "{ drift { kind subject message breaks } }"),
    aboutSchemaFile,
  );
  const { output } = callOf(command);
  const text = drift.map(({ subject, message }) => `${subject}: ${message}`).join("\n");
  output.result(drift, text || "No drift: the tables are as the schema file says.");
  if (drift.length === 0) return;
  output.note("next: holdfast plan");
  process.exitCode = 4;
}
