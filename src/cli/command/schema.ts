/** `check`, `plan`, `apply`, `drift`, `schema`: from the schema file to tables. */

import type { Command } from "commander";
import { askSystem } from "../ask.ts";
import { loadModel } from "../start/load-model.ts";
import { callOf, withService } from "./context.ts";

interface Change {
  readonly summary: string;
  readonly sql: string;
  readonly destructive: boolean;
}

export function schemaCommands(program: Command): void {
  program
    .command("check")
    .description("check the schema file; touches no database")
    .action((_, command: Command) => check(command));
  program
    .command("plan")
    .description("show the SQL that apply would run; destructive steps are marked")
    .action((_, command: Command) => plan(command));
  program
    .command("apply")
    .description("make the tables follow the schema file, in one transaction")
    .option("--allow-destructive", "also drop what the schema file no longer has")
    .action((options: { allowDestructive?: boolean }, command: Command) => apply(options, command));
  program
    .command("drift")
    .description("compare the tables with the schema file")
    .action((_, command: Command) => drift(command));
  program
    .command("schema")
    .description("print the GraphQL schema of the API")
    .action((_, command: Command) => schema(command));
}

async function check(command: Command): Promise<void> {
  const { settings, output } = callOf(command);
  const { model } = await loadModel(settings);
  const names = model.entities.map(({ name }) => name);
  output.result(
    { ok: true, entities: names, version: model.version },
    `${settings.schemaPath}: ${names.length} tables, no problems`,
  );
}

function changeText(changes: readonly Change[]): string {
  if (changes.length === 0) return "Nothing to do: the tables are as the schema file says.";
  return changes
    .map(
      (change) =>
        `-- ${change.summary}${change.destructive ? "   DESTRUCTIVE" : ""}\n${change.sql.trimEnd()}`,
    )
    .join("\n\n");
}

async function plan(command: Command): Promise<void> {
  const { plan } = await withService(command, (at) =>
    askSystem<{ plan: Change[] }>(at, "{ plan { summary sql destructive entity } }"),
  );
  const { output } = callOf(command);
  output.result(plan, changeText(plan));
  if (plan.length === 0) return;
  const destructive = plan.some((change) => change.destructive);
  output.note(`next: holdfast apply${destructive ? " --allow-destructive" : ""}`);
  process.exitCode = 4;
}

async function apply(options: { allowDestructive?: boolean }, command: Command): Promise<void> {
  const query =
    "mutation ($allow: Boolean!) { apply(allowDestructive: $allow) { summary sql destructive entity } }";
  const variables = { allow: options.allowDestructive === true };
  const { apply } = await withService(command, (at) => askSystem<{ apply: Change[] }>(at, query, variables));
  const text = apply.map(({ summary }) => `applied: ${summary}`).join("\n");
  callOf(command).output.result(apply, text || "Nothing to do: the tables are as the schema file says.");
}

async function drift(command: Command): Promise<void> {
  const { drift } = await withService(command, (at) =>
    askSystem<{ drift: { kind: string; subject: string; message: string }[] }>(
      at,
      "{ drift { kind subject message } }",
    ),
  );
  const text = drift.map(({ subject, message }) => `${subject}: ${message}`).join("\n");
  callOf(command).output.result(drift, text || "No drift: the tables are as the schema file says.");
  if (drift.length > 0) process.exitCode = 4;
}

async function schema(command: Command): Promise<void> {
  const { model } = await withService(command, (at) =>
    askSystem<{ model: { apiSdl: string } }>(at, "{ model { apiSdl } }"),
  );
  callOf(command).output.result({ sdl: model.apiSdl }, model.apiSdl);
}
