/** `objects`, `refs`: what is stored, what holds it, what became of it. */

import type { Command } from "commander";
import { askSystem } from "../../client/ask.ts";
import { ServiceError } from "../../errors.ts";
import { type KeptObject, keptText, type RemovedRow, removedText } from "../collector/object-text.ts";
import { textTable } from "../text-table.ts";
import { callOf, wholeOption } from "./context.ts";
import { withService } from "./service.ts";

interface ListedRow {
  readonly locator: string;
  readonly isTree: boolean;
  readonly sizeBytes: string | null;
  readonly verifiedAt: string | null;
  readonly isCondemned: boolean;
  readonly condemnedAt: string | null;
}

interface Page<Row> {
  readonly nodes: readonly Row[];
  readonly endCursor: string | null;
}

interface ListOptions {
  readonly prefix?: string;
  readonly store?: string;
  readonly first: string;
  readonly after?: string;
  readonly unreferenced?: boolean;
  readonly condemned?: boolean;
  readonly removed?: boolean;
}

export function objectCommands(program: Command): void {
  const objects = program.command("objects").description("what is stored, what holds it, what became of it");
  objects
    .command("list", { isDefault: true })
    .description("list objects in the order of their locators")
    .option("--store <name>", "of this store")
    .option("--prefix <locator>", "begin of the locator, for example main:_hash/lab/")
    .option("--first <n>", "how many, 1 to 1000", "100")
    .option("--after <locator>", "continue behind this one")
    .option("--unreferenced", "only those that nothing holds")
    .option("--condemned", "only those that the collector will kill")
    .option("--removed", "killed ones that can be revived")
    .action((options: ListOptions, command: Command) =>
      options.removed === true ? listRemoved(options, command) : list(options, command),
    );
  objects
    .command("show <locator>")
    .description("show an object: who refers to it, since when nothing does, what was done to it")
    .action((locator: string, _, command: Command) => show(locator, command));
  program
    .command("refs <locator>")
    .description("show the rows that refer to an object")
    .action((locator: string, _, command: Command) => refs(locator, command));
}

async function list(options: ListOptions, command: Command): Promise<void> {
  const query = `query ($first: Int!, $after: String, $prefix: String, $unreferenced: Boolean, $store: String, $condemned: Boolean) {
    objects(first: $first, after: $after, prefix: $prefix, unreferenced: $unreferenced, store: $store, condemned: $condemned) {
      nodes { locator isTree sizeBytes sha256 createdAt verifiedAt isCondemned condemnedAt } endCursor
    }
  }`;
  const { removed: _, ...asked } = options;
  const variables = { ...asked, first: wholeOption("--first", options.first, [1, 1000]) };
  const { objects } = await withService(command, (at) =>
    askSystem<{ objects: Page<ListedRow> }>(at, query, variables),
  );
  const rows = objects.nodes.map((row) => [
    row.locator,
    row.isTree ? "folder" : "file",
    row.sizeBytes ?? "?",
    row.verifiedAt === null ? "not verified" : "verified",
    row.isCondemned ? `condemned${row.condemnedAt === null ? "" : ` ${row.condemnedAt}`}` : "",
  ]);
  const { output } = callOf(command);
  output.result(objects, textTable(["locator", "kind", "bytes", "state", ""], rows));
  if (objects.endCursor !== null) output.note(`next: ${nextPage(options, objects.endCursor)}`);
}

async function listRemoved(options: ListOptions, command: Command): Promise<void> {
  const query = `query ($first: Int!, $after: String, $prefix: String) {
    removedObjects(first: $first, after: $after, prefix: $prefix) {
      nodes { id locator isTree sizeBytes state killedAt hiddenAt purgeAfter } endCursor
    }
  }`;
  const prefix = options.prefix ?? (options.store === undefined ? undefined : `${options.store}:`);
  const variables = { after: options.after, prefix, first: wholeOption("--first", options.first, [1, 1000]) };
  const { removedObjects } = await withService(command, (at) =>
    askSystem<{ removedObjects: Page<RemovedRow> }>(at, query, variables),
  );
  const rows = removedObjects.nodes.map((row) => [
    row.locator,
    row.isTree ? "folder" : "file",
    row.sizeBytes ?? "?",
    removedText(row),
  ]);
  const { output } = callOf(command);
  output.result(removedObjects, textTable(["locator", "kind", "bytes", "state"], rows));
  if (removedObjects.endCursor !== null) output.note(`next: ${nextPage(options, removedObjects.endCursor)}`);
  else if (rows.length > 0) output.note("next: holdfast revive <locator>");
}

/** The same command, continued. */
function nextPage(options: ListOptions, after: string): string {
  const { prefix, store, first } = options;
  const given = [
    ["--store", store],
    ["--prefix", prefix],
    ["--first", first === "100" ? undefined : first],
    ["--after", after],
  ].flatMap(([name, value]) => (value === undefined ? [] : [`${name} ${JSON.stringify(value)}`]));
  const flags = (["unreferenced", "condemned", "removed"] as const).flatMap((name) =>
    options[name] === true ? [`--${name}`] : [],
  );
  return ["holdfast objects", ...given, ...flags].join(" ");
}

async function show(locator: string, command: Command): Promise<void> {
  const audit = "id at run by step gen tombstone details";
  const query = `query ($locator: ID!) {
    object(locator: $locator) {
      locator isTree sizeBytes sha256 createdAt verifiedAt isCondemned condemnedAt holds
      referrers(first: 100) { schema table column key }
    }
    removedObjects(first: 1000, locator: $locator) { nodes { id locator isTree sizeBytes state killedAt hiddenAt purgeAfter } }
    audit(first: 1000, locator: $locator) { nodes { ${audit} } endCursor }
  }`;
  const { object, removedObjects, ...history } = await withService(command, (at) =>
    askSystem<{
      object: KeptObject["object"];
      removedObjects: Page<RemovedRow>;
      audit: Page<KeptObject["audit"][number]>;
    }>(at, query, { locator }),
  );
  const found = { object, removed: removedObjects.nodes, audit: history.audit.nodes };
  if (object === null && found.removed.length === 0 && found.audit.length === 0) throw noSuch(locator);
  const { output } = callOf(command);
  output.result(found, keptText(locator, found));
  if (history.audit.endCursor !== null)
    output.note("The audit has more lines: audit(locator) of the system API.");
  if (object === null && found.removed.length > 0)
    output.note(`next: holdfast revive ${JSON.stringify(locator)}`);
  if (object === null) process.exitCode = 3;
}

function noSuch(locator: string): ServiceError {
  return new ServiceError("NOT_FOUND", `There is no object ${locator}.`, {
    details: { field: "locator", value: locator, remedy: "List them with: holdfast objects" },
  });
}

async function refs(locator: string, command: Command): Promise<void> {
  const query = `query ($locator: ID!) { object(locator: $locator) {
    locator referrers(first: 1000) { schema table column key }
  } }`;
  const { object } = await withService(command, (at) =>
    askSystem<{ object: { referrers: NonNullable<KeptObject["object"]>["referrers"] } | null }>(at, query, {
      locator,
    }),
  );
  if (object === null) throw noSuch(locator);
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
