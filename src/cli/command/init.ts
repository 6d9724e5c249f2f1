/** `init`: a project of one's own. */

import { mkdir, readdir, writeFile } from "node:fs/promises";
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
  await mkdir(at, { recursive: true });
  if ((await readdir(at)).includes("schema.graphql")) {
    throw new ServiceError("CONFLICT", `${join(at, "schema.graphql")} exists already.`, {
      details: { value: at, remedy: "Name another folder, or go there and run: holdfast start" },
    });
  }
  await writeFile(join(at, "schema.graphql"), schemaText, { flag: "wx" });
  await writeFile(join(at, ".gitignore"), ignoreText, { flag: "wx" }).catch(() => undefined);
  const next = at === process.cwd() ? "holdfast start" : `cd ${folder} && holdfast start`;
  callOf(command).output.result({ folder: at, next }, `Made ${join(at, "schema.graphql")}.\nnext: ${next}`);
}
