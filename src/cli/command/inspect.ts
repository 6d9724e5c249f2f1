/** `codec`, `objects`, `refs`: looking at what the service has. */

import type { Command } from "commander";
import { ServiceError } from "../../errors.ts";
import { askSystem } from "../ask.ts";
import { textTable } from "../text-table.ts";
import { callOf, wholeOption } from "./context.ts";
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

interface ObjectRow {
  readonly locator: string;
  readonly isTree: boolean;
  readonly sizeBytes: string | null;
  readonly verifiedAt: string | null;
}

interface ReferrerRow {
  readonly schema: string;
  readonly table: string;
  readonly column: string;
  readonly key: Readonly<Record<string, string>>;
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

export function objectCommands(program: Command): void {
  program
    .command("objects")
    .description("list objects in the order of their locators")
    .option("--prefix <locator>", "begin of the locator, for example main:_hash/lab/")
    .option("--first <n>", "how many, 1 to 1000", "100")
    .option("--after <locator>", "continue behind this one")
    .option("--unreferenced", "only those that nothing holds")
    .action((options: ObjectOptions, command: Command) => objects(options, command));
  program
    .command("refs <locator>")
    .description("show the rows that refer to an object")
    .action((locator: string, _, command: Command) => refs(locator, command));
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

interface ObjectOptions {
  readonly prefix?: string;
  readonly first: string;
  readonly after?: string;
  readonly unreferenced?: boolean;
}

async function objects(options: ObjectOptions, command: Command): Promise<void> {
  const query = `query ($first: Int!, $after: String, $prefix: String, $unreferenced: Boolean) {
    objects(first: $first, after: $after, prefix: $prefix, unreferenced: $unreferenced) {
      nodes { locator isTree sizeBytes sha256 createdAt verifiedAt condemnedAt } endCursor
    }
  }`;
  const variables = { ...options, first: wholeOption("--first", options.first, [1, 1000]) };
  const { objects } = await withService(command, (at) =>
    askSystem<{ objects: { nodes: ObjectRow[]; endCursor: string | null } }>(at, query, variables),
  );
  const rows = objects.nodes.map((row) => [
    row.locator,
    row.isTree ? "folder" : "file",
    row.sizeBytes === null ? "?" : String(row.sizeBytes),
    row.verifiedAt === null ? "not verified" : "verified",
  ]);
  const { output } = callOf(command);
  output.result(objects, textTable(["locator", "kind", "bytes", "state"], rows));
  if (objects.endCursor !== null) output.note(`next: ${nextPage(options, objects.endCursor)}`);
}

/** The same command, continued. */
function nextPage({ prefix, first, unreferenced }: ObjectOptions, after: string): string {
  const options = [
    ["--prefix", prefix],
    ["--first", first === "100" ? undefined : first],
    ["--after", after],
  ].flatMap(([name, value]) => (value === undefined ? [] : [`${name} ${JSON.stringify(value)}`]));
  return ["holdfast objects", ...options, ...(unreferenced === true ? ["--unreferenced"] : [])].join(" ");
}

async function refs(locator: string, command: Command): Promise<void> {
  const query = `query ($locator: ID!) { object(locator: $locator) {
    locator referrers(first: 1000) { schema table column key }
  } }`;
  const { object } = await withService(command, (at) =>
    askSystem<{ object: { referrers: ReferrerRow[] } | null }>(at, query, { locator }),
  );
  if (object === null) {
    throw new ServiceError("NOT_FOUND", `There is no object ${locator}.`, {
      details: { field: "locator", value: locator, remedy: "List them with: holdfast objects" },
    });
  }
  const rows = object.referrers.map((row) => [
    `${row.schema}.${row.table}`,
    row.column,
    JSON.stringify(row.key),
  ]);
  callOf(command).output.result(
    object.referrers,
    rows.length === 0 ? "nothing refers to it" : textTable(["table", "column", "key"], rows),
  );
}
