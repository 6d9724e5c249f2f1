/** `codec new`: the file of a codec and its test. */

import { access, mkdir, writeFile } from "node:fs/promises";
import { findPackageJSON } from "node:module";
import { dirname, join, relative } from "node:path";
import { ServiceError } from "../../errors.ts";
import { loadRegistry } from "../start/load-codecs.ts";
import { codecTestText, codecText, outputOf, type Placement } from "./codec-text.ts";
import { type Call, wrongOption } from "./context.ts";

/** @throws {BAD_USER_INPUT} for a name that cannot be one, {CONFLICT} when a codec, a type or a file is there already. */
export async function newCodec(name: string, placement: Placement, call: Call): Promise<void> {
  if (!/^[a-z][a-z0-9_]*$/.test(name)) {
    throw wrongOption("name", name, "lower-case letters, digits and '_', a letter first, such as eye_track");
  }
  const folder = join(dirname(call.settings.schemaPath), "codecs");
  const texts = new Map([
    [join(folder, `${name}.ts`), codecText({ name, placement })],
    [join(folder, `${name}.test.ts`), codecTestText({ name })],
  ]);
  for (const file of texts.keys()) await refuseExisting(file);
  await refuseTwin(name, call);
  await mkdir(folder, { recursive: true });
  for (const [file, text] of texts) await writeFile(file, text, { flag: "wx" });
  tell(call, { name, placement, files: [...texts.keys()] });
}

async function refuseExisting(file: string): Promise<void> {
  const isThere = await access(file).then(
    () => true,
    () => false,
  );
  if (!isThere) return;
  throw new ServiceError("CONFLICT", `${file} exists already.`, {
    details: { file, value: file, remedy: "Choose another name, or edit the file." },
  });
}

async function refuseTwin(name: string, { settings }: Call): Promise<void> {
  const { registry, sources } = await loadRegistry(settings);
  const output = outputOf(name);
  if (registry.find(name) === undefined && !registry.typeNames.has(output)) return;
  const what =
    registry.find(name) === undefined
      ? `A codec brings a type ${output} already.`
      : `There is a codec ${name} already: ${sources.get(name) ?? "Holdfast's own"}.`;
  throw new ServiceError("CONFLICT", what, {
    details: { field: "name", value: name, remedy: "Choose another name." },
  });
}

interface Made {
  readonly name: string;
  readonly placement: Placement;
  readonly files: readonly string[];
}

function tell({ output }: Call, { name, placement, files }: Made): void {
  const [file = "", test = ""] = files.map((path) => relative(process.cwd(), path));
  const missing = [
    ["holdfast", "npm install holdfast"],
    ["fast-check", "npm install --save-dev fast-check"],
  ].flatMap(([dependency = "", command = ""]) => (isInstalled(dependency, files[0] ?? "") ? [] : [command]));
  const store = placement === "row" ? "" : ', store: "default"';
  const field = `values: ${outputOf(name)} @codec(name: "${name}"${store})`;
  const next = [
    ...missing,
    `node --test ${test}`,
    `add a field to the schema file: ${field}`,
    "holdfast start",
  ];
  output.result({ name, files, field, next }, `Made ${file} and ${test}.`);
  output.note(`next:\n${next.map((step) => `  ${step}`).join("\n")}`);
}

function isInstalled(dependency: string, from: string): boolean {
  try {
    return findPackageJSON(dependency, from) !== undefined;
  } catch {
    return false;
  }
}
