/** PostgreSQL schemas of a command that takes several. */

import type { Command } from "commander";

/** A list that fills as the command line is read. The name is that of the global option, which keeps its last value only. */
export function repeatedSchemas(program: Command): readonly string[] {
  const schemas: string[] = [];
  program.on("option:schema", (name: string) => schemas.push(name));
  return schemas;
}
