/** `codec`: the loaded codecs. */

import type { Command } from "commander";
import { ServiceError } from "../../errors.ts";
import { askSystem } from "../ask.ts";
import { textTable } from "../text-table.ts";
import { callOf } from "./context.ts";
import { withService } from "./service.ts";

interface CodecRow {
  readonly name: string;
  readonly version: number;
  readonly summary: string;
  readonly inRow: boolean;
  readonly inStore: boolean;
  readonly output: string;
  readonly input: string;
  readonly acceptsTree: boolean;
  readonly acceptsUpload: boolean;
  readonly typeDefs: string;
  readonly fields: readonly {
    readonly name: string;
    readonly type: string;
    readonly args: string | null;
    readonly description: string;
    readonly filter: string | null;
  }[];
}

export function codecCommands(program: Command): void {
  const codec = program.command("codec").description("the loaded codecs");
  codec
    .command("list", { isDefault: true })
    .description("list the loaded codecs")
    .action((_, command: Command) => listCodecs(command));
  codec
    .command("show <name>")
    .description("show what can be selected of a codec's values, and how values are given")
    .action((name: string, _, command: Command) => showCodec(name, command));
}

async function allCodecs(command: Command): Promise<readonly CodecRow[]> {
  const query = `{ codecs { name version summary inRow inStore output input acceptsTree acceptsUpload typeDefs
    fields { name type args description filter } } }`;
  return (await withService(command, (at) => askSystem<{ codecs: CodecRow[] }>(at, query))).codecs;
}

const placeOf = (row: CodecRow) =>
  [row.inRow ? "row" : "", row.inStore ? "store" : ""].filter(Boolean).join(", ");

async function listCodecs(command: Command): Promise<void> {
  const codecs = await allCodecs(command);
  const { output } = callOf(command);
  const rows = codecs.map((row) => [row.name, String(row.version), placeOf(row), row.output, row.summary]);
  output.result(codecs, textTable(["codec", "version", "kept in", "type", ""], rows));
  output.note("next: holdfast codec show <codec>");
}

async function showCodec(name: string, command: Command): Promise<void> {
  const codecs = await allCodecs(command);
  const codec = codecs.find((one) => one.name === name);
  if (codec === undefined) {
    throw new ServiceError("NOT_FOUND", `There is no codec ${name}.`, {
      details: {
        field: "name",
        value: name,
        remedy: `There are: ${codecs.map((one) => one.name).join(", ")}.`,
      },
    });
  }
  const fields = codec.fields.map((field) => [
    `  ${field.name}${field.args === null ? "" : `(${field.args})`}: ${field.type}`,
    field.description + (field.filter === null ? "" : " (rows can be filtered by it)"),
  ]);
  const text = [
    `${codec.name} (version ${codec.version}): ${codec.summary}`,
    `kept in: ${placeOf(codec)}${codec.acceptsTree ? "; takes folders" : ""}${codec.acceptsUpload ? "; takes uploads" : ""}`,
    `\nselect (${codec.output}):`,
    ...fields.flatMap(([head = "", description = ""]) => [head, `      ${description}`]),
    `\ngive (${codec.input}):\n`,
    codec.typeDefs.trim(),
  ];
  callOf(command).output.result(codec, text.join("\n"));
}
