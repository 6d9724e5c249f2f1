/** `codec`: the loaded codecs. */

import { type Command, Option } from "commander";
import { askSystem } from "../../client/ask.ts";
import { ServiceError } from "../../errors.ts";
import { textTable } from "../text-table.ts";
import { newCodec } from "./codec-new.ts";
import type { Placement } from "./codec-text.ts";
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
  readonly args: string | null;
  readonly source: string;
  readonly fields: readonly {
    readonly name: string;
    readonly type: string;
    readonly args: string | null;
    readonly description: string;
    readonly filter: string | null;
  }[];
}

interface BrokenRow {
  readonly kind: "CODEC" | "DRIVER";
  readonly name: string;
  readonly source: string;
  readonly problem: string;
  readonly remedy: string;
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
  codec
    .command("new <name>")
    .description(
      "start a codec of your own: its file and its test in the folder codecs beside the schema file",
    )
    .addOption(
      new Option(
        "--store <how>",
        "where values lie: in a store by hash or by schema path, or in the row only",
      )
        .choices(["hash", "schema", "row"])
        .default("hash"),
    )
    .action((name: string, { store }: { store: Placement }, command: Command) =>
      newCodec(name, store, callOf(command)),
    );
}

interface Answer {
  readonly codecs: readonly CodecRow[];
  readonly brokenPlugins: readonly BrokenRow[];
}

function allCodecs(command: Command): Promise<Answer> {
  const query = `{ codecs { name version summary inRow inStore output input acceptsTree acceptsUpload typeDefs args source
    fields { name type args description filter } } brokenPlugins { kind name source problem remedy } }`;
  return withService(command, (at) => askSystem<Answer>(at, query));
}

const placeOf = (row: CodecRow) =>
  [row.inRow ? "row" : "", row.inStore ? "store" : ""].filter(Boolean).join(", ");

async function listCodecs(command: Command): Promise<void> {
  const { codecs, brokenPlugins } = await allCodecs(command);
  const { output } = callOf(command);
  const rows = codecs.map((row) => [row.name, String(row.version), placeOf(row), row.output, row.summary]);
  const broken = brokenPlugins.filter(({ kind }) => kind === "CODEC");
  const text = textTable(["codec", "version", "kept in", "type", ""], rows);
  const all = [...codecs.map((one) => ({ ...one, problem: null })), ...broken];
  output.result(all, [text, ...broken.map(brokenText)].join("\n"));
  output.note("next: holdfast codec show <codec>");
}

/** One that is not in service is told beneath those that are. */
function brokenText({ name, source, problem, remedy }: BrokenRow): string {
  return `\nnot in service: ${name} (${source})\n  ${problem}\n  ${remedy}`;
}

async function showCodec(name: string, command: Command): Promise<void> {
  const { codecs, brokenPlugins } = await allCodecs(command);
  const codec = codecs.find((one) => one.name === name);
  const broken = brokenPlugins.find((one) => one.kind === "CODEC" && one.name === name);
  if (codec === undefined && broken !== undefined) {
    throw new ServiceError(
      "CODEC_UNAVAILABLE",
      `The codec ${name} (${broken.source}) is not in service: ${broken.problem}`,
      {
        details: { field: "name", value: name, remedy: broken.remedy },
      },
    );
  }
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
    `comes from: ${codec.source}`,
    ...(codec.args === null ? [] : [`args of @codec: ${codec.args}`]),
    `\nselect (${codec.output}):`,
    ...fields.flatMap(([head = "", description = ""]) => [head, `      ${description}`]),
    `\ngive (${codec.input}):\n`,
    codec.typeDefs.trim(),
  ];
  callOf(command).output.result(codec, text.join("\n"));
}
