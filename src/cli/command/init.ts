/** `init`: a project of one's own. */

import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { ServiceError } from "../../errors.ts";
import { callOf } from "./context.ts";

const schemaText = `extend schema @database(schema: "lab")

"A mouse, rat or fly under study."
type Subject @table {
  subjectId: Int! @key
  name: String! @column(type: "varchar(64)") @unique
  birth: Date
}

"One sitting with a subject."
type Session @table {
  subject: Subject! @key
  sessionIdx: Int! @key
  startedAt: DateTime!
  "A numeric array, kept in the store as .npy."
  trace: NdArray @codec(name: "npy", store: "default")
}
`;

const ignoreText = "data/\nnode_modules/\n.secrets/\n";

export function initCommand(program: Command): void {
  program
    .command("init [folder]")
    .description("start a project of your own: a schema file, nothing else needed")
    .action((folder: string | undefined, _, command: Command) => init(folder ?? ".", command));
}

async function init(folder: string, command: Command): Promise<void> {
  const at = resolve(folder);
  const schema = join(at, "schema.graphql");
  await mkdir(at, { recursive: true }).catch((error: unknown) => Promise.reject(unusable(error, at)));
  const made = [(await place(schema, schemaText)) ? "schema.graphql" : undefined];
  if (made[0] === undefined) {
    throw new ServiceError("CONFLICT", `${schema} exists already.`, {
      details: {
        file: schema,
        value: at,
        remedy: "Name another folder, or go there and run: holdfast start",
      },
    });
  }
  if (await place(join(at, ".gitignore"), ignoreText)) made.push(".gitignore");
  const next = at === process.cwd() ? "holdfast start" : `cd ${quoted(folder)} && holdfast start`;
  const { output } = callOf(command);
  output.result({ folder: at, files: made, next }, `Made ${made.join(" and ")} in ${at}.`);
  output.note(`Edit schema.graphql: each type is a table.\nnext: ${next}`);
}

/** False when there is such a file. */
async function place(path: string, text: string): Promise<boolean> {
  try {
    await writeFile(path, text, { flag: "wx" });
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw unusable(error, path);
  }
}

function unusable(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || !("code" in error)) return error;
  return new ServiceError("CONFIG_INVALID", `${path} cannot be made (${String(error.code)}).`, {
    details: { value: path, remedy: "Name a folder that you may write." },
    cause: error,
  });
}

/** As a shell reads it. */
function quoted(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
