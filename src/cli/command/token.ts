/** `token`: who may call when the server listens beyond this machine. */

import { chmod, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Command } from "commander";
import { ServiceError } from "../../errors.ts";
import { createToken, parseTokens, type Right, rights } from "../../http/tokens.ts";
import type { Settings } from "../settings.ts";
import { textTable } from "../text-table.ts";
import { callOf, wholeOption, wrongOption } from "./context.ts";

export function tokenCommands(program: Command): void {
  const token = program.command("token").description("bearer tokens of the file HOLDFAST_TOKENS");
  token
    .command("create <name>")
    .description("make a token; it is shown once, the file keeps a hash")
    .option("--right <right>", "READ, WRITE or ADMIN; each includes the ones before", "READ")
    .option("--days <n>", "how long it is valid; for ever unless given")
    .action((name: string, options: { right: string; days?: string }, command: Command) =>
      create(name, options, command),
    );
  token
    .command("list")
    .description("list the tokens, never their secrets")
    .action((_, command: Command) => list(command));
  token
    .command("revoke <name>")
    .description("remove a token")
    .action((name: string, _, command: Command) => revoke(name, command));
}

const fileOf = (settings: Settings) => settings.tokensFile ?? join(settings.dataFolder, "tokens");

async function textOf(file: string): Promise<string> {
  return readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
}

async function write(file: string, text: string): Promise<void> {
  const fresh = `${file}.new`;
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(fresh, text, { mode: 0o600 });
  await chmod(fresh, 0o600);
  await rename(fresh, file);
}

async function create(
  name: string,
  options: { right: string; days?: string },
  command: Command,
): Promise<void> {
  const { settings, output } = callOf(command);
  const right = rights.find((one): one is Right => one === options.right.toUpperCase());
  if (right === undefined) throw wrongOption("--right", options.right, `one of ${rights.join(", ")}`);
  const days = options.days === undefined ? undefined : wholeOption("--days", options.days, [1, 36_500]);
  const file = fileOf(settings);
  const before = await textOf(file);
  if (parseTokens(before, file).some((one) => one.name === name)) {
    throw new ServiceError("CONFLICT", `There is a token ${name} already.`, {
      details: {
        field: "name",
        value: name,
        remedy: `Choose another name, or run: holdfast token revoke ${name}`,
      },
    });
  }
  const expiresAt = days === undefined ? {} : { expiresAt: new Date(Date.now() + days * 86_400_000) };
  const { token, line } = createToken({ name, right, ...expiresAt });
  await write(file, before === "" || before.endsWith("\n") ? before + line : `${before}\n${line}`);
  output.note(`Kept as a hash in ${file}. This is the only time the token is shown:`);
  output.result({ name, right, token, file, expiresAt: expiresAt.expiresAt?.toISOString() ?? null }, token);
  output.note(`next: HOLDFAST_TOKENS=${file} HOST=0.0.0.0 holdfast start`);
  output.note("      (a server that runs with this file takes the token within a second)");
}

async function list(command: Command): Promise<void> {
  const { settings, output } = callOf(command);
  const tokens = parseTokens(await textOf(fileOf(settings)), fileOf(settings)).map(
    ({ name, right, expiresAt }) => ({
      name,
      right,
      expiresAt: expiresAt?.toISOString() ?? null,
    }),
  );
  const rows = tokens.map((one) => [one.name, one.right, one.expiresAt ?? "never"]);
  output.result(tokens, textTable(["name", "right", "expires"], rows));
  if (tokens.length === 0) output.note("next: holdfast token create <name> --right WRITE");
}

async function revoke(name: string, command: Command): Promise<void> {
  const { settings, output } = callOf(command);
  const file = fileOf(settings);
  const before = await textOf(file);
  if (!parseTokens(before, file).some((one) => one.name === name)) {
    throw new ServiceError("NOT_FOUND", `There is no token ${name}.`, {
      details: { field: "name", value: name, remedy: "See them with: holdfast token list" },
    });
  }
  const kept = before.split("\n").filter((line) => parseTokens(line, file)[0]?.name !== name);
  await write(file, kept.join("\n"));
  output.result({ revoked: name }, `${name} is revoked.`);
}
